"""Values made up once and for all: the same seed gives the same value for the same purpose, in every namespace."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from pathlib import Path

from rehearsal.controlplane.files import write_private

_SEED_FILE = "stand-in.seed"


class Generator:
    """Makes values out of a seed, which is as secret as they are."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed

    @classmethod
    def of_plane(cls, plane_dir: Path) -> "Generator":
        """The generator of a control plane; its seed is a file (mode 0600) that ends with the plane's folder."""
        path = plane_dir / _SEED_FILE
        if not path.exists():
            write_private(path, secrets.token_bytes(32))
        return cls(path.read_bytes())

    def password(self, *purpose: str) -> str:
        """32 letters, digits, - and _."""
        value = hmac.digest(self._seed, "\0".join(purpose).encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(value).decode()[:32]


def secret_data(values: Mapping[str, str]) -> dict[str, str]:
    """The `data` of a Secret. Not `stringData`: with that, server-side apply never takes a key away."""
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
