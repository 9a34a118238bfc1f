"""That alerts arrive: Prometheus loads them, and Alertmanager leads each to somebody."""

from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.aws.grants import allowed, granted_to
from guardrails.aws.providers import arn_of
from guardrails.graph import Graph
from guardrails.kubernetes.charts import chart_of
from guardrails.kubernetes.selectors import matches
from guardrails.ops.alertmanager import receivers
from guardrails.ops.alerts import ROUTED, rules_of
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

PARTS: Final = ("prometheusOperator", "prometheus", "alertmanager")
"""What the chart installs unless told otherwise."""

LOADED: Final = {"rule": (kinds.PROMETHEUS_RULE,), "podMonitor": (kinds.POD_MONITOR,), "serviceMonitor": ()}
"""What Prometheus selects, and the stack's own of it. ServiceMonitors come with the operators' charts."""

NOBODY: Final = "null"
"""The receiver of the chart's own configuration, which is filled in where ours says none: it tells nobody."""

SNS: Final = "sns_configs"


@stack_rule(
    "ops-05",
    of=kinds.HELM_RELEASE,
    severity=Severity.HIGH,
    says="Prometheus loads every rule and monitor, and each alert leads through Alertmanager's routes to a topic that "
    "is there; one that wakes somebody to another than one that can wait.",
    why="The chart by itself loads its own rules only and sends what they find to nobody. Alerts then fire, and every "
    "dashboard is green.",
    fix="*SelectorNilUsesHelmValues: false in prometheusSpec; in alertmanager.config a route for each severity, to a "
    "receiver with sns_configs on a topic of the stack, and sns:Publish for Alertmanager's role",
    scenario="The volume for WAL fills on Saturday at noon, and whoever is on call knows at five past.",
)
def delivered(release: Resource, graph: Graph) -> Iterable[Violation]:
    if chart_of(release) == "kube-prometheus-stack":
        for what in (*_off(release), *_not_loaded(release, graph), *_lost(release, graph)):
            yield Violation(release, what)


def _off(release: Resource) -> Iterator[str]:
    for part in PARTS:
        if not release.flag(f"values.{part}.enabled", True):
            yield f"{part}.enabled is false"
    if release.flag("values.alertmanager.alertmanagerSpec.useExistingSecret", False):
        yield "alertmanagerSpec.useExistingSecret takes a configuration that is not this one"


def _not_loaded(release: Resource, graph: Graph) -> Iterator[str]:
    """What Prometheus passes over: where it is given no selector, the chart makes one of its own label, unless
    it is told to take everything."""
    spec = release.at("values.prometheus.prometheusSpec")
    own = {"matchLabels": {"release": release.text("name", "")}}
    for kind, types in LOADED.items():
        objects = graph.all(*types)
        selector = spec.at(f"{kind}Selector")
        if not selector.entries():
            if not spec.flag(f"{kind}SelectorNilUsesHelmValues", True):
                continue
            if not objects:
                yield f"{kind}SelectorNilUsesHelmValues is on: it loads no {kind} but its own"
            selector = Node(release, f"{spec.path}.{kind}SelectorNilUsesHelmValues", own)
        if missed := [each.where for each in objects if not matches(selector, each.labels)]:
            yield f"{selector.path} leaves out {missed[0]}{_more(missed)}"


def _lost(release: Resource, graph: Graph) -> Iterator[str]:
    """Alerts that nobody gets, each reason once."""
    config = release.at("values.alertmanager.config")
    listed = {each.text("name"): each for each in config.items("receivers")}
    levels = graph.config.words(ROUTED)
    gets: dict[str, set[str]] = {}
    sent: dict[str, list[str]] = {}
    for labels in _alerts(levels, graph):
        for name in receivers(config.at("route"), labels, NOBODY):
            gets.setdefault(labels["severity"], set()).add(name)
            sent.setdefault(name, []).append(f"{labels['alertname']} ({labels['severity']})")
    for name, alerts in sent.items():
        problems = _unreachable(listed[name], release, graph) if name in listed else ["is not defined"]
        for problem in problems:
            yield f"receiver {name} {problem}: it may get {alerts[0]}{_more(alerts)}"
    urgent, *others = levels
    waits = {name for level in others for name in gets.get(level, ())}
    if gets.get(urgent) and waits and gets[urgent] <= waits:
        yield f"{urgent} alerts go where the others go, to {', '.join(sorted(gets[urgent]))}: nobody is woken"


def _alerts(levels: tuple[str, ...], graph: Graph) -> Iterator[dict[str, str]]:
    """Labels of the alerts that are meant for somebody, but for those that only their series tell."""
    for rule in rules_of(graph):
        if rule.has("alert") and rule.text("labels.severity", "") in levels:
            plain = {key: text for key, text in rule.texts("labels").items() if "{{" not in text}
            yield {**plain, "alertname": rule.text("alert")}


def _unreachable(receiver: Node, release: Resource, graph: Graph) -> Iterator[str]:
    """Why a receiver tells nobody. Of others than topics it is enough that they are there."""
    topics = receiver.items(SNS)
    others = [
        key for key, node in receiver.entries().items() if key.endswith("_configs") and key != SNS and node.items()
    ]
    if not topics and not others:
        yield "tells nobody"
    for entry in topics:
        yield from _no_topic(entry, release, graph)


def _no_topic(entry: Node, release: Resource, graph: Graph) -> Iterator[str]:
    node, all_ = entry.at("topic_arn"), graph.all(kinds.SNS_TOPIC)
    if not node.has():
        yield "names no topic"
        return
    if node.known():
        arns = [arn for each in all_ if (arn := arn_of(each, "sns", graph)) == node.text()]
    else:
        arns = [arn_of(each, "sns", graph) for each in graph.sources(release, "values", kinds.SNS_TOPIC)]
    if not arns:
        yield "has a topic that is none of this stack's"
        return
    region = arns[0].split(":")[3]
    if (signed := entry.text("sigv4.region", region)) != region:
        yield f"signs for {signed}, its topic is in {region}"
    account = release.text("values.alertmanager.serviceAccount.name")
    if not allowed(granted_to(account, release.text("namespace"), graph), "sns:Publish", arns[0]):
        yield f"has a topic that the role of {account} may not publish to"


def _more(listed: list[str]) -> str:
    return f" and {len(listed) - 1} more" if len(listed) > 1 else ""
