"""The cluster as a stand-in sees it: a snapshot (`World`) of a live view (`View`) that all stand-ins share."""

import threading
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from rehearsal.standins.kinds import Kind

Object = dict[str, Any]
Key = tuple[str, str, str, str]
"""API version, kind, namespace ("" when there is none), name."""


def key_of(manifest: Mapping[str, Any]) -> Key:
    metadata = manifest["metadata"]
    return manifest["apiVersion"], manifest["kind"], metadata.get("namespace") or "", metadata["name"]


@dataclass(frozen=True)
class World:
    """One moment. Objects are shared between stand-ins: never change one."""

    objects: Mapping[tuple[str, str], Mapping[tuple[str, str], Object]]
    now: datetime
    refusals: Mapping[Key, str] = field(default_factory=dict)
    """What the API server said to our last try to write an object, for those where it said no."""

    @classmethod
    def of(
        cls, objects: Iterable[Object], now: datetime | None = None, refusals: Mapping[Key, str] | None = None
    ) -> "World":
        by_kind: dict[tuple[str, str], dict[tuple[str, str], Object]] = {}
        for item in objects:
            api_version, kind, namespace, name = key_of(item)
            by_kind.setdefault((api_version, kind), {})[namespace, name] = item
        return cls(by_kind, now or datetime.now(UTC), refusals or {})

    def all(self, kind: Kind) -> list[Object]:
        """Every object of a kind, ordered by namespace and name."""
        return [item for _, item in sorted(self.objects.get(kind[:2], {}).items())]

    def get(self, kind: Kind, name: str, namespace: str = "") -> Object | None:
        return self.objects.get(kind[:2], {}).get((namespace, name))

    def find(self, key: Key) -> Object | None:
        return self.objects.get(key[:2], {}).get(key[2:])


class View:
    """What the watches have told, and what our own writes answered. For many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._objects: dict[tuple[str, str], dict[tuple[str, str], Object]] = {}
        self._told: dict[tuple[str, str], int] = {}
        self._subscribers: list[tuple[frozenset[tuple[str, str]], threading.Event]] = []

    def subscribe(self, kinds: Iterable[Kind]) -> threading.Event:
        """An event that is set whenever an object of these kinds changes."""
        changed = threading.Event()
        self._subscribers.append((frozenset(kind[:2] for kind in kinds), changed))
        return changed

    def tell(self, item: Object, *, deleted: bool = False) -> None:
        """A step of a watch."""
        api_version, kind, namespace, name = key_of(item)
        version = int(item["metadata"]["resourceVersion"])
        with self._lock:
            objects = self._objects.setdefault((api_version, kind), {})
            self._told[api_version, kind] = max(version, self._told.get((api_version, kind), 0))
            known = objects.get((namespace, name))
            if known and int(known["metadata"]["resourceVersion"]) > version:
                return
            if deleted:
                objects.pop((namespace, name), None)
            else:
                objects[namespace, name] = item
        self._announce((api_version, kind))

    def only(self, kind: Kind, present: Collection[Key]) -> None:
        """Of that kind these exist and no others: what went while nobody watched goes here."""
        with self._lock:
            objects = self._objects.get(kind[:2], {})
            self._objects[kind[:2]] = {key: item for key, item in objects.items() if key_of(item) in present}
        self._announce(kind[:2])

    def wrote(self, item: Object) -> None:
        """The answer to a write of ours, so that the next look does not come before its own last step.

        What the watch of the kind has passed already is left alone: the object may have been deleted since.
        """
        api_version, kind, namespace, name = key_of(item)
        with self._lock:
            if int(item["metadata"]["resourceVersion"]) > self._told.get((api_version, kind), 0):
                self._objects.setdefault((api_version, kind), {})[namespace, name] = item

    def snapshot(self, kinds: Iterable[Kind], refusals: Mapping[Key, str]) -> World:
        with self._lock:
            objects = {kind[:2]: dict(self._objects.get(kind[:2], {})) for kind in kinds}
        return World(objects, datetime.now(UTC), dict(refusals))

    def _announce(self, kind: tuple[str, str]) -> None:
        for kinds, changed in self._subscribers:
            if kind in kinds:
                changed.set()
