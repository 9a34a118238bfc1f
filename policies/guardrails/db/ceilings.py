"""The replica ceilings that travel on the objects: what the API server holds people to."""

from collections.abc import Iterable

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.kubernetes.workloads import TENANT, Workload, held_ceiling
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule


@stack_rule(
    "db-13",
    of=(kinds.SCALED_OBJECT, kinds.DEPLOYMENT),
    severity=Severity.HIGH,
    says="Every tier and its scaler carry the replica ceiling that the API server holds people to, and it is not below "
    "the stack's own.",
    why="Connections are counted up to that ceiling (db-01, db-02), and past it nobody scales with kubectl. The API "
    "server refuses an object without one, or with more pods than it says: half a deployment.",
    fix="annotation retail/replica-ceiling of the ScaledObject and of the Deployment: maxReplicaCount of the peak",
    scenario="In the peak hour pods are added by hand, as many as the database bears and not one more.",
)
def carries_its_ceiling(resource: Resource, graph: Graph) -> Iterable[Violation]:
    room = graph.named(kinds.NAMESPACE, "", resource.namespace)
    if room and TENANT not in room.labels:
        return  # admission looks at retailers' namespaces alone
    workloads = [each for each in graph.workloads if _is_held(each, resource)]
    for workload in workloads:
        held = held_ceiling(resource)
        if held is None:
            yield Violation(resource, "carries no replica ceiling: the API server refuses it")
        elif held < workload.ceiling:
            yield Violation(resource, f"its replica ceiling is {held}; the stack asks for {workload.ceiling} pods")


def _is_held(workload: Workload, by: Resource) -> bool:
    if workload.resource is by:
        return workload.labels.get("app.kubernetes.io/name") == "odoo"
    return workload.scaler is not None and workload.scaler.resource is by
