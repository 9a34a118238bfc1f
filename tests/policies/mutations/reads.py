"""Which places a rule reads: mappings and lists that note who looks into them.

They are the values themselves, so whatever a rule or a view does with them is noted, whichever way it does it.
"""

from collections.abc import Iterator
from typing import Any

Place = tuple[str, tuple[str | int, ...]]
"""A resource's URN, and a path in its inputs."""


class Log(set[Place]):
    """What was looked at, all the way down from a resource's inputs."""

    def watch(self, urn: str, value: Any) -> Any:
        """`value` with everything in it, noting in this log."""
        return _watched(value, (urn, ()), self)


def _watched(value: Any, place: Place, log: Log) -> Any:
    if type(value) is dict:
        return _Mapping(value, place, log)
    return _List(value, place, log) if type(value) is list else value


class _Mapping(dict[str, Any]):
    def __init__(self, value: dict[str, Any], place: Place, log: Log) -> None:
        super().__init__(value)
        self._place, self._log = place, log

    def _seen(self, key: Any) -> Place:
        urn, path = self._place
        self._log.add(place := (urn, (*path, key)))
        return place

    def __getitem__(self, key: str) -> Any:
        place = self._seen(key)
        return _watched(super().__getitem__(key), place, self._log)

    def get(self, key: str, default: Any = None) -> Any:
        place = self._seen(key)
        return _watched(super().get(key, default), place, self._log)

    def __contains__(self, key: object) -> bool:
        self._seen(key)
        return super().__contains__(key)

    def __iter__(self) -> Iterator[str]:
        for key in super().__iter__():
            self._seen(key)
            yield key

    def keys(self) -> Any:
        return list(self)

    def values(self) -> Any:
        return [self[key] for key in super().__iter__()]

    def items(self) -> Any:
        return [(key, self[key]) for key in super().__iter__()]

    def __eq__(self, other: object) -> bool:
        return dict(self.items()) == other

    __hash__ = None


class _List(list[Any]):
    def __init__(self, value: list[Any], place: Place, log: Log) -> None:
        super().__init__(value)
        self._place, self._log = place, log

    def _item(self, index: int) -> Any:
        urn, path = self._place
        self._log.add(place := (urn, (*path, index)))
        return _watched(super().__getitem__(index), place, self._log)

    def __getitem__(self, index: Any) -> Any:
        return self._item(index % len(self)) if isinstance(index, int) and len(self) else list(self)[index]

    def __iter__(self) -> Iterator[Any]:
        return (self._item(index) for index in range(len(self)))

    def __contains__(self, item: object) -> bool:
        return item in list(self)

    def __eq__(self, other: object) -> bool:
        return list(iter(self)) == other

    __hash__ = None
