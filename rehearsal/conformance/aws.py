"""Enum values and limits against the AWS service models that botocore ships."""

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from rehearsal.conformance.aws_limits import LIMITS
from rehearsal.conformance.aws_operations import OPERATIONS, SUFFIX_LENGTH, AwsType
from rehearsal.conformance.model import Outcome, custom_resources, shown
from rehearsal.crds.strict_schema import path_text
from rehearsal.engine.model import UNKNOWN, Evaluation, Resource, Secret

if TYPE_CHECKING:
    from botocore.model import Shape

Path = tuple[str | int, ...]
_PREFIX: Final = "Prefix"


_OTHER_FORM: Final = "the provider's own, or in another form in the call: {}"
_NO_MEMBER: Final = "no member of that name: {}"
_NO_TYPE: Final = "type not in the table: {}"


class AwsCheck:
    """Every property of every AWS resource that holds a value, once per resource (a list's items together).

    Checked is what has its member in the service's model: the member's type always, and its enum, pattern, lengths and
    ranges where the model has such (`limited` counts those).
    """

    name = "AWS models"

    def run(self, evaluation: Evaluation) -> Outcome:
        outcome = Outcome("properties")
        for resource in custom_resources(evaluation, "aws"):
            _Walk(resource, outcome).resource()
        return outcome


class _Walk:
    def __init__(self, resource: Resource, outcome: Outcome) -> None:
        self._resource = resource
        self._outcome = outcome
        self._type = OPERATIONS.get(resource.type, AwsType("", ()))
        self._checked: set[str] = set()
        self._limited: set[str] = set()
        self._skipped: dict[str, str] = {}

    def resource(self) -> None:
        if self._type.operations:
            self._members(self._resource.inputs, None, ())
        else:
            self._skip(self._resource.inputs, (), _NO_TYPE, self._resource.type)
        self._documented()
        self._outcome.saw(len(self._checked))
        self._outcome.limited += len(self._checked & self._limited)
        for path, reason in self._skipped.items():
            if path not in self._checked:
                self._outcome.skipped(reason)

    def _documented(self) -> None:
        """The limits that the models leave out."""
        for name, value in self._resource.inputs.items():
            limit = LIMITS.get((self._resource.type, name))
            plain = value.value if isinstance(value, Secret) else value
            if limit and isinstance(plain, str):
                self._limited.add(name)
                if not re.fullmatch(limit.pattern, plain):
                    self._outcome.wrong(self._resource, name, shown(value), limit.allowed)

    def _members(self, values: Mapping[str, Any], structure: "Shape | None", path: Path) -> None:
        """The properties of the resource (`structure` is None) or of an object inside it."""
        for name, value in values.items():
            place = (*path, name)
            key = _key(place)
            if key in self._type.members and self._type.members[key] is None:
                self._skip(value, place, _OTHER_FORM, f"{self._resource.type} {key}")
            elif shape := self._shape(name, key, structure):
                self._value(value, shape, place)
            else:
                self._skip(value, place, _NO_MEMBER, f"{self._resource.type} {key}")

    def _shape(self, name: str, key: str, structure: "Shape | None") -> "Shape | None":
        from rehearsal.conformance.aws_shapes import at, member, operation

        renamed = self._type.members.get(key)
        if structure is not None:
            return at(structure, renamed) if renamed else member(structure, name)
        if renamed:
            called, _, inside = renamed.partition(".")
            shape = operation(self._type.service, called).input_shape
            return at(shape, inside) if inside else shape
        inputs = (operation(self._type.service, called).input_shape for called in self._type.operations)
        return next((found for shape in inputs if (found := member(shape, name))), None)

    def _value(self, value: Any, shape: "Shape", path: Path) -> None:
        from rehearsal.conformance.aws_shapes import entries

        plain = value.value if isinstance(value, Secret) else value
        if plain is None:
            return
        if plain is UNKNOWN:
            self._skip(plain, path, "unknown before a deployment: {}", _key(path))
        elif isinstance(plain, dict):
            held = _secret_items(value)
            if pair := entries(shape):
                self._entries(held, shape, pair, path)
            else:
                shape = _inner(shape)
                if shape.type_name == "structure":
                    self._members(held, shape, path)
                else:
                    self._rules(value, shape, path)
        elif isinstance(plain, list):
            if shape.type_name != "list":
                self._rules(value, shape, path)
                return
            self._rules(value, shape, path, leaf=not plain)
            for index, item in enumerate(plain):
                self._value(Secret(item) if isinstance(value, Secret) else item, _inner(shape), (*path, index))
        else:
            self._rules(value, _inner(shape), path)

    def _entries(self, held: Mapping[str, Any], shape: "Shape", pair: "tuple[Shape, Shape]", path: Path) -> None:
        """Tags, labels: a map here, and in the call a map or a list of keys and values."""
        self._rules(held, shape, path)
        for key, item in held.items():
            self._rules(key, pair[0], path, entry=(key,))
            self._rules(item, pair[1], path, entry=(key,))

    def _rules(self, value: Any, shape: "Shape", path: Path, *, leaf: bool = True, entry: Path = ()) -> None:
        """What the shape says of a value. A list with items is no `leaf`: its items count. `entry` is one in a map."""
        from rehearsal.conformance.aws_shapes import has_rules, refusals

        plain = value.value if isinstance(value, Secret) else value
        if plain is UNKNOWN:
            return
        if isinstance(plain, str) and not entry and len(path) == 1 and _key(path).endswith("Prefix"):
            plain += "0" * SUFFIX_LENGTH
        if leaf:
            self._checked.add(_key(path))
        if has_rules(shape):
            self._limited.add(_key(path))
        for allowed in refusals(shape, plain):
            self._outcome.wrong(self._resource, path_text((*path, *entry)), shown(value), allowed)

    def _skip(self, value: Any, path: Path, reason: str, what: str) -> None:
        for place in _leaves(value, path):
            self._skipped.setdefault(_key(place), reason.format(what))


def _inner(shape: "Shape") -> "Shape":
    """What is in a list: the provider has an object where the call has a list of one."""
    while shape.type_name == "list":
        shape = shape.member
    return shape


def _secret_items(value: Any) -> dict[str, Any]:
    if isinstance(value, Secret):
        return {key: Secret(item) for key, item in value.value.items()}
    return dict(value)


def _leaves(value: Any, path: Path) -> Iterator[Path]:
    plain = value.value if isinstance(value, Secret) else value
    if isinstance(plain, dict | list) and plain:
        for key, item in plain.items() if isinstance(plain, dict) else enumerate(plain):
            yield from _leaves(item, (*path, key))
    elif plain is not None:
        yield path


def _key(path: Path) -> str:
    """A path without its list indexes, as the table has it."""
    return ".".join(part for part in path if isinstance(part, str))
