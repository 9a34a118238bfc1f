"""Every object against the schema of its kind: Kubernetes' own for built-in kinds, its CRD for custom resources."""

from collections.abc import Mapping
from typing import Any, Final

from rehearsal.check.claims import group_kind
from rehearsal.check.inventory import CLUSTER_SCOPED
from rehearsal.crds.kubernetes_definitions import DNS_LABEL, DNS_SUBDOMAIN, PATH_SEGMENT, kind_schema, registry
from rehearsal.crds.strict_schema import Problem, StrictSchema
from rehearsal.crds.validate import CustomResources
from retail import versions

_LABEL_NAMES: Final = frozenset({"Namespace", "Service"})
_PATH_NAMES: Final = frozenset({"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"})


class UnknownKindError(LookupError):
    """There is no schema for that kind in that API version."""


class Schemas:
    """The kinds of one cluster. Schemas are compiled on first use and kept: validating costs milliseconds then."""

    def __init__(self, custom: CustomResources) -> None:
        self._custom = custom
        self._builtin: dict[tuple[str, str], StrictSchema | None] = {}

    def is_custom(self, api_version: str, kind: str) -> bool:
        """Whether a CRD defines that kind, in whatever version."""
        return self._custom.knows(api_version.rpartition("/")[0], kind)

    def cluster_scoped(self, api_version: str, kind: str) -> bool:
        """Whether objects of that kind live in no namespace; unknown kinds are taken to live in one."""
        if self.is_custom(api_version, kind):
            return not self._custom.namespaced(api_version.rpartition("/")[0], kind)
        return group_kind(api_version, kind) in CLUSTER_SCOPED

    def problems(self, manifest: Mapping[str, Any]) -> list[Problem]:
        """Everything wrong with one object. Raises UnknownKindError where no schema is known."""
        api_version, kind = manifest["apiVersion"], manifest["kind"]
        if self.is_custom(api_version, kind):
            found = self._custom.problems(manifest)
        elif schema := self._builtin_schema(api_version, kind):
            found = schema.problems(manifest)
        else:
            raise UnknownKindError(f"Kubernetes {versions.KUBERNETES} and the CRDs know no {kind} in {api_version}")
        if self.cluster_scoped(api_version, kind) and manifest.get("metadata", {}).get("namespace"):
            found.append(Problem("metadata.namespace", f"a {kind} lives in no namespace"))
        return found

    def _builtin_schema(self, api_version: str, kind: str) -> StrictSchema | None:
        key = api_version, kind
        if key not in self._builtin:
            schema = kind_schema(api_version, kind)
            self._builtin[key] = StrictSchema(_with_name(schema, kind), registry()) if schema else None
        return self._builtin[key]


def _with_name(schema: dict[str, Any], kind: str) -> dict[str, Any]:
    """The schema with what its kind demands of `metadata.name`, which must be there."""
    name = DNS_LABEL if kind in _LABEL_NAMES else PATH_SEGMENT if kind in _PATH_NAMES else DNS_SUBDOMAIN
    schema["properties"]["metadata"] |= {"required": ["name"], "properties": {"name": name}}
    schema["required"] = sorted({*schema.get("required", ()), "metadata"})
    return schema
