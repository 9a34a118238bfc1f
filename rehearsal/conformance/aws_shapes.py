"""botocore's service models: the shape an operation takes at a member, and what a shape allows of a value."""

import functools
import re
from collections.abc import Iterator
from typing import Any, Final

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape

# Java's character properties as Python's `re` can say them; slightly wider, never narrower.
_JAVA_CLASSES: Final = {"L": r"\w", "N": r"\w", "Z": r"\s", "Zs": r"\s", "M": r"\w", "ASCII": r"\x00-\x7f"}
_NUMBERS: Final = frozenset({"integer", "long", "float", "double"})


@functools.cache
def operation(service: str, name: str) -> OperationModel:
    """An operation of a service. A model is read once: megabytes for EC2."""
    return _service(service).operation_model(name)


@functools.cache
def _service(service: str) -> ServiceModel:
    return ServiceModel(Loader().load_service_model(service, "service-2"))


def member(shape: Shape, name: str) -> Shape | None:
    """The member of a structure by name, whatever its case; lists on the way are entered."""
    while isinstance(shape, ListShape):
        shape = shape.member
    if not isinstance(shape, StructureShape):
        return None
    return next((found for key, found in shape.members.items() if _same(key, name)), None)


def at(shape: Shape, path: str) -> Shape:
    """The shape at a dotted path. Raises KeyError where the model has no such member."""
    for part in path.split("."):
        found = member(shape, part)
        if found is None:
            raise KeyError(f"{shape.name} has no member {part}")
        shape = found
    return shape


def refusals(shape: Shape, value: Any) -> Iterator[str]:
    """What a shape allows, in words, for each of its rules that `value` (of a container: its size) breaks."""
    limits = shape.metadata
    kind = shape.type_name
    if kind == "string" and isinstance(value, str):
        if (words := limits.get("enum")) and value not in words:
            yield ", ".join(words)
        yield from _bounds(limits, len(value), "characters")
        if (pattern := _compiled(limits.get("pattern"))) and not pattern.fullmatch(value):
            yield f"what matches {limits['pattern']}"
    elif kind in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool):
        yield from _bounds(limits, value, "")
    elif kind in ("list", "map") and isinstance(value, list | dict):
        yield from _bounds(limits, len(value), "entries")
    elif not _same_kind(kind, value):
        yield _WORDS.get(kind, f"a {kind}")


def has_rules(shape: Shape) -> bool:
    """Whether the shape limits more than the type."""
    limits = shape.metadata
    return any(key in limits for key in ("enum", "min", "max")) or _compiled(limits.get("pattern")) is not None


def entries(shape: Shape) -> tuple[Shape, Shape] | None:
    """The shapes of key and value where a shape takes tags or another map: a map, or a list of key and value."""
    if isinstance(shape, MapShape):
        return shape.key, shape.value
    if isinstance(shape, ListShape):
        key, value = member(shape, "Key"), member(shape, "Value")
        return (key, value) if key and value else None
    return None


_WORDS: Final = {
    "string": "a text", "boolean": "true or false", "list": "a list", "map": "a map", "structure": "an object",
    **dict.fromkeys(_NUMBERS, "a number"),
}  # fmt: skip


def _same_kind(kind: str, value: Any) -> bool:
    """Timestamps, blobs and documents come as texts. The provider turns texts into booleans and numbers itself, where
    its own schema has a text (`"true"` in launch templates).
    """
    if kind == "boolean":
        return isinstance(value, bool) or value in ("true", "false")
    if kind in _NUMBERS:
        return isinstance(value, str) and value.lstrip("-").isdecimal()
    if kind in ("list", "map", "structure"):
        return isinstance(value, list | dict)
    return isinstance(value, str) or kind != "string"


def _bounds(limits: dict[str, Any], size: float, unit: str) -> Iterator[str]:
    if "min" in limits and size < limits["min"]:
        yield f"at least {limits['min']} {unit}".rstrip()
    if "max" in limits and size > limits["max"]:
        yield f"at most {limits['max']} {unit}".rstrip()


@functools.cache
def _compiled(pattern: str | None) -> "re.Pattern[str] | None":
    """The pattern for Python, or None where it can't be had: then the value's other rules are still held."""
    if pattern is None:
        return None
    text = re.sub(r"\\p\{(\w+)\}", lambda found: _JAVA_CLASSES.get(found[1], found[0]), pattern)
    try:
        return re.compile(text)
    except re.error:
        return None


def _same(one: str, other: str) -> bool:
    return one.replace("_", "").casefold() == other.replace("_", "").casefold()
