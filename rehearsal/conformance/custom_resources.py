"""Custom resources against the operators' CRDs, and how many of the CRDs' CEL rules that leaves to an API server."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rehearsal.conformance.model import Outcome
from rehearsal.crds.catalogue import load_crds, own_crds
from rehearsal.crds.kubernetes_definitions import kind_schema
from rehearsal.crds.validate import CustomResources
from rehearsal.crds.yaml_documents import crds_in
from rehearsal.engine.kubernetes_objects import KubernetesObject, kubernetes_objects
from rehearsal.engine.model import Evaluation, reveal
from rehearsal.errors import UserError
from rehearsal.progress import Progress

SUBSET: Final = "held against our subset of CloudNativePG's schemas, not the full ones (--crds DIR)"
_CEL: Final = "not run here; `up` has the embedded API server run those of the CRDs it is given"


class Definitions:
    """The CRDs: fetched ones and our own subset of CloudNativePG's; those found in `folder` come before both."""

    def __init__(self, folder: Path | None = None, progress: Progress | None = None) -> None:
        given = _crds_of(folder) if folder else {}
        self.crds = {crd["metadata"]["name"]: crd for crd in load_crds(progress)} | given
        self._subset = {_identity(crd) for crd in own_crds() if crd["metadata"]["name"] not in given}
        self._by_kind = {_identity(crd): crd["spec"] for crd in self.crds.values()}
        self.validator = CustomResources(self.crds.values())

    def is_subset(self, item: KubernetesObject) -> bool:
        """Whether all that is known of this kind is our own part of its schema."""
        return (_group(item), item.kind) in self._subset

    def schema(self, item: KubernetesObject) -> Mapping[str, Any]:
        """The structural schema of the object's version; empty where there is none."""
        versions = self._by_kind.get((_group(item), item.kind), {}).get("versions", ())
        name = item.api_version.rpartition("/")[2]
        return next((entry["schema"]["openAPIV3Schema"] for entry in versions if entry["name"] == name), {})


class CustomResourceCheck:
    """Every object that is not of a kind of Kubernetes' own."""

    name = "custom resources"

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def run(self, evaluation: Evaluation) -> Outcome:
        outcome = Outcome("objects")
        for item in _objects(evaluation):
            if not self._definitions.validator.knows(_group(item), item.kind):
                outcome.saw()
                outcome.wrong(item.resource, "kind", f"{item.kind} of {item.api_version}", "a kind that a CRD defines")
                continue
            if self._definitions.is_subset(item):
                outcome.skipped(SUBSET)
            else:
                outcome.saw()
            for problem in self._definitions.validator.problems(item.manifest):
                outcome.wrong(item.resource, problem.path, problem.message, "what its CRD says")
        return outcome


class CelRuleCount:
    """How many `x-kubernetes-validations` apply to the objects. It counts them; running them takes an API server."""

    name = "CRDs' CEL rules"

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def run(self, evaluation: Evaluation) -> Outcome:
        outcome = Outcome("rules")
        for item in _objects(evaluation):
            if rules := sum(1 for _ in _rules(self._definitions.schema(item), reveal(item.manifest))):
                outcome.skipped(_CEL, rules)
        return outcome


def _objects(evaluation: Evaluation) -> Iterator[KubernetesObject]:
    for item in kubernetes_objects(evaluation):
        if kind_schema(item.api_version, item.kind) is None:
            yield item


def _rules(schema: Mapping[str, Any], value: Any) -> Iterator[str]:
    """The rules of the schema's nodes that the value reaches, but for those on changes (`oldSelf`)."""
    for rule in schema.get("x-kubernetes-validations", ()):
        if "oldSelf" not in rule["rule"]:
            yield rule["rule"]
    if isinstance(value, dict):
        values = schema.get("additionalProperties")
        for key, item in value.items():
            inner = schema.get("properties", {}).get(key, values)
            if isinstance(inner, Mapping):
                yield from _rules(inner, item)
    elif isinstance(value, list) and "items" in schema:
        for item in value:
            yield from _rules(schema["items"], item)


def _crds_of(folder: Path) -> dict[str, dict[str, Any]]:
    files = sorted(file for file in folder.rglob("*") if file.suffix in (".yaml", ".yml", ".json"))
    found = {crd["metadata"]["name"]: crd for file in files for crd in crds_in(file)}
    if not found:
        raise UserError(f"--crds: no CustomResourceDefinitions in {folder} (*.yaml, *.json)")
    return found


def _identity(crd: Mapping[str, Any]) -> tuple[str, str]:
    return crd["spec"]["group"], crd["spec"]["names"]["kind"]


def _group(item: KubernetesObject) -> str:
    return item.api_version.rpartition("/")[0]
