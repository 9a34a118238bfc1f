"""That a drain takes one pod at a time, and is never held up for ever."""

import math
from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.kubernetes.selectors import matches
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

HEADROOM: Final = "headroom"
"""Name of the priority below all others, of pods that only keep room free."""


@stack_rule(
    "az-10",
    of=(kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.POOLER),
    severity=Severity.HIGH,
    says="Every replicated workload has one disruption budget, which lets a pod go, and a broken one always.",
    why="Without one a drain may take all pods at once; with one that allows none, or with two, it waits for ever, and "
    "pods that never get ready block node upgrades.",
    fix="one PodDisruptionBudget with maxUnavailable: 1 and unhealthyPodEvictionPolicy: AlwaysAllow on its pods",
    scenario="Nodes are patched in the week before the freeze, while the shop sells.",
    implies=("az-11", "iso-04"),
)
def budgets(resource: Resource, graph: Graph) -> Iterable[Violation]:
    workload = graph.workload(resource)
    pods = workload.awake
    # Pause pods hold room for others: they may always go.
    if pods < 2 or workload.spec.text("priorityClassName", "") == HEADROOM:
        return
    found = [
        budget
        for budget in graph.within(workload.namespace, kinds.POD_DISRUPTION_BUDGET)
        if matches(budget.at("spec.selector"), workload.labels)
    ]
    if len(found) != 1:
        told = ", ".join(each.object_name for each in found) or "none"
        yield Violation(resource, f"{pods} pods need one disruption budget, there are {len(found)} ({told})")
    for budget in found:
        if (allowed := allowed_to_go(budget.at("spec"), pods)) < 1:
            yield Violation(budget, f"allows {allowed} of {pods} pods of {resource.where} to go")
        if (policy := budget.text("spec.unhealthyPodEvictionPolicy", "IfHealthyBudget")) != "AlwaysAllow":
            yield Violation(budget, f"broken pods are held by {policy}, not let go by AlwaysAllow")


def allowed_to_go(spec: Node, pods: float) -> int:
    """Pods that a budget lets be gone at the same time. Both kinds of percentage round up, as the controller does."""

    def count(node: Node) -> int:
        text = node.text()
        if text.endswith("%") and text[:-1].isdigit():
            return math.ceil(pods * int(text[:-1]) / 100)
        return int(node.number())

    if spec.has("maxUnavailable"):
        return min(count(spec.at("maxUnavailable")), int(pods))
    if spec.has("minAvailable"):
        return int(pods) - count(spec.at("minAvailable"))
    return 0


@stack_rule(
    "az-11",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.HIGH,
    says="A PostgreSQL of one instance has no disruption budget, one of several has its operator's.",
    why="Its operator's budget keeps the only instance from ever being evicted: a drain, and with it every node "
    "upgrade, waits for ever (one such budget held up 15 of 26 nodes for days). Without it a drain may take a primary "
    "and its standby at once.",
    fix="enablePDB: false where instances is 1, else true",
    scenario="A development cluster is upgraded at night, by nobody.",
)
def no_budget_for_one(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    if cluster.number("spec.instances", 1) > 1:
        if not cluster.flag("spec.enablePDB", True):
            yield Violation(cluster, "several instances, and enablePDB is off: a drain may take all of them")
        return
    if cluster.flag("spec.enablePDB", True):
        yield Violation(cluster, "one instance, and enablePDB is on")
    workload = graph.workload(cluster)
    for budget in graph.within(cluster.namespace, kinds.POD_DISRUPTION_BUDGET):
        if matches(budget.at("spec.selector"), workload.labels):
            yield Violation(budget, f"holds the only instance of {cluster.where}")
