"""Nodes: a pod lands on pools of its own stack, or of the platform that hosts it, and on no other retailer's."""

from collections.abc import Iterable, Iterator

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.iso.rooms import RUNNING
from guardrails.kubernetes.nodes import NodeSet
from guardrails.kubernetes.workloads import POOL, TENANT
from guardrails.resource import Resource, family
from guardrails.rule import Protects, Severity, Violation, stack_rule

SYSTEM = "system"
"""The pool of the cluster's operators, which the owner of the cluster has, and nobody's retail runs on."""


@stack_rule(
    "iso-09",
    of=(*RUNNING, kinds.EKS_NODE_GROUP, kinds.NODE_POOL),
    severity=Severity.MEDIUM,
    says="Pods run on nodes of their own retailer, or of the platform that hosts it; nodes take nobody else's.",
    why="Two retailers on one node share its kernel, its disk and its noise: an escape from one container is an escape "
    "into both, and one's night batch is the other's slow checkout.",
    fix="label and NoSchedule taint retail/tenant=<owner> on every pool; the same nodeSelector and "
    "toleration (operator "
    "Equal) on every pod",
    scenario="A dedicated retailer pays for nodes of its own, and an inspection finds nobody else's pod on them.",
    implies=("az-01", "az-02", "az-05", "az-06", "az-12", "db-09", "peak-03", "iso-04"),
    protects=Protects.ISOLATION,
)
def own_nodes(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.family in (family(kinds.EKS_NODE_GROUP), family(kinds.NODE_POOL)):
        yield from _pool(resource, graph)
    elif resource.namespace in graph.rooms:
        yield from _pods(resource, graph)


def _pool(resource: Resource, graph: Graph) -> Iterator[Violation]:
    nodes, own = NodeSet(resource), graph.contract.retailer
    tenant = nodes.labels.get(TENANT)
    if tenant is None and nodes.labels.get(POOL) == SYSTEM and graph.contract.owns_cluster:
        return
    if tenant != own:
        yield Violation(resource, f"its nodes say {TENANT}={tenant or 'nothing'}, not {own}")
    if not any((key, value) == (TENANT, own) and effect != "PreferNoSchedule" for key, value, effect in nodes.taints):
        yield Violation(resource, f"its nodes take any retailer's pods: there is no taint {TENANT}={own}:NoSchedule")


def _pods(resource: Resource, graph: Graph) -> Iterator[Violation]:
    workload = graph.workload(resource)
    owner = graph.contract.retailer if graph.contract.owns_database else graph.contract.given.text("edge")
    if (said := workload.node_selector.get(TENANT)) != owner:
        yield Violation(resource, f"its pods may run on nodes of {said or 'anybody'}, not of {owner} alone")
    if workload.spec.has("nodeName"):
        yield Violation(resource, "names its node, whatever taints that has")
    for toleration in workload.tolerations:
        key, operator = toleration.text("key", ""), toleration.text("operator", "Equal")
        if not key:
            yield Violation(resource, "tolerates every taint, other retailers' too")
        elif key == TENANT and (operator, toleration.text("value", "")) != ("Equal", owner):
            yield Violation(resource, f"tolerates nodes of {toleration.text('value', '') or 'every retailer'}")
