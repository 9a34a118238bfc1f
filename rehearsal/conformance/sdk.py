"""Types and property names against the SDK's own classes: what the provider would refuse, or silently drop."""

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pulumi

from rehearsal.conformance.model import Outcome, shown
from rehearsal.conformance.sdk_types import (
    Field,
    UnknownTypeError,
    accepts_scalar,
    alternatives,
    described,
    element,
    is_object,
    object_fields,
    resource_inputs,
)
from rehearsal.crds.strict_schema import path_text
from rehearsal.engine.model import UNKNOWN, Asset, Evaluation, Resource, Secret

Path = tuple[str | int, ...]
_PROVIDER: Final = "pulumi:providers:"
# The engine puts these into a provider's inputs itself.
_ENGINES_OWN: Final = frozenset({"version", "pluginDownloadURL"})
_ANY_TYPE: Final = "properties the SDK types as anything"


class SdkCheck:
    """Every property of every resource that a provider makes. What a custom resource holds beyond its name is not the
    SDK's (the check of custom resources has it), nor what is inside Helm values.
    """

    name = "SDK types"

    def run(self, evaluation: Evaluation) -> Outcome:
        outcome = Outcome("properties")
        for resource in evaluation.resources.values():
            if resource.custom and (resource.type.startswith(_PROVIDER) or not resource.type.startswith("pulumi:")):
                _Walk(resource, outcome).resource()
        return outcome


class _Walk:
    def __init__(self, resource: Resource, outcome: Outcome) -> None:
        self._resource = resource
        self._outcome = outcome

    def resource(self) -> None:
        inputs: Mapping[str, Any] = self._resource.inputs
        try:
            fields = resource_inputs(self._resource.type)
        except UnknownTypeError as error:
            self._outcome.saw(len(inputs))
            self._outcome.wrong(self._resource, "(type)", self._resource.type, f"a type of the SDK ({error})")
            return
        if fields is None:
            inputs, fields = _custom_resource(inputs)
        elif self._resource.type.startswith(_PROVIDER):
            inputs = _provider(inputs, fields)
        self._object(inputs, fields, ())

    def _object(self, values: Mapping[str, Any], fields: Mapping[str, Field], path: Path) -> None:
        for name, value in values.items():
            field = fields.get(name)
            if field is None:
                self._outcome.saw()
                near = difflib.get_close_matches(name, fields, n=1)
                self._wrong((*path, name), "an unknown property", f"{near[0]}?" if near else ", ".join(sorted(fields)))
            elif Any in field.types:
                self._outcome.skipped(_ANY_TYPE)
            else:
                self._outcome.saw()
                self._value(value, field.types, (*path, name))
        for name, field in fields.items():
            if field.required and values.get(name) is None:
                self._outcome.saw()
                self._wrong((*path, name), "nothing", f"{described(field.types)}; it is required")

    def _value(self, value: Any, options: tuple[Any, ...], path: Path) -> None:
        plain = value.value if isinstance(value, Secret) else value
        if plain is UNKNOWN or plain is None or Any in options:
            return
        if isinstance(value, Secret) and isinstance(plain, dict):
            plain = {key: Secret(item) for key, item in plain.items()}
        if isinstance(plain, dict):
            self._map(plain, options, path)
        elif isinstance(plain, list):
            elements = [part for option in options if (part := element(option, Sequence)) is not None]
            if not elements:
                self._wrong(path, shown(value), described(options))
            for index, item in enumerate(plain):
                item_value = Secret(item) if isinstance(value, Secret) else item
                self._value(item_value, alternatives(elements[0]) if elements else (Any,), (*path, index))
        elif isinstance(plain, Asset):
            if not any(
                isinstance(option, type) and issubclass(option, pulumi.Asset | pulumi.Archive) for option in options
            ):
                self._wrong(path, "a file", described(options))
        elif not any(accepts_scalar(option, plain) for option in options):
            self._wrong(path, shown(value), described(options))

    def _map(self, value: dict[str, Any], options: tuple[Any, ...], path: Path) -> None:
        if objects := [option for option in options if is_object(option)]:
            self._object(value, object_fields(objects[0]), path)
            return
        elements = [part for option in options if (part := element(option, Mapping)) is not None]
        if not elements:
            self._wrong(path, "an object", described(options))
        for key, item in value.items():
            self._value(item, alternatives(elements[0]) if elements else (Any,), (*path, key))

    def _wrong(self, path: Path, given: str, allowed: str) -> None:
        self._outcome.wrong(self._resource, path_text(path), given, allowed)


def _custom_resource(inputs: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Field]]:
    """What `apiextensions.CustomResource` types of its inputs."""
    from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

    fields = {
        "apiVersion": Field((str,), True),
        "kind": Field((str,), True),
        "metadata": Field((ObjectMetaArgs,), True),
    }
    return {name: value for name, value in inputs.items() if name in fields}, fields


def _provider(inputs: Mapping[str, Any], fields: Mapping[str, Field]) -> dict[str, Any]:
    """A provider's inputs go over the wire as JSON texts, unless they are texts themselves."""
    plain: dict[str, Any] = {}
    for name, value in inputs.items():
        if name in _ENGINES_OWN:
            continue
        text = value.value if isinstance(value, Secret) else value
        if isinstance(text, str) and not (name in fields and str in fields[name].types):
            parsed = _parsed(text)
            plain[name] = Secret(parsed) if isinstance(value, Secret) else parsed
        else:
            plain[name] = value
    return plain


def _parsed(text: str) -> Any:
    """The JSON in a text; the text itself where it is none, which no type but a text's own accepts."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text
