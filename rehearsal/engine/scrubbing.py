"""Keeps known secrets out of messages."""

import json
from collections.abc import Iterable
from typing import Any, Final

MASK: Final = "[secret]"
SHORTEST_SECRET: Final = 8
"""Characters from which a text inside a resource's secret is looked for elsewhere. Whole mappings are secret at times,
with a `true` or a `5432` in them, and such words are everywhere. The configuration's own secrets are, however short."""


class Scrubber:
    """Replaces every secret it was told of, wherever it stands in a text, by `[secret]`."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: Any) -> None:
        """Learns a secret: a text, what is inside if the text is JSON, or whatever is inside a list or mapping."""
        if isinstance(secret, dict):
            for item in secret.values():
                self.add(item)
        elif isinstance(secret, list):
            for item in secret:
                self.add(item)
        elif isinstance(secret, (int, float)) and not isinstance(secret, bool):
            self._secrets.add(str(secret))
        elif isinstance(secret, str) and secret:
            # As it stands, and as it looks inside a quoted text.
            self._secrets |= {secret, repr(secret)[1:-1], json.dumps(secret)[1:-1]}
            if secret[0] in "[{":
                self._add_json(secret)

    def __call__(self, text: str) -> str:
        """`text` without any secret; the longest are replaced first, as one may be part of another."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return text

    def _add_json(self, text: str) -> None:
        try:
            self.add(json.loads(text))
        except ValueError:
            return
