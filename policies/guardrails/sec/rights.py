"""What the stack's own roles may do in Kubernetes."""

from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.config import Config
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, resource_rule

RAISING: Final = ("escalate", "bind", "impersonate")
READING: Final = {"get", "list", "watch"}
TOO_MUCH: Final = ("cluster-admin",)
IN_ONE_NAMESPACE: Final = ("admin", "edit")
"""Kubernetes' own roles that read and write Secrets: for one namespace at most."""


@resource_rule(
    "sec-13",
    of=(kinds.ROLE, kinds.CLUSTER_ROLE, kinds.ROLE_BINDING, kinds.CLUSTER_ROLE_BINDING),
    severity=Severity.HIGH,
    says="No role of the stack may do everything, raise its own rights, or change Secrets in every namespace.",
    why="A wildcard holds what will be added tomorrow as well: Secrets, exec into pods, policies. Whoever has it is "
    "administrator, on no list.",
    fix="name verbs, API groups and resources; Secrets in one namespace and by name; no cluster-admin, and admin or "
    "edit by a RoleBinding alone",
    scenario="The account of a job is taken over in the peak; it could restart two Deployments, and nothing else.",
    implies=("iso-04", "iso-05", "sec-08"),
)
def rights(resource: Resource, _: Config) -> Iterable[Violation]:
    kind = resource.kind.removesuffix("Patch")
    if kind.endswith("Binding"):
        of_namespace = resource.text("roleRef.kind") == "Role"
        if of_namespace and not resource.known("roleRef.name"):
            return  # a Role of the program's own, whose name only a deployment tells; it is judged itself
        name = resource.text("roleRef.name")
        everywhere = kind == "ClusterRoleBinding" and name in IN_ONE_NAMESPACE
        if not of_namespace and (name in TOO_MUCH or everywhere):
            yield Violation(resource, f"gives {name}{' in every namespace' if everywhere else ''}")
        return
    for rule in resource.items("rules"):
        verbs, groups, what = (rule.words(key) for key in ("verbs", "apiGroups", "resources"))
        for told in _too_much(set(verbs), set(groups), set(what), everywhere=kind == "ClusterRole"):
            yield Violation(resource, told)


def _too_much(verbs: set[str], groups: set[str], what: set[str], *, everywhere: bool) -> Iterator[str]:
    if "*" in verbs:
        yield "may do everything (verb *)"
    if raising := sorted(verbs & set(RAISING)):
        yield f"may {', '.join(raising)}: raise its own rights"
    if "*" in groups:
        yield "may in every API group (*)"
    if "*" in what and not (verbs <= READING and "" not in groups):
        yield "may on every resource of a group (*), Secrets among them or not"
    # An edge that several retailers share reads their certificates, each in its own namespace.
    if everywhere and "secrets" in what and (changing := sorted(verbs - READING)):
        yield f"may {', '.join(changing)} Secrets in every namespace"
