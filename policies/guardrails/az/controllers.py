"""That what keeps the cluster going is there twice, and that a drain takes one at a time."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from guardrails import kinds
from guardrails.az.budgets import allowed_to_go
from guardrails.graph import Graph
from guardrails.kubernetes.charts import chart_of
from guardrails.kubernetes.selectors import matches
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

SWITCHED: Final[Mapping[str, Any]] = {"enabled": False, "minAvailable": 1}
"""A chart's own disruption budget: off, and of one pod once it is on."""


@dataclass(frozen=True)
class Part:
    """Pods of a chart: where its values say how many there are, and where what their disruption budget is, if they say
    that at all; with the chart's own defaults. Without any, it makes a budget of what it is given, and none of nothing.
    """

    replicas: str
    budget: str = ""
    default: int = 1
    budgeted: Mapping[str, Any] | None = None


CONTROLLERS: Final = {
    "keda": (
        Part("operator.replicaCount", "podDisruptionBudget.operator"),
        Part("metricsServer.replicaCount", "podDisruptionBudget.metricServer"),
        Part("webhooks.replicaCount", "podDisruptionBudget.webhooks"),
    ),
    "cert-manager": (
        Part("replicaCount", "podDisruptionBudget", budgeted=SWITCHED),
        Part("webhook.replicaCount", "webhook.podDisruptionBudget", budgeted=SWITCHED),
        Part("cainjector.replicaCount", "cainjector.podDisruptionBudget", budgeted=SWITCHED),
    ),
    "aws-load-balancer-controller": (Part("replicaCount", "podDisruptionBudget", default=2),),
    "karpenter": (Part("replicas", "podDisruptionBudget", default=2, budgeted={"maxUnavailable": 1}),),
    "cloudnative-pg": (Part("replicaCount"),),
    "external-secrets": (
        Part("replicaCount", "podDisruptionBudget", budgeted=SWITCHED),
        Part("webhook.replicaCount", "webhook.podDisruptionBudget", budgeted=SWITCHED),
        Part("certController.replicaCount", "certController.podDisruptionBudget", budgeted=SWITCHED),
    ),
    "kube-prometheus-stack": (
        Part("prometheus.prometheusSpec.replicas", "prometheus.podDisruptionBudget", budgeted=SWITCHED),
        Part("alertmanager.alertmanagerSpec.replicas", "alertmanager.podDisruptionBudget", budgeted=SWITCHED),
    ),
    "reloader": (Part("reloader.deployment.replicas", "reloader.podDisruptionBudget", budgeted=SWITCHED),),
}
"""Charts of what keeps a cluster going (their values.yaml, at the versions of retail/versions.py). The barman plugin is
not among them: only its leader listens, so it runs once. Nor is Prometheus' operator, of which its chart makes one."""

ELECTING: Final = {"external-secrets": "leaderElect", "reloader": "reloader.enableHA"}
"""Charts that let their pods elect a leader only when told; all others always do, or need none."""


@stack_rule(
    "az-09",
    of=kinds.HELM_RELEASE,
    severity=Severity.MEDIUM,
    says="Controllers that keep the cluster going run twice at least, and a drain takes one at a time.",
    why="With one, or without a disruption budget, the loss or the patching of a node stops scaling, failover, alerts "
    "or new nodes just when they are needed.",
    fix="two replicas in the chart's values, with leader election, and a podDisruptionBudget of maxUnavailable: 1; for "
    "CloudNativePG, whose chart has none, a PodDisruptionBudget beside it",
    scenario="The node of the only KEDA operator fails in the peak hour: nothing scales out until it is back.",
)
def controllers_twice(release: Resource, graph: Graph) -> Iterable[Violation]:
    chart = chart_of(release)
    for part in CONTROLLERS.get(chart, ()):
        pods = release.number(f"values.{part.replicas}", part.default)
        if pods < 2:
            yield Violation(release, f"{chart} has {part.replicas} {pods}, not 2")
        else:
            yield from (Violation(release, what) for what in _drained(release, part, pods, graph))
    if (switch := ELECTING.get(chart)) and not release.flag(f"values.{switch}", False):
        yield Violation(release, f"{chart} has {switch} off: its pods elect no leader")


def _drained(release: Resource, part: Part, pods: float, graph: Graph) -> Iterator[str]:
    """What is wrong about the disruption budget of pods."""
    budgets = _own_budget(release, part) if part.budget else _budgets_beside(release, graph)
    if not budgets:
        where = part.budget or "a PodDisruptionBudget beside it"
        yield f"no disruption budget ({where}): a drain may take all {pods} pods"
    for budget in budgets:
        if (gone := allowed_to_go(budget, pods)) < 1:
            yield f"{budget.path} lets none of {pods} pods go: a drain waits for ever"
        elif gone >= pods:
            yield f"{budget.path} lets all {pods} pods go at once"


def _own_budget(release: Resource, part: Part) -> list[Node]:
    """The budget that the chart makes, with its defaults filled in; none if it makes none."""
    given = release.at(f"values.{part.budget}")
    filled = {**(part.budgeted or {}), **{key: node.raw for key, node in given.entries().items()}}
    budget = Node(release, given.path, filled)
    sized = budget.has("maxUnavailable") or budget.has("minAvailable")
    return [budget] if sized and budget.flag("enabled", True) else []


def _budgets_beside(release: Resource, graph: Graph) -> list[Node]:
    """Budgets of the stack on a chart's pods, by the labels that charts give them."""
    labels = {"app.kubernetes.io/name": chart_of(release), "app.kubernetes.io/instance": release.text("name", "")}
    listed = graph.within(release.text("namespace", "default"), kinds.POD_DISRUPTION_BUDGET)
    return [each.at("spec") for each in listed if matches(each.at("spec.selector"), labels)]
