"""Custom resources against their CustomResourceDefinitions, without a server.

A structural schema prunes what it doesn't know; here it is made strict, so that a misspelt field is found instead of
silently dropped. What stays with the API server: rules in CEL (`x-kubernetes-validations`) and defaulting.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from rehearsal.crds.kubernetes_definitions import DNS_SUBDOMAIN, OBJECT_META, POD_TEMPLATE, registry
from rehearsal.crds.strict_schema import Problem, StrictSchema

# Fields that our own CloudNativePG schemas leave open, and the type they really are.
_OPEN_FIELDS: Final[Mapping[tuple[str, str], tuple[str, Mapping[str, Any]]]] = {
    ("Pooler", "postgresql.cnpg.io"): ("template", POD_TEMPLATE),
}
_KEPT: Final = frozenset(
    {"type", "enum", "pattern", "format", "required", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
    | {"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "multipleOf", "uniqueItems"}
    | {"x-kubernetes-list-type", "x-kubernetes-list-map-keys"}
)


class CustomResources:
    """What a set of CRDs allows. Schemas are compiled on first use and kept."""

    def __init__(self, crds: Iterable[Mapping[str, Any]]) -> None:
        self._crds = {(crd["spec"]["group"], crd["spec"]["names"]["kind"]): crd["spec"] for crd in crds}
        self._schemas: dict[tuple[str, str], StrictSchema] = {}

    def knows(self, group: str, kind: str) -> bool:
        """Whether there is a CRD of that kind, in whatever version."""
        return (group, kind) in self._crds

    def namespaced(self, group: str, kind: str) -> bool:
        """Whether objects of that kind live in a namespace. Raises KeyError for a kind without CRD."""
        return bool(self._crds[group, kind]["scope"] == "Namespaced")

    def problems(self, manifest: Mapping[str, Any]) -> list[Problem]:
        """Everything in the object that its CRD doesn't allow. Raises KeyError for a kind without CRD."""
        group, _, version = manifest["apiVersion"].rpartition("/")
        spec = self._crds[group, manifest["kind"]]
        served = {entry["name"]: entry for entry in spec["versions"] if entry["served"]}
        if version not in served:
            return [Problem("apiVersion", f"version {version} is given, allowed: {', '.join(sorted(served))}")]
        key = manifest["apiVersion"], manifest["kind"]
        if key not in self._schemas:
            self._schemas[key] = StrictSchema(_object_schema(spec, served[version]), registry())
        return self._schemas[key].problems(manifest)


def _object_schema(spec: Mapping[str, Any], version: Mapping[str, Any]) -> dict[str, Any]:
    schema = strict(version["schema"]["openAPIV3Schema"])
    schema["properties"] |= {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        "metadata": OBJECT_META | {"required": ["name"], "properties": {"name": DNS_SUBDOMAIN}},
    }
    schema["required"] = sorted({*schema.get("required", ()), "metadata"})
    if open_field := _OPEN_FIELDS.get((spec["names"]["kind"], spec["group"])):
        name, type_schema = open_field
        schema["properties"]["spec"]["properties"][name] = type_schema
    return schema


def strict(structural: Mapping[str, Any]) -> dict[str, Any]:
    """A structural schema (https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/)
    as a JSON schema that refuses what the API server would prune.
    """
    schema = _validations(structural)
    if structural.get("x-kubernetes-int-or-string"):
        schema["type"] = ["integer", "string"]
        schema.pop("anyOf", None)
    if "items" in structural:
        schema["items"] = strict(structural["items"])
    if isinstance(values := structural.get("additionalProperties"), Mapping):
        schema["additionalProperties"] = strict(values)
    elif structural.get("type") == "object":
        schema["properties"] = {name: strict(field) for name, field in structural.get("properties", {}).items()}
        if structural.get("x-kubernetes-embedded-resource"):
            schema["properties"] |= {
                "apiVersion": {"type": "string"},
                "kind": {"type": "string"},
                "metadata": OBJECT_META,
            }
        if not (structural.get("x-kubernetes-preserve-unknown-fields") or values is True):
            schema["additionalProperties"] = False
    if structural.get("nullable"):
        schema["type"] = [*([schema["type"]] if isinstance(schema["type"], str) else schema["type"]), "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    return schema


def _validations(structural: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords that only restrict values. Inside allOf, anyOf, oneOf and not there is nothing else."""
    schema: dict[str, Any] = {key: value for key, value in structural.items() if key in _KEPT}
    for key in ("allOf", "anyOf", "oneOf"):
        if key in structural:
            schema[key] = [_alternative(part) for part in structural[key]]
    if "not" in structural:
        schema["not"] = _alternative(structural["not"])
    return schema


def _alternative(part: Mapping[str, Any]) -> dict[str, Any]:
    schema = _validations(part)
    if "properties" in part:
        schema["properties"] = {name: _alternative(field) for name, field in part["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(part.get(key), Mapping):
            schema[key] = _alternative(part[key])
    return schema
