"""Resources that are no Kubernetes objects and yet name some, or bring some: Helm releases and EKS Pod Identities."""

from collections.abc import Iterator
from typing import Final

from rehearsal.check.claims import Claim, Reference, to
from rehearsal.check.cursor import Cursor, without_secrets
from rehearsal.check.finding import Where
from rehearsal.check.inventory import Thing
from rehearsal.check.promises import Promise, in_namespace
from rehearsal.engine.model import Evaluation, Resource

_RELEASE: Final = "kubernetes:helm.sh/v3:Release"
_POD_IDENTITY: Final = "aws:eks/podIdentityAssociation:PodIdentityAssociation"


def helm_namespaces(evaluation: Evaluation) -> dict[str, str]:
    """The namespaces that Helm releases install into, and a release that does. What charts make can't be seen here."""
    found: dict[str, str] = {}
    for release, inputs in _of_type(evaluation, _RELEASE):
        if isinstance(namespace := inputs["namespace"].text("default"), str):
            found.setdefault(namespace, f"Helm release {release.name}")
    return found


def promised(evaluation: Evaluation) -> Promise:
    """The namespaces that Helm makes on the way."""
    for release, inputs in _of_type(evaluation, _RELEASE):
        namespace = inputs["namespace"].text("default")
        if inputs["createNamespace"].value is True and isinstance(namespace, str):
            yield Thing("Namespace", None, namespace, f"Helm release {release.name}")
            yield from in_namespace(namespace)


def claims(evaluation: Evaluation) -> Iterator[tuple[Where, Claim]]:
    """What those resources take for granted.

    EKS gives AWS roles to ServiceAccounts by name, and says nothing when there is none of that name.
    """
    for release, inputs in _of_type(evaluation, _RELEASE):
        namespace = inputs["namespace"].text("default")
        where = Where("Release", str(namespace), release.name, release.urn)
        yield where, Reference("namespace", "Namespace", None, namespace)
    for identity, inputs in _of_type(evaluation, _POD_IDENTITY):
        namespace = inputs["namespace"].text()
        where = Where("PodIdentityAssociation", str(namespace), identity.name, identity.urn)
        for claim in to(inputs["serviceAccount"], "ServiceAccount", namespace):
            yield where, claim


def _of_type(evaluation: Evaluation, type_token: str) -> Iterator[tuple[Resource, Cursor]]:
    for resource in evaluation.resources.values():
        if resource.type == type_token:
            yield resource, Cursor(without_secrets(resource.inputs))
