"""The Kubernetes objects among the resources of an evaluation."""

import copy
from dataclasses import dataclass, field
from typing import Any, Final

from rehearsal.engine.kubernetes_outputs import RELEASE
from rehearsal.engine.model import Evaluation, Resource, reveal
from rehearsal.errors import RehearsalError

_PACKAGE: Final = "kubernetes:"


@dataclass(frozen=True)
class KubernetesObject:
    """One object as the program declares it. `namespace` is None where it names none.

    `manifest` is a copy, complete with `apiVersion` and `kind`; secrets are still wrapped and unknowns still inside.
    """

    urn: str
    api_version: str
    kind: str
    namespace: str | None
    name: str
    manifest: dict[str, Any] = field(repr=False)
    resource: Resource = field(repr=False)


def kubernetes_objects(evaluation: Evaluation) -> list[KubernetesObject]:
    """Every Kubernetes object of the program, in the evaluation's order; Helm releases and providers are none.

    Raises RehearsalError naming every object without an explicit `metadata.name`, and every patch of an object that the
    program does not own.
    """
    objects = []
    problems = []
    for resource in evaluation.resources.values():
        if not resource.custom or not resource.type.startswith(_PACKAGE) or resource.type == RELEASE:
            continue
        if resource.type.endswith("Patch"):
            problems.append(f"{resource.name} ({resource.type}) is a patch, which is not supported")
            continue
        found = _object(resource)
        if found is None:
            problems.append(f"{resource.name} ({resource.type}) has no explicit metadata.name")
        else:
            objects.append(found)
    if problems:
        lines = "\n".join(f"  - {problem}" for problem in problems)
        raise RehearsalError(f"Not every Kubernetes object of stack '{evaluation.stack}' can be applied:\n{lines}")
    return objects


def _object(resource: Resource) -> KubernetesObject | None:
    api_version, kind = _version_and_kind(resource.type)
    manifest = {"apiVersion": api_version, "kind": kind, **copy.deepcopy(resource.inputs)}
    metadata = reveal(manifest.get("metadata"))
    if not isinstance(metadata, dict):
        return None
    name, namespace = metadata.get("name"), metadata.get("namespace")
    if not isinstance(name, str) or not name:
        return None
    return KubernetesObject(
        urn=resource.urn,
        api_version=str(manifest["apiVersion"]),
        kind=str(manifest["kind"]),
        namespace=namespace if isinstance(namespace, str) and namespace else None,
        name=name,
        manifest=manifest,
        resource=resource,
    )


def _version_and_kind(token: str) -> tuple[str, str]:
    """`kubernetes:apps/v1:Deployment` -> apps/v1, Deployment; the core group is left out of an API version."""
    _, api_version, kind = token.split(":")
    return api_version.removeprefix("core/"), kind
