"""That somebody is called: for each thing that may go wrong an alert that is about it, can fire, and goes somewhere."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import Final

from guardrails import kinds
from guardrails.bk.drills import SUCCEEDED, drills
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.durations import prometheus_seconds
from guardrails.ops.promql import Clause, clauses, constant
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

LASTING = limit(
    "alert-lasting-seconds", 7200, "Seconds that something must be wrong before somebody is called, at most."
)
ROUTED = limit("alert-severities", ("critical", "warning"), "Severities that Alertmanager sends to somebody.")

HOUR, DAY = 3600, 86400
SELLING: Final = ("storefront", "backoffice", "pos")


@dataclass(frozen=True)
class Signal:
    """What an alert must be about. series: patterns that its expression holds, recorded series written out; of names,
    never the alert's own. about: a pattern that it holds itself. least, most: what it may be compared with. absence: it
    asks whether a series is there.
    """

    what: str
    series: tuple[str, ...]
    about: str = ""
    least: float = -inf
    most: float = inf
    absence: bool = False

    def is_measured_by(self, clause: Clause) -> bool:
        return all(re.search(each, clause.whole) for each in self.series)

    def is_in(self, clause: Clause) -> bool:
        return bool(re.search(self.about, clause.text)) and self.is_measured_by(clause)

    def judged_by(self, clause: Clause) -> bool:
        if self.absence:
            return clause.asks_for_absence
        found = clause.thresholds
        return bool(found) and all(self.least <= each <= self.most for each in found)


@stack_rule(
    "ops-01",
    severity=Severity.HIGH,
    says="Somebody is called when an error budget burns, a tier is gone, the edge closes, scaling is blind, and before "
    "backups, drills, WAL, standbys, poolers or jobs are a loss.",
    why="What nobody is told of lasts until a customer calls. An alert is judged by the series in it: one on a metric "
    "that the backup plugin never writes has never fired, nor has one without a threshold, or with a severity that "
    "Alertmanager drops.",
    fix="a PrometheusRule with an alert on these series, a comparison, labels severity (critical or warning) and "
    "tenant, and `for` of two hours at most",
    scenario="The bucket's key is disabled on a Friday evening; somebody knows before the week's backups are missing.",
    implies=("bk-08",),
)
def somebody_is_called(graph: Graph) -> Iterable[Violation]:
    alerts = list(_alerts(graph))
    # Signals share a few dozen series: most alerts are never looked at for most signals.
    of_series: dict[tuple[str, ...], list[list[Clause]]] = {}
    for where, signal in _wanted(graph):
        if signal.series not in of_series:
            of_series[signal.series] = [
                each for each in alerts if any(signal.is_measured_by(clause) for clause in each)
            ]
        if not any(_tells(signal, expression) for expression in of_series[signal.series]):
            yield Violation(where, f"no alert that can fire tells of {signal.what}")


def _tells(signal: Signal, expression: list[Clause]) -> bool:
    about = [clause for clause in expression if signal.is_in(clause)]
    return bool(about) and all(signal.judged_by(clause) for clause in about)


def _alerts(graph: Graph) -> Iterator[list[Clause]]:
    """Expressions of alerts that reach somebody."""
    rules = rules_of(graph)
    recorded: dict[str, str] = {}
    for rule in rules:
        if rule.has("record"):
            name = rule.text("record")
            # A name is recorded for several tiers; together they are what it may be.
            recorded[name] = f"{recorded.get(name, '')} {rule.text('expr')}"
    for rule in rules:
        if rule.has("alert") and _reaches_somebody(rule, graph):
            expression = rule.text("expr")
            if not constant(expression):
                yield clauses(expression, recorded)


def rules_of(graph: Graph) -> list[Node]:
    """Alerts and recorded series of all PrometheusRules. What a preview doesn't know is not counted."""
    return [
        rule
        for resource in graph.all(kinds.PROMETHEUS_RULE)
        if resource.known("spec")
        for group in resource.items("spec.groups")
        for rule in group.items("rules")
    ]


def _reaches_somebody(rule: Node, graph: Graph) -> bool:
    labels = rule.texts("labels")
    routed = labels.get("severity", "") in graph.config.words(ROUTED)
    lasting = prometheus_seconds(rule.at("for")) if rule.has("for") else 0
    return routed and labels.get("tenant") == graph.contract.retailer and lasting <= graph.config.number(LASTING)


def _wanted(graph: Graph) -> Iterator[tuple[Resource, Signal]]:
    """What must be told of, and where it would happen."""
    for cluster in graph.all(kinds.POSTGRES_CLUSTER):
        for signal in _of_database(cluster, graph):
            yield cluster, signal
    contract = graph.contract
    if contract.owns_database:
        yield contract.given, Signal("an edge that is down", (r"\bup\{",), least=0, most=3)
        ends = r"traefik_tls_certs_not_after|certmanager_certificate_expiration_timestamp_seconds"
        yield contract.given, Signal("a certificate that ends", (ends,), least=3 * DAY)
    if not contract.serves_retailer:
        return
    serving = [each for each in graph.workloads if each.stays and contract.need(each.tier) is not None]
    for workload in serving:
        space, tier = re.escape(workload.namespace), re.escape(workload.tier)
        if workload.tier in SELLING:
            errors = (rf"traefik_\w+_requests_total\{{[^}}]*{space}_{tier}_", r'code=~?"5', r"/")
            yield (
                workload.resource,
                Signal(f"{workload.tier}'s error budget", errors, rf'"{tier}"|_{tier}_', least=1e-5, most=0.2),
            )
        gone = rf'kube_deployment_status_replicas_available\{{[^}}]*namespace="{space}"[^}}]*deployment="{tier}"'
        yield workload.resource, Signal(f"{workload.tier} without a pod", (gone,), least=0, most=1)
    for space in sorted({each.namespace for each in serving if each.scaler}):
        blind = (rf'keda_scaled_object_errors_total\{{[^}}]*"{re.escape(space)}"',)
        yield contract.given, Signal("scaling that is blind", blind, least=0, most=100)
    if contract.owns_database:
        waiting = ("cnpg_retail_queue_oldest_seconds",)
        yield contract.given, Signal("jobs that wait", waiting, least=60, most=HOUR)


def _of_database(cluster: Resource, graph: Graph) -> Iterator[Signal]:
    space, name = re.escape(cluster.namespace), re.escape(cluster.object_name)
    contract = graph.contract

    def at(series: str) -> tuple[str, ...]:
        return (rf'{series}\{{[^}}]*namespace="{space}"',)

    backup = at("barman_cloud_cloudnative_pg_io_last_available_backup_timestamp")
    interval = contract.count("backupIntervalHours") * HOUR
    yield Signal("the age of backups", backup, least=interval, most=3 * interval)
    yield Signal("backups that nobody sees", backup, absence=True)
    yield Signal("WAL that is not archived", at(r"cnpg_pg_stat_archiver_\w+"), least=0, most=HOUR)
    full = at(r"kubelet_volume_stats_available_bytes")
    yield Signal("a WAL volume that fills", (*full, rf"{name}-\[0-9\]\+-wal|{name}-[0-9]-wal"), least=0.1, most=0.9)
    yield Signal("clients that wait for a pooler", at(r"cnpg_pgbouncer_pools_(?:maxwait|cl_waiting)"), least=0, most=60)
    if contract.redundant:
        yield Signal("replication lag", at("cnpg_pg_replication_lag"), least=0, most=900)
        streaming = at("cnpg_pg_replication_streaming_replicas")
        yield Signal("a standby that is missing", streaming, least=1, most=4)
    # Two days, as months and quarters are longer than 30 and 90; one to run again.
    late = (contract.count("drillIntervalDays") + 3) * DAY
    for job in (each.job for each in drills(graph) if each.restores(cluster, graph)):
        place = rf'namespace="{re.escape(job.namespace)}"[^}}]*cronjob="{re.escape(job.object_name)}"'
        yield Signal("drills that don't succeed", (rf"{SUCCEEDED}\{{[^}}]*{place}",), least=DAY, most=late)
