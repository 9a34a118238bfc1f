"""Walking through a manifest that may be incomplete, wrong or partly unknown, always knowing where one is."""

from collections.abc import Iterator
from typing import Any

from rehearsal.crds.strict_schema import path_text
from rehearsal.engine.model import UNKNOWN, Secret


class Cursor:
    """A place in a manifest and the value there: None where there is none, UNKNOWN wherever it is below an UNKNOWN.

    Malformed manifests are reported by the schemas, so this one never complains about them.
    """

    def __init__(self, value: Any, path: tuple[str | int, ...] = ()) -> None:
        self.value, self._path = value, path

    def __getitem__(self, key: str) -> "Cursor":
        below = self.value.get(key) if isinstance(self.value, dict) else None
        return Cursor(UNKNOWN if self.value is UNKNOWN else below, (*self._path, key))

    def __iter__(self) -> Iterator["Cursor"]:
        """The entries of a list; none if this is no list."""
        if isinstance(self.value, list):
            for index, item in enumerate(self.value):
                yield Cursor(item, (*self._path, index))

    def __bool__(self) -> bool:
        return self.value not in (None, "")

    def fields(self) -> Iterator[tuple[str, "Cursor"]]:
        """The fields of an object; none if this is no object."""
        if isinstance(self.value, dict):
            for key, item in self.value.items():
                yield str(key), Cursor(item, (*self._path, key))

    def keys(self) -> frozenset[str]:
        """The names of an object's fields; none if this is no object."""
        return frozenset(key for key, _ in self.fields())

    @property
    def scalar(self) -> Any:
        """The value here if it is text, number, truth value or UNKNOWN; None for anything else."""
        return self.value if self.value is UNKNOWN or isinstance(self.value, (str, int, float)) else None

    def each(self, key: str) -> set[Any]:
        """What the entries of a list have under `key`. UNKNOWN is among it when there may be more than is known."""
        found = {UNKNOWN if entry.value is UNKNOWN else entry[key].scalar for entry in self} - {None}
        return found | {UNKNOWN} if self.value is UNKNOWN else found

    def mapping(self) -> Any:
        """An object of plain values, such as labels: a dictionary (empty if there is none), or UNKNOWN."""
        return UNKNOWN if self.value is UNKNOWN else {key: item.scalar for key, item in self.fields()}

    def text(self, default: str = "") -> Any:
        """The text here, `default` where there is none, or UNKNOWN."""
        if self.value is UNKNOWN or (isinstance(self.value, str) and self.value):
            return self.value
        return default

    def down(self, *keys: str) -> "Cursor":
        """Several steps at once."""
        place = self
        for key in keys:
            place = place[key]
        return place

    def strings(self) -> Iterator["Cursor"]:
        """Every text at or below this place."""
        if isinstance(self.value, str):
            yield self
        for item in self:
            yield from item.strings()
        for _, item in self.fields():
            yield from item.strings()

    @property
    def path(self) -> str:
        return path_text(self._path)


def without_secrets(manifest: Any) -> Any:
    """The manifest with UNKNOWN in place of secret values; the names of secret fields are kept.

    So references can be followed, and nothing secret can get into a message.
    """
    return _hidden(manifest, inside=False)


def _hidden(value: Any, inside: bool) -> Any:
    if isinstance(value, Secret):
        return _hidden(value.value, inside=True)
    if isinstance(value, dict):
        return {key: _hidden(item, inside) for key, item in value.items()}
    if isinstance(value, list):
        return [_hidden(item, inside) for item in value]
    return UNKNOWN if inside else value
