"""Typed readers over what a resource was given.

A rule never indexes into properties: it asks for a text, a number or a list at a path and gets exactly that, or the
question can't be answered and `Unjudged` says why. The pack turns that into a violation of the rule that asked, so
what is missing, null, unknown or of the wrong type never passes silently and never crashes.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

if TYPE_CHECKING:
    from guardrails.resource import Resource

D = TypeVar("D")


class Unknown:
    """The type of `UNKNOWN`: what only a deployment would tell."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN: Final = Unknown()
_REQUIRED: Final = object()


class Unjudged(Exception):
    """A rule can't be judged, for what stands at `path` of `resource`."""

    def __init__(self, resource: "Resource | None", path: str, problem: str) -> None:
        super().__init__(f"{path} {problem}" if path else problem)
        self.resource = resource


class Node:
    """A value inside a resource, which knows where it stands.

    Paths are dotted (`spec.template.spec`); keys with dots in them (labels, annotations) are read by `texts`, items of
    lists by `items`. What is null counts as absent. With a `default`, absence gives the default; without, it is
    Unjudged. Unknown values and wrong types always are.
    """

    __slots__ = ("_value", "owner", "path")

    def __init__(self, owner: "Resource | None", path: str, value: Any) -> None:
        self.owner, self.path, self._value = owner, path, value

    def at(self, path: str = "") -> "Node":
        """The node at `path`; one that holds nothing where there is none."""
        node = self
        for key in path.split(".") if path else ():
            node = node._child(key)
        return node

    def has(self, path: str = "") -> bool:
        """Whether something is there; an unknown is."""
        return self.at(path)._value is not None

    def known(self, path: str = "") -> bool:
        """Whether what is there is known wholly, at any depth; absence is known.

        For a value that a preview may leave open: `if not node.known(path): return` skips it on purpose.
        """
        node = self
        for key in path.split(".") if path else ():
            if node._value is UNKNOWN:
                return False
            node = node._child(key)
        return not holds_unknown(node._value)

    @overload
    def text(self, path: str = "") -> str: ...
    @overload
    def text(self, path: str, default: D) -> str | D: ...
    def text(self, path: str = "", default: Any = _REQUIRED) -> Any:
        """A text; numbers and booleans as YAML would write them."""
        node, value = self._read(path, default)
        if isinstance(value, str) or value is default:
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int | float):
            return str(whole(value))
        raise node.unjudged(f"must be a text, is {kind_of(value)}")

    @overload
    def number(self, path: str = "") -> int | float: ...
    @overload
    def number(self, path: str, default: D) -> int | float | D: ...
    def number(self, path: str = "", default: Any = _REQUIRED) -> Any:
        """A number, also one that is written as a text; whole ones as int, though the wire has only floats."""
        node, value = self._read(path, default)
        if value is default and default is not _REQUIRED:
            return value
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                raise node.unjudged("must be a number, is another text") from None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise node.unjudged(f"must be a number, is {kind_of(value)}")
        return whole(value)

    @overload
    def flag(self, path: str = "") -> bool: ...
    @overload
    def flag(self, path: str, default: D) -> bool | D: ...
    def flag(self, path: str = "", default: Any = _REQUIRED) -> Any:
        """A boolean, also one that is written as a text, as annotations and providers have them."""
        node, value = self._read(path, default)
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        if isinstance(value, bool) or value is default:
            return value
        raise node.unjudged(f"must be true or false, is {kind_of(value)}")

    def items(self, path: str = "") -> list["Node"]:
        """The items of a list; none where it is absent."""
        node, value = self._read(path, ())
        if not isinstance(value, list | tuple):
            raise node.unjudged(f"must be a list, is {kind_of(value)}")
        return [Node(self.owner, f"{node.path}[{index}]", item) for index, item in enumerate(value)]

    def entries(self, path: str = "") -> dict[str, "Node"]:
        """The entries of a mapping, by key; none where it is absent."""
        node, value = self._read(path, {})
        if not isinstance(value, dict):
            raise node.unjudged(f"must be a mapping, is {kind_of(value)}")
        return {key: Node(self.owner, _joined(node.path, key), item) for key, item in value.items()}

    def texts(self, path: str = "") -> dict[str, str]:
        """A mapping of texts, as labels are."""
        return {key: node.text() for key, node in self.entries(path).items()}

    def words(self, path: str = "") -> list[str]:
        """A list of texts; a single text counts as a list of one, as IAM has it."""
        node, value = self._read(path, ())
        return [value] if isinstance(value, str) else [item.text() for item in node.items()]

    def document(self, path: str = "") -> "Node":
        """What a JSON text at `path` says; a mapping is taken as it is. Absent where the text is."""
        node, value = self._read(path, None)
        if not isinstance(value, str):
            return node
        try:
            return Node(self.owner, node.path, json.loads(value))
        except ValueError:
            raise node.unjudged("must be JSON, is another text") from None

    def plain(self, path: str = "") -> Any:
        """The value itself, known wholly; for comparing, not for reading from."""
        node, value = self._read(path, None)
        if holds_unknown(value):
            raise node.unjudged(NOT_KNOWN)
        return value

    @property
    def raw(self) -> Any:
        """What stands here, unknowns and all; for comparing alone."""
        return self._value

    def unjudged(self, problem: str) -> Unjudged:
        """The answer that `problem` keeps a rule from judging what stands here."""
        return Unjudged(self.owner, self.path, problem)

    def _child(self, key: str) -> "Node":
        value = self._value
        if value is None or value is UNKNOWN:
            return Node(self.owner, _joined(self.path, key), value)
        if not isinstance(value, dict):
            raise self.unjudged(f"must be a mapping, is {kind_of(value)}")
        return Node(self.owner, _joined(self.path, key), value.get(key))

    def _read(self, path: str, default: Any) -> tuple["Node", Any]:
        node = self.at(path)
        value = node._value
        if value is UNKNOWN:
            raise node.unjudged(NOT_KNOWN)
        if value is None:
            if default is _REQUIRED:
                raise node.unjudged("is missing")
            value = default
        return node, value


NOT_KNOWN: Final = "is not known before the deployment; it must be a literal"


def plain(value: Any) -> Any:
    """`value` as the SDK hands it over (proxies that raise on unknowns), as plain Python with `UNKNOWN` in it."""
    # Imported late: the catalogue alone (`python -m guardrails`) needs no SDK, which takes half a second.
    from pulumi_policy.proxy import UnknownValueError

    if isinstance(value, Mapping):
        taken: dict[str, Any] = {}
        for key in value:
            try:
                taken[key] = plain(value[key])
            except UnknownValueError:
                taken[key] = UNKNOWN
        return taken
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        items: list[Any] = []
        for index in range(len(value)):
            try:
                items.append(plain(value[index]))
            except UnknownValueError:
                items.append(UNKNOWN)
        return items
    return value


def holds_unknown(value: Any) -> bool:
    """Whether `value` is unknown, or holds an unknown at any depth."""
    if isinstance(value, dict):
        return any(holds_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(holds_unknown(item) for item in value)
    return value is UNKNOWN


def whole(number: float) -> int | float:
    """Whole numbers as int, so that messages say 3 and not 3.0; others without the noise of binary fractions."""
    if not math.isfinite(number):
        return number
    return int(number) if number == int(number) else round(number, 9)


def kind_of(value: Any) -> str:
    """What a value is, for messages, which never show the value itself: it may be a secret."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if isinstance(value, list | tuple):
        return "a list"
    return "a mapping" if isinstance(value, dict) else "something else"


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
