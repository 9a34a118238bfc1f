"""That backups are proven: each archive restored on a schedule, by something that can do it no harm."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from guardrails import kinds
from guardrails.archives import archiver, place_of, store_of
from guardrails.aws.grants import allowed, granted_to
from guardrails.bk.archive import DAYS_AHEAD
from guardrails.bk.promises import DRILL_DAYS, promised
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.cron import read_cron
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, stack_rule

SLACK_DAYS = limit("drill-slack-days", 2, "Days a month or quarter of the calendar may be longer than 30 or 90.")

MONTH, DAY, HOUR = 28, 86400, 3600

SUCCEEDED: Final = "kube_cronjob_status_last_successful_time"
"""kube-state-metrics' time of a CronJob's last success."""

WRITING: Final = ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion")


@dataclass(frozen=True)
class Drill:
    """A CronJob that is handed the Cluster to restore, as JSON in a ConfigMap."""

    job: Resource
    cluster: Node

    @property
    def sources(self) -> list[Node]:
        """Plugins of the archive that it restores."""
        wanted = self.cluster.text("spec.bootstrap.recovery.source", "")
        ends = self.cluster.items("spec.externalClusters")
        return [end.at("plugin") for end in ends if end.text("name") == wanted]

    @property
    def namespace(self) -> str:
        return self.cluster.text("metadata.namespace", self.job.namespace)

    @property
    def name(self) -> str:
        return self.cluster.text("metadata.name")

    def restores(self, live: Resource, graph: Graph) -> bool:
        """Whether it restores what `live` archives now."""
        plugin = archiver(live)
        mine = store_of(plugin, live, graph) if plugin else None
        if plugin is None or mine is None:
            return False
        server = plugin.text("parameters.serverName", live.object_name)
        for source in self.sources:
            theirs = graph.named(kinds.OBJECT_STORE, self.namespace, source.text("parameters.barmanObjectName"))
            if theirs and place_of(theirs) == place_of(mine) and source.text("parameters.serverName", "") == server:
                return True
        return False


def drills(graph: Graph) -> Iterator[Drill]:
    """Every CronJob with a Cluster in a ConfigMap that it mounts."""
    for job in graph.all(kinds.CRON_JOB):
        for file in _files(job, graph):
            document = file.document() if file.known() and file.text().lstrip().startswith("{") else None
            if document is not None and document.text("kind", "") == "Cluster":
                yield Drill(job, document)


def _files(job: Resource, graph: Graph) -> Iterator[Node]:
    """What is in the ConfigMaps that a CronJob mounts, or was made from where their names are not known yet."""
    mounted = job.at("spec.jobTemplate.spec.template.spec").items("volumes")
    names = {each.text("configMap.name") for each in mounted if each.has("configMap.name") and each.known("configMap")}
    for each in graph.all(kinds.CONFIG_MAP):
        if each.namespace == job.namespace and each.object_name in names:
            yield from each.entries("data").values()
    if not all(each.known("configMap") for each in mounted):
        for each in graph.sources(job, "spec", kinds.CONFIG_MAP):
            yield from each.entries("data").values()


@stack_rule(
    "bk-08",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.CRITICAL,
    says="Every archive is restored by a drill as often as its class promises, and somebody is called when it is not.",
    why="Backups that nobody restored are a hope: a key that is gone, a WAL that is missing, a restore that takes "
    "a day show at the restore only.",
    fix="a CronJob that restores the live cluster's server name, on a schedule of the class's days, and an alert on "
    "kube_cronjob_status_last_successful_time of it",
    scenario="The drill of the Sunday before Black Friday passed; the team knows what it has.",
    implies=("bk-09", "iso-01", "iso-04", "iso-06", "ops-01", "peak-04"),
    protects=Protects.DATA,
)
def restored_often(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    mine = [each for each in drills(graph) if each.restores(cluster, graph)]
    if not mine:
        yield Violation(cluster, "no drill restores what it archives")
    days = promised(graph, DRILL_DAYS)
    days += graph.config.number(SLACK_DAYS) if days >= MONTH else 0
    problems = [(each.job, list(_proves_less(each, days, graph))) for each in mine]
    if all(found for _, found in problems):
        yield from (Violation(job, what) for job, found in problems for what in found)


def _proves_less(drill: Drill, days: float, graph: Graph) -> Iterator[str]:
    job = drill.job
    if job.flag("spec.suspend", False):
        yield "it is suspended"
    cron = read_cron(job.at("spec.schedule"))
    gap = cron.longest_gap(graph.config.now, DAYS_AHEAD, _zone(job))
    # An hour for the change of the clock.
    if gap > timedelta(days=days, hours=1):
        yield f"up to {gap.total_seconds() / DAY:.3g} days between drills, {days:g} are promised"
    allowed_seconds, promised_seconds = _timeout(job), graph.contract.seconds("regionRtoSeconds")
    if allowed_seconds is not None and allowed_seconds > promised_seconds:
        yield f"it allows a restore {allowed_seconds:g} s, the regional RTO is {promised_seconds:g} s"
    if not any(_calls(each, job, days) for each in graph.view(_alerts)):
        yield f"no alert tells within {days + 1:g} days that it did not succeed"


def _zone(job: Resource) -> ZoneInfo:
    node = job.at("spec.timeZone")
    try:
        return ZoneInfo(node.text("", "UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        raise node.unjudged("must be a time zone, as Europe/Paris") from None


def _timeout(job: Resource) -> int | float | None:
    """What the drill's own environment allows a restore; None where it says nothing."""
    for container in job.at("spec.jobTemplate.spec.template.spec").items("containers"):
        for variable in container.items("env"):
            if variable.text("name") == "DRILL_TIMEOUT_SECONDS":
                return variable.number("value")
    return None


def _alerts(graph: Graph) -> list[str]:
    """Expressions of all alerts that can be read."""
    return [
        rule.text("expr")
        for rules in graph.all(kinds.PROMETHEUS_RULE)
        if rules.known("spec")
        for group in rules.items("spec.groups")
        for rule in group.items("rules")
        if rule.has("alert")
    ]


def _calls(expression: str, job: Resource, days: float) -> bool:
    """Whether an alert is about the last success of this CronJob, and early enough."""
    labels = (f'namespace="{job.namespace}"', f'cronjob="{job.object_name}"')
    ages = [float(each) for each in re.findall(r">=? *([0-9]+(?:\.[0-9]+)?)", expression)]
    about = SUCCEEDED in expression and all(label in expression for label in labels)
    return about and bool(ages) and max(ages) <= (days + 1) * DAY


@stack_rule(
    "bk-09",
    of=kinds.CRON_JOB,
    severity=Severity.HIGH,
    says="A restore drill works in a namespace of its own, with credentials that only read, and leaves nothing behind.",
    why="Whoever may create a Cluster chooses its account. Beside the live database that is the live database's; and a "
    "restored cluster that archives under the live one's name ends the live one's history.",
    fix="a namespace, an ObjectStore without retentionPolicy and a role without PutObject for the scratch cluster; no "
    "WAL archiver in it; activeDeadlineSeconds and ttlSecondsAfterFinished",
    scenario="The drill hangs on a Sunday morning, and on Monday nothing of it is there but an alert.",
    implies=("bk-06", "bk-08", "iso-04", "iso-05", "sec-15"),
    protects=Protects.DATA,
)
def drills_do_no_harm(job: Resource, graph: Graph) -> Iterable[Violation]:
    for drill in (each for each in drills(graph) if each.job is job):
        yield from (Violation(job, what) for what in (*_beside_live(drill, graph), *_may_write(drill, graph)))
        limits, at_most = job.at("spec.jobTemplate.spec"), DAY + graph.contract.seconds("regionRtoSeconds")
        for key in ("activeDeadlineSeconds", "ttlSecondsAfterFinished"):
            if not 0 < (value := limits.number(key, 0)) <= at_most:
                yield Violation(job, f"{key} is {f'{value:g} s' if value else 'not set'}: what hangs or fails stays")


def _beside_live(drill: Drill, graph: Graph) -> Iterator[str]:
    live = graph.all(kinds.POSTGRES_CLUSTER)
    if drill.namespace in {each.namespace for each in live}:
        yield f"it restores into {drill.namespace}, beside the live database"
    written = {
        (place_of(store), plugin.text("parameters.serverName", each.object_name))
        for each in live
        if (plugin := archiver(each)) and (store := store_of(plugin, each, graph))
    }
    for plugin in drill.cluster.items("spec.plugins"):
        if not (plugin.flag("enabled", True) and plugin.flag("isWALArchiver", False)):
            continue
        store = graph.named(kinds.OBJECT_STORE, drill.namespace, plugin.text("parameters.barmanObjectName"))
        server = plugin.text("parameters.serverName", drill.name)
        if store is None or (place_of(store), server) in written:
            yield f"what it restores archives to {server}, the live database's"
    if not drill.cluster.has("spec.bootstrap.recovery.source"):
        yield "the cluster that it makes is not restored from anything"
    for source in drill.sources:
        store = graph.named(kinds.OBJECT_STORE, drill.namespace, source.text("parameters.barmanObjectName"))
        if store is not None and store.has("spec.retentionPolicy"):
            yield f"its ObjectStore {store.object_name} has a retentionPolicy, by which it would delete live backups"


def _may_write(drill: Drill, graph: Graph) -> Iterator[str]:
    account = drill.cluster.text("spec.serviceAccountName", drill.name)
    said = granted_to(account, drill.namespace, graph)
    for bucket in (*graph.kept.archives, *graph.kept.copies):
        for action in WRITING:
            if allowed(said, action, f"{bucket.arn}/x"):
                yield f"the role of what it restores may {action} in {bucket.name}"
