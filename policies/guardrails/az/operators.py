"""That whatever an operator acts on has its operator in the cluster."""

from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.kubernetes.charts import chart_of, charts
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

OPERATORS: Final = {
    "cloudnative-pg": kinds.POSTGRES_CLUSTER,
    "plugin-barman-cloud": kinds.OBJECT_STORE,
    "keda": kinds.SCALED_OBJECT,
    "external-secrets": kinds.EXTERNAL_SECRET,
    "cert-manager": kinds.CERTIFICATE,
    "karpenter": kinds.NODE_POOL,
    "kube-prometheus-stack": kinds.PROMETHEUS_RULE,
    "prometheus-operator-crds": kinds.PROMETHEUS_RULE,
    "traefik": kinds.INGRESS_ROUTE,
}
"""Charts, and the kinds that nothing knows of or acts on without them. Traefik's is there for its CRDs; Karpenter's
brings its own, so `karpenter-crd` may be missing."""

RELOADER: Final = "reloader.stakater.com/"


@stack_rule(
    "az-13",
    severity=Severity.HIGH,
    says="Whatever an operator acts on has its operator in the cluster.",
    why="The API server keeps objects whose operator is gone, and everything looks as it was: no failover, no scaling, "
    "no new nodes, no load balancer, no renewed certificate, no restart with a new password, until one of them is "
    "needed.",
    fix="the chart of the operator among the cluster's Releases",
    scenario="An operator is taken out for an upgrade on Thursday, and on Friday the primary's node fails.",
    # A namespace whose operator is gone is a room of the stack, and not closed as one.
    implies=("az-09", "iso-01", "iso-02", "ops-01", "sec-09"),
)
def operators_there(graph: Graph) -> Iterable[Violation]:
    if not graph.contract.owns_cluster:
        return
    there = {chart_of(each) for each in graph.all(kinds.HELM_RELEASE)}
    if any(each.flag("values.crds.enabled", True) for each in charts(graph, "kube-prometheus-stack")):
        there.add("prometheus-operator-crds")
    for chart, relying in _relying(graph).items():
        if chart in there:
            continue
        if relying:
            yield Violation(relying[0], f"nothing acts on it: no Release of {chart}")
        elif not graph.contract.serves_retailer:
            yield Violation(None, f"no Release of {chart}: nothing acts on what its retailers bring")


def _relying(graph: Graph) -> dict[str, list[Resource]]:
    """By chart, what of the stack relies on it."""
    found = {chart: graph.all(kind) for chart, kind in OPERATORS.items()}
    found["aws-load-balancer-controller"] = [
        each for each in graph.all(kinds.SERVICE) if each.text("spec.type", "ClusterIP") == "LoadBalancer"
    ]
    found["reloader"] = [
        each
        for each in graph.all(kinds.DEPLOYMENT, kinds.STATEFUL_SET)
        if any(RELOADER in annotation for annotation in each.annotations)
    ]
    return found
