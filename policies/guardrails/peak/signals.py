"""That tiers grow with their load: by a signal that is there, and that a pod can reach."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.scaling import Scaler
from guardrails.odoo import OdooPod
from guardrails.reading import Node, whole
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

WEBSOCKETS = limit("websockets-per-pod", 1000, "Open connections that one gevent process is trusted with.")

THRESHOLDS: Final = {"prometheus": "threshold", "postgresql": "targetQueryValue", "cpu": "value", "memory": "value"}
"""Where each trigger says how much one pod carries."""

LOAD: Final = {
    "activemq", "apache-kafka", "arangodb", "artemis-queue", "aws-cloudwatch", "aws-dynamodb",
    "aws-dynamodb-streams", "aws-kinesis-stream", "aws-sqs-queue", "azure-app-insights", "azure-blob",
    "azure-data-explorer", "azure-eventhub", "azure-log-analytics", "azure-monitor", "azure-pipelines",
    "azure-queue", "azure-servicebus", "beanstalkd", "cassandra", "couchdb", "cpu", "datadog", "dynatrace",
    "elasticsearch", "etcd", "external", "external-push", "forgejo-runner", "gcp-cloudtasks", "gcp-pubsub",
    "gcp-stackdriver", "gcp-storage", "github-runner", "graphite", "huawei-cloudeye", "ibmmq", "influxdb", "kafka",
    "kubernetes-resource", "kubernetes-workload", "liiklus", "loki", "memory", "metrics-api", "mongodb", "mssql",
    "mysql", "nats-jetstream", "new-relic", "nsq", "openstack-metric", "openstack-swift", "postgresql",
    "predictkube", "prometheus", "pulsar", "rabbitmq", "redis", "redis-cluster", "redis-cluster-streams",
    "redis-sentinel", "redis-sentinel-streams", "redis-streams", "selenium-grid", "solace-direct-messaging",
    "solace-event-queue", "solr", "splunk", "splunk-observability", "stan", "sumologic", "temporal",
}  # fmt: skip
"""What KEDA scales by, beside the calendar (keda, scalers_builder.go): one trigger of another type, and it scales by
none of them."""

_TOTAL: Final = re.compile(r"sum\((?:rate\((\w+)\[\w+\]\)|(\w+))\)")
"""A plain sum over all pods, of a rate or of what is now; what is reckoned further has a unit of its own."""


@stack_rule(
    "peak-11",
    of=kinds.SCALED_OBJECT,
    severity=Severity.HIGH,
    says="Every scaled tier grows with its load: its scaler has a workload, and a signal with a threshold that one pod "
    "reaches.",
    why="A calendar raises floors, and knows of no surge. A threshold above what a pod carries is met when all its "
    "workers are busy and customers wait, or never; with one of 0 the autoscaler has no number at all.",
    fix="a prometheus or postgresql trigger whose threshold is what a pod carries at its target utilisation, and a "
    "scaleTargetRef to the workload: apiVersion apps/v1, kind, name",
    scenario="A television show sends a hundred thousand visitors on a day that no calendar has.",
    implies=("az-02", "ing-05", "peak-02"),
)
def grows_with_load(resource: Resource, graph: Graph) -> Iterable[Violation]:
    target = _target(resource, graph)
    if target is None:
        told = " ".join(resource.at("spec.scaleTargetRef").texts().values())
        yield Violation(resource, f"scales {told}, which is not of this stack")
        return
    scaler = Scaler(resource)
    types = [each.text("type") for each in scaler.triggers]
    for unknown in sorted({*types} - LOAD - {"cron"}):
        yield Violation(resource, f"KEDA has no trigger {unknown}, and refuses the others with it")
    # What its hours hold at its ceiling, as a tier that only sleeps and wakes, has nothing to grow by.
    held = max([scaler.floor, *(each.pods for each in scaler.hours if each.share is not None)])
    if held < scaler.ceiling and not LOAD.intersection(types):
        yield Violation(resource, f"has {held} pods whatever comes: no trigger on load for {scaler.ceiling}")
    pods = [each for each in graph.odoo_of(target) if each.serves]
    for trigger in scaler.triggers:
        yield from _reached(trigger, pods, graph)


def _target(resource: Resource, graph: Graph) -> Resource | None:
    reference = resource.at("spec.scaleTargetRef")
    version, kind = reference.text("apiVersion", "apps/v1"), reference.text("kind", "Deployment")
    token = f"kubernetes:{version}:{kind}"
    found = graph.named(token, resource.namespace, reference.text("name"))
    return found if found and found.type.removesuffix("Patch") == token else None


def _reached(trigger: Node, pods: list[OdooPod], graph: Graph) -> Iterator[Violation]:
    if (kind := trigger.text("type")) not in THRESHOLDS:
        return
    key = THRESHOLDS[kind]
    name, threshold = trigger.text("name", kind), trigger.number(f"metadata.{key}")
    if threshold <= 0:
        yield Violation(trigger.owner, f"trigger {name} has {key} {threshold}: no number of pods follows from it")
    if kind in ("cpu", "memory") or trigger.text("metricType", "AverageValue") != "AverageValue":
        return
    query = trigger.text("metadata.query")
    for pod in pods:
        most, what = _carried(query, pod, graph)
        if most is not None and threshold > most:
            yield Violation(trigger.owner, f"trigger {name} has {key} {threshold}; a pod carries {whole(most)} {what}")


def _carried(query: str, pod: OdooPod, graph: Graph) -> tuple[float | None, str]:
    """What one pod carries of what `query` counts, with all its workers busy; None where nobody knows.

    A service's summed request durations are the requests under way, by Little's law.
    """
    if "queue_job" in query and "count(" in query:
        return pod.http_processes, "jobs at once"
    counted = _TOTAL.fullmatch(re.sub(r"\{[^}]*\}", "", query).partition(" or ")[0].strip())
    metric = (counted[1] or counted[2]) if counted else ""
    if metric.endswith("request_duration_seconds_sum"):
        return pod.http_processes, "requests at once"
    if metric.endswith("requests_total"):
        took = graph.contract.given.number(f"serviceTimeMs.{pod.workload.tier}", None)
        return (pod.http_processes * 1000 / took, "requests a second") if took else (None, "")
    if pod.is_gevent and metric.endswith("connections"):
        return graph.config.number(WEBSOCKETS), "open connections"
    return None, ""
