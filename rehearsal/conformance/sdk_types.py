"""The Pulumi SDKs' own classes: which inputs a resource type has, by wire name, and of which types.

The classes know it themselves (`pulumi._types` is what the SDK serialises by). Only classes that the program uses are
looked at, each in the module its package registered it for: walking a whole package loads gigabytes (pulumi#6837).
"""

import functools
import importlib
import sys
import types
import typing
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, Literal

import pulumi
from pulumi import _types
from pulumi.runtime.rpc import get_resource_module

_UNIONS: Final = (typing.Union, types.UnionType)


@dataclass(frozen=True)
class Field:
    """One input: the alternatives its type allows (see `alternatives`), and whether it must be there."""

    types: tuple[Any, ...]
    required: bool


class UnknownTypeError(LookupError):
    """The SDK has no resource of that type."""


@functools.cache
def resource_inputs(token: str) -> Mapping[str, Field] | None:
    """The inputs of a type such as `aws:kms/key:Key` or `pulumi:providers:aws`.

    None for a Kubernetes kind of which the SDK has no class: a custom resource. Raises UnknownTypeError for a type that
    the package of that name doesn't have.
    """
    package, module, name = token.split(":")
    if (package, module) == ("pulumi", "providers"):
        return object_fields(_args_class(importlib.import_module(f"pulumi_{name}").Provider))
    importlib.import_module(f"pulumi_{package}")
    registered: Any = get_resource_module(package, module, "")
    if registered is None:
        if package == "kubernetes":
            return None
        raise UnknownTypeError(f"pulumi_{package} has no module {module}")
    class_name = registered.mod_info["classes"].get(token)
    if class_name is None:
        raise UnknownTypeError(f"pulumi_{package} has no resource {name} in {module}")
    return object_fields(_args_class(getattr(importlib.import_module(registered.mod_info["fqn"]), class_name)))


def _args_class(resource: type) -> type:
    """Kubernetes calls it DeploymentInitArgs, as DeploymentArgs is the object inside others."""
    module = sys.modules[resource.__module__]
    found = getattr(module, f"{resource.__name__}InitArgs", None) or getattr(module, f"{resource.__name__}Args")
    return typing.cast(type, found)


@functools.cache
def object_fields(cls: type) -> Mapping[str, Field]:
    """The properties of an input class, by wire name."""
    fields = {}
    for name, hint in _types._raw_return_hints(cls).items():
        fields[name] = Field(alternatives(hint), type(None) not in typing.get_args(hint))
    return fields


def alternatives(hint: Any) -> tuple[Any, ...]:
    """What a hint allows, without the SDK's wrapping (Output, Awaitable, None, TypedDict twins of input classes)."""
    if typing.get_origin(hint) not in _UNIONS:
        return (hint,)
    parts = [part for option in typing.get_args(hint) for part in alternatives(option)]
    parts = [part for part in dict.fromkeys(parts) if part is not type(None) and not _is_promise(part)]
    if any(is_object(part) for part in parts):
        parts = [part for part in parts if not (typing.is_typeddict(part) or _origin(part) in (Mapping, dict))]
    return tuple(parts)


def is_object(alternative: Any) -> bool:
    """Whether it is one of the SDK's input classes."""
    return isinstance(alternative, type) and _types.is_input_type(alternative)


def element(alternative: Any, container: type) -> Any:
    """The element type of `Sequence[T]` or `Mapping[str, T]`; None where it is no such container."""
    if not issubclass(_origin(alternative), container) or issubclass(_origin(alternative), str):
        return None
    arguments = typing.get_args(alternative)
    return arguments[-1] if arguments else Any


def accepts_scalar(alternative: Any, value: Any) -> bool:
    """Whether a text, number or boolean is of this type. Whole floats are whole numbers: the wire has one number."""
    if alternative is Any:
        return True
    if typing.get_origin(alternative) is Literal:
        return value in typing.get_args(alternative)
    if not isinstance(alternative, type):
        return False
    if issubclass(alternative, Enum):
        return value in [member.value for member in alternative]
    if alternative is bool or isinstance(value, bool):
        return alternative is bool and isinstance(value, bool)
    if alternative is int:
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if alternative is float:
        return isinstance(value, int | float)
    return alternative is str and isinstance(value, str)


def described(options: tuple[Any, ...]) -> str:
    """The alternatives in words."""
    return " or ".join(dict.fromkeys(_word(option) for option in options))


def _word(option: Any) -> str:
    if typing.get_origin(option) is Literal:
        return ", ".join(map(repr, typing.get_args(option)))
    if is_object(option):
        return f"an object ({option.__name__.removesuffix('Args')})"
    if element(option, Sequence) is not None:
        return "a list"
    if element(option, Mapping) is not None:
        return "a map"
    words: dict[Any, str] = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}
    return words.get(option) or str(getattr(option, "__name__", option))


def _origin(alternative: Any) -> type:
    origin = typing.get_origin(alternative) or alternative
    return origin if isinstance(origin, type) else object


def _is_promise(part: Any) -> bool:
    return _origin(part) in (Awaitable, pulumi.Output)
