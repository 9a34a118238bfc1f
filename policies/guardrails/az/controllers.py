"""That what keeps the cluster going is there, and twice."""

from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.config import Config
from guardrails.graph import Graph
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, resource_rule, stack_rule

CONTROLLERS: Final = {
    "keda": ("operator.replicaCount", "metricsServer.replicaCount"),
    "cert-manager": ("replicaCount", "webhook.replicaCount", "cainjector.replicaCount"),
    "aws-load-balancer-controller": ("replicaCount",),
    "karpenter": ("replicas",),
    "cloudnative-pg": ("replicaCount",),
    "external-secrets": ("replicaCount", "webhook.replicaCount"),
}
"""Charts of what keeps a cluster going, and where each says how many there are; all elect a leader."""


@resource_rule(
    "az-09",
    of=kinds.HELM_RELEASE,
    severity=Severity.MEDIUM,
    says="Controllers that keep the cluster going run twice at least.",
    why="With one, its node's loss stops scaling, failover or new nodes just when they are needed.",
    fix="two replicas in the chart's values",
    scenario="The node of the only KEDA operator fails in the peak hour: nothing scales out until it is back.",
)
def controllers_twice(release: Resource, _: Config) -> Iterable[Violation]:
    chart = release.text("chart").rpartition("/")[2]
    for path in CONTROLLERS.get(chart, ()):
        if (replicas := release.number(f"values.{path}", 1)) < 2:
            yield Violation(release, f"{chart} has {path} {replicas}, not 2")


OPERATORS: Final = {
    kinds.POSTGRES_CLUSTER: "cloudnative-pg",
    kinds.OBJECT_STORE: "plugin-barman-cloud",
    kinds.SCALED_OBJECT: "keda",
    kinds.EXTERNAL_SECRET: "external-secrets",
    kinds.CERTIFICATE: "cert-manager",
    kinds.NODE_POOL: "karpenter",
    kinds.PROMETHEUS_RULE: "kube-prometheus-stack",
}
"""Kinds that nothing but their operator acts on, and the chart that has it."""


@stack_rule(
    "az-13",
    severity=Severity.HIGH,
    says="Every kind of object that an operator acts on has its operator in the cluster.",
    why="The API server keeps objects whose operator is gone, and everything looks as it was: no failover, no scaling, "
    "no new nodes, no renewed certificate, until one of them is needed.",
    fix="the chart of the operator among the cluster's Releases",
    scenario="An operator is taken out for an upgrade on Thursday, and on Friday the primary's node fails.",
    # A namespace whose operator is gone is a room of the stack, and not closed as one.
    implies=("az-09", "iso-01", "iso-02", "ops-01", "sec-09"),
)
def operators_there(graph: Graph) -> Iterable[Violation]:
    if not graph.contract.owns_cluster:
        return
    charts = {each.text("chart").rpartition("/")[2] for each in graph.all(kinds.HELM_RELEASE)}
    for kind, chart in OPERATORS.items():
        if chart in charts:
            continue
        if found := graph.all(kind):
            yield Violation(found[0], f"nothing acts on it: no Release of {chart}")
        elif not graph.contract.serves_retailer:
            yield Violation(None, f"no Release of {chart}: nothing acts on what its retailers bring")
