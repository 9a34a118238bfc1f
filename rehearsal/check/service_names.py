"""Names of services inside texts: `http://web.shop.svc:8069` in an argument means Service shop/web, port 8069."""

import re
from collections.abc import Iterator
from typing import Final

from rehearsal.check.claims import Reference
from rehearsal.check.inventory import Declared

_LABEL: Final = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
# An optional first label is a pod's own name behind a headless service.
_NAME: Final = re.compile(
    rf"(?<![\w.*-])(?:{_LABEL}\.)?({_LABEL})\.({_LABEL})\.svc(?:\.cluster\.local)?\.?(?::(\d{{1,5}}))?(?![\w-])(?!\.[\w])"
)


def in_texts(item: Declared) -> Iterator[Reference]:
    """The services that texts of this object name in full; short names could be anything. Secret texts are not read."""
    for place in item.root.strings():
        for name, namespace, port in _NAME.findall(place.value):
            yield Reference(place.path, "Service", namespace, name, port=int(port) if port else None)
