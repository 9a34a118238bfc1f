"""How a property is made worse: each operator gives what would stand there instead, or nothing where it has no use.

delete  takes it away (a property here; a whole resource in graph.py)
zero    nothing of it: 0, an empty text, list or mapping
flip    the other boolean, also one written as a text
widen   everybody and everything: all addresses, all actions, all resources, all hosts
rename  another text: a reference leads elsewhere, a word of a list of words is another
halve, double  numbers, also those in quantities, durations and arguments
seldom  a schedule that fires every four years
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from tests.policies.mutations.places import GONE, JSON, Path

_NUMBER: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)([A-Za-z%]{0,6})")
_CRON: Final = re.compile(r"[\d*/,-]+( [\d*/,A-Za-z#L-]+){4,5}")
_CIDR: Final = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}")
_WORD: Final = re.compile(r"\S{1,253}")
_ALL_OF: Final = ("Action", "Resource", "Principal", "resources", "verbs", "apiGroups", "resourceNames", "hosts")
_ONE_PLACE: Final = ("AWS", "Service", "Federated")


def _zero(value: Any, _: Path) -> Any:
    if isinstance(value, bool):
        return None
    for kind, nothing in ((int | float, 0), (str, ""), (list, []), (dict, {})):
        if isinstance(value, kind):
            return None if value == nothing else nothing
    return None


def _flip(value: Any, _: Path) -> Any:
    if isinstance(value, bool):
        return not value
    other = {"true": "false", "false": "true", "True": "False", "False": "True", "Allow": "Deny", "Deny": "Allow"}
    return other.get(value) if isinstance(value, str) else None


def _widen(value: Any, path: Path) -> Any:
    if isinstance(value, str) and _CIDR.fullmatch(value):
        return "0.0.0.0/0"
    if isinstance(value, str) and re.search(r"\b(Host|HostRegexp|Path|PathPrefix|PathRegexp)\(`", value):
        return "PathPrefix(`/`)"
    key = path[-1]
    if key in _ALL_OF and isinstance(value, list):
        return ["*"]
    if key in (*_ALL_OF, *_ONE_PLACE) and isinstance(value, str | dict | list) and value != "*":
        return "*"
    return None


def _rename(value: Any, _: Path) -> Any:
    if value in ("Allow", "Deny"):
        return None
    if isinstance(value, str) and _WORD.fullmatch(value) and not _CIDR.fullmatch(value):
        return None if value.lower() in ("true", "false", "*") or _NUMBER.fullmatch(value) else f"{value}-other"
    return None


def _times(factor: float) -> Callable[[Any, Path], Any]:
    def change(value: Any, _: Path) -> Any:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            return _scaled(value, factor) if value else None
        if isinstance(value, str) and (found := _NUMBER.fullmatch(value)) and float(found[1]):
            return f"{_scaled(float(found[1]), factor):g}{found[2]}"
        return None

    return change


def _scaled(number: float, factor: float) -> float:
    scaled = number * factor
    return int(scaled) if scaled == int(scaled) or number == int(number) else scaled


def _seldom(value: Any, _: Path) -> Any:
    if isinstance(value, str) and _CRON.fullmatch(value):
        return " ".join(["0"] * (len(value.split()) - 4) + ["0", "29", "2", "*"])
    return None


OPERATORS: Final[dict[str, Callable[[Any, Path], Any]]] = {
    "delete": lambda _value, _path: GONE,
    "zero": _zero,
    "flip": _flip,
    "widen": _widen,
    "rename": _rename,
    "halve": _times(0.5),
    "double": _times(2),
    "seldom": _seldom,
}
"""By name: what would stand at a place instead of a value; None where the operator has no use there."""


def changes(value: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """Every operator that has a use at this place, with what would stand there."""
    inside_json = JSON in path
    for name, operator in OPERATORS.items():
        # AWS and Kubernetes refuse odd words in their documents; what counts there is what goes and what widens.
        if inside_json and name not in ("delete", "widen", "flip"):
            continue
        if (new := operator(value, path)) is not None:
            yield name, new
