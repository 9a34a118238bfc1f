"""What an object takes for granted: that another one exists, that pods answer to a selector, that two fields agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rehearsal.check.cursor import Cursor
from rehearsal.engine.model import UNKNOWN


@dataclass(frozen=True)
class Reference:
    """An object that must exist; with `keys`, that it must hold; with a `port`, that it must offer.

    `kind` is written as kubectl does (`Secret`, `Middleware.traefik.io`). `namespace` is None for what has none. Names,
    keys and port may be UNKNOWN.
    """

    path: str
    kind: str
    namespace: Any
    name: Any
    keys: tuple[Any, ...] = ()
    port: Any = None


@dataclass(frozen=True)
class Selection:
    """Pods that must exist in `namespace`: those a label selector means, with a container port where one is given."""

    path: str
    namespace: str
    selector: Any
    port: Any = None


@dataclass(frozen=True)
class Flaw:
    """Something wrong within the object itself."""

    path: str
    message: str
    fix: str = ""


Claim = Reference | Selection | Flaw


def to(place: Cursor, kind: str, namespace: Any, keys: tuple[Any, ...] = (), port: Any = None) -> Iterator[Reference]:
    """The reference made by the name at `place`; none if no name is given there, or something that can't be one."""
    name = place.text()
    if name:
        plain = tuple(key for key in keys if key is UNKNOWN or isinstance(key, str))
        yield Reference(place.path, kind, namespace, name, plain, port)


def to_key(place: Cursor, kind: str, namespace: Any) -> Iterator[Reference]:
    """The reference made by a `{name, key}` (Kubernetes' own and most operators'), unless it is `optional`."""
    if place["optional"].value is not True:
        yield from to(place["name"], kind, namespace, (place["key"].scalar,))


def group_kind(api_version: str, kind: str) -> str:
    """`Middleware.traefik.io` for `traefik.io/v1alpha1` and `Middleware`; `Secret` for `v1` and `Secret`."""
    group = api_version.rpartition("/")[0]
    return f"{kind}.{group}" if group else kind
