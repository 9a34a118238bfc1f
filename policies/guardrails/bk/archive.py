"""That every PostgreSQL has base backups and an archive of its own, in the form that will be supported."""

import re
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final
from zoneinfo import ZoneInfo

from guardrails import kinds
from guardrails.archives import PLUGIN, archive_of, archiver, place_of, store_of
from guardrails.aws.buckets import Bucket
from guardrails.bk.promises import BACKUP_HOURS, promised
from guardrails.bk.writing import refused
from guardrails.config import Config
from guardrails.graph import Graph
from guardrails.kubernetes.cron import read_cron
from guardrails.kubernetes.durations import postgres_seconds
from guardrails.postgres import parameter
from guardrails.reading import Node
from guardrails.resource import Resource, family
from guardrails.rule import Protects, Severity, Violation, resource_rule, stack_rule

UTC: Final = ZoneInfo("UTC")
"""CloudNativePG's operator has no other zone."""

DAYS_AHEAD: Final = 400
"""A schedule is looked at for a year and a month, so that one that only fires in some months shows its gap."""

ARCHIVE_TIMEOUT: Final = "5min"
"""CloudNativePG's default (pkg/postgres/configuration.go)."""

SKIP: Final = "cnpg.io/skipWalArchiving"
IN_TREE: Final = "barmanObjectStore"


@stack_rule(
    "bk-01",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.CRITICAL,
    says="Every PostgreSQL has a ScheduledBackup through the plugin, at least as often as its class promises.",
    why="WAL alone restores nothing, and a restore replays all of it since the last base backup: the older that is, "
    "the longer the shop is closed. CloudNativePG's cron has six fields; five are read as something else.",
    fix="a ScheduledBackup with method: plugin, the cluster's name and a six-field schedule of the class's interval",
    scenario="On Cyber Monday a wrong import is undone; the newest base backup is hours old, not weeks.",
    implies=("bk-14", "iso-04"),
    protects=Protects.DATA,
)
def base_backups(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    hours = promised(graph, BACKUP_HOURS)
    mine = [
        each
        for each in graph.all(kinds.SCHEDULED_BACKUP)
        if each.namespace == cluster.namespace and each.text("spec.cluster.name", "") == cluster.object_name
    ]
    if not mine:
        yield Violation(cluster, "no ScheduledBackup names it")
    problems = [(each, list(_not_taken(each, cluster, hours, graph))) for each in mine]
    if all(found for _, found in problems):
        yield from (Violation(backup, what) for backup, found in problems for what in found)


def _not_taken(backup: Resource, cluster: Resource, hours: float, graph: Graph) -> Iterator[str]:
    """Why a ScheduledBackup does not give what is promised."""
    if backup.flag("spec.suspend", False):
        yield "it is suspended"
    if (method := backup.text("spec.method", IN_TREE)) != "plugin":
        yield f"method is {method}, not plugin"
    plugins = [each.text("name") for each in cluster.items("spec.plugins") if each.flag("enabled", True)]
    if (plugin := backup.text("spec.pluginConfiguration.name", "")) not in plugins:
        yield f"its plugin is {plugin or 'not named'}, the cluster has {', '.join(plugins) or 'none'}"
    cron = read_cron(backup.at("spec.schedule"), seconds=True)
    gap = cron.longest_gap(graph.config.now, DAYS_AHEAD, UTC)
    if gap > timedelta(hours=hours):
        yield f"up to {gap.total_seconds() / 3600:g} h between backups, {hours:g} h are promised"


@stack_rule(
    "bk-02",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.CRITICAL,
    says="Every PostgreSQL archives its WAL, at least as often as it may lose data, to a bucket of its own stack, and "
    "may.",
    why="What is not archived is lost with the region, or with the volume where there is one instance. A quiet "
    "database fills no segment, so only archive_timeout sends it away. WAL that the bucket refuses piles up until the "
    "volume is full and the database stops.",
    fix="the barman-cloud plugin enabled with isWALArchiver: true, an ObjectStore on the stack's backup bucket, "
    "archive_timeout within the RPO, and for its pods a role with ListBucket, GetObject and PutObject there and "
    "GenerateDataKey and Decrypt on its key",
    scenario="A region is lost at night, when few orders come: the last of them are in the archive all the same.",
    implies=("bk-01", "bk-03", "bk-05", "bk-08", "bk-09", "bk-10", "bk-11", "cost-05", "iso-04", "iso-11", "ops-01"),
    protects=Protects.DATA,
)
def archives_wal(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    plugin = archiver(cluster)
    if plugin is None:
        yield Violation(cluster, "no enabled plugin archives its WAL")
        return
    if (name := plugin.text("name")) != PLUGIN:
        yield Violation(cluster, f"its WAL archiver is {name}, not {PLUGIN}")
    if cluster.annotations.get(SKIP, "").lower() in ("enabled", "true"):
        yield Violation(cluster, f"annotation {SKIP} turns archiving off")
    store = store_of(plugin, cluster, graph)
    if store is None:
        named = plugin.text("parameters.barmanObjectName")
        yield Violation(cluster, f"ObjectStore {named} is not in this stack and namespace")
    elif (bucket := archive_of(cluster, graph)) is None:
        yield Violation(store, f"bucket {place_of(store)[0]} is none of this stack's")
    else:
        yield from _refused(cluster, store, bucket, graph)
    yield from _too_seldom(cluster, graph)


def _refused(cluster: Resource, store: Resource, bucket: Bucket, graph: Graph) -> Iterator[Violation]:
    account = cluster.text("spec.serviceAccountName", cluster.object_name)
    if missing := list(refused(account, cluster.namespace, bucket, place_of(store)[1], graph)):
        yield Violation(cluster, f"the role of its pods may not {', '.join(missing)} in {bucket.name}")


def _too_seldom(cluster: Resource, graph: Graph) -> Iterator[Violation]:
    for name, value in (("archive_mode", "off"), ("wal_level", "minimal")):
        if parameter(cluster, name).text("", "").strip().lower() == value:
            yield Violation(cluster, f"{name} is {value}: nothing is archived")
    contract = graph.contract
    # An RPO of 0 is a standby's work (db-04); the archive then serves the region's.
    bounds = [seconds for key in ("rpoSeconds", "regionRpoSeconds") if (seconds := contract.seconds(key))]
    node = parameter(cluster, "archive_timeout")
    timeout = postgres_seconds(node if node.has() else Node(cluster, node.path, ARCHIVE_TIMEOUT), "s")
    if not 0 < timeout <= min(bounds, default=0):
        told = "off" if timeout == 0 else f"{timeout:g} s"
        yield Violation(cluster, f"archive_timeout is {told}, the RPO {min(bounds, default=0):g} s")


@stack_rule(
    "bk-10",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.CRITICAL,
    says="Every PostgreSQL archives under a server name of its own lineage, which no other cluster writes to.",
    why="An archive holds one history. A second cluster finds it not empty and archives nothing, or mixes its WAL with "
    "the first one's, and both look healthy. The default, the cluster's name, is the same after a restore.",
    fix="serverName <cluster>-<region>-v<major>-<lineage> in the plugin's parameters; the next lineage after a restore",
    scenario="After a recovery in the peak the new cluster archives beside the old history, not into it.",
    implies=("bk-08", "bk-09", "bk-11"),
    protects=Protects.DATA,
)
def own_lineage(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    plugin = archiver(cluster)
    if plugin is None:
        return  # bk-02 says so
    server = plugin.text("parameters.serverName", "")
    if not server or server == cluster.object_name:
        yield Violation(cluster, "serverName is the cluster's own name, which its next lineage would have too")
        return
    here = (_place(plugin, cluster, graph), server)
    for other in graph.all(kinds.POSTGRES_CLUSTER):
        theirs = archiver(other)
        if other.urn != cluster.urn and theirs and (_place(theirs, other, graph), _server(theirs, other)) == here:
            yield Violation(cluster, f"{other.where} archives to {server} as well")
    itself = cluster.text("spec.replica.self", "")
    for end in cluster.items("spec.externalClusters"):
        if not end.has("plugin"):
            continue
        same = (_place(end.at("plugin"), cluster, graph), _server(end.at("plugin"), cluster)) == here
        if same and end.text("name") != itself:
            yield Violation(cluster, f"it archives to {server}, which it is restored from or follows")
    major = re.search(r":([0-9]+)", cluster.text("spec.imageName", ""))
    version = re.search(r"-v([0-9]+)(-|$)", server)
    if major and version and major[1] != version[1]:
        yield Violation(cluster, f"serverName says PostgreSQL {version[1]}, the image is {major[1]}: another history")


def _place(plugin: Node, cluster: Resource, graph: Graph) -> tuple[str, str]:
    """Bucket and folder, or the ObjectStore's name where it is not of this stack."""
    store = store_of(plugin, cluster, graph)
    return place_of(store) if store else (cluster.namespace, plugin.text("parameters.barmanObjectName"))


def _server(plugin: Node, cluster: Resource) -> str:
    return plugin.text("parameters.serverName", cluster.object_name)


@resource_rule(
    "bk-14",
    of=(kinds.POSTGRES_CLUSTER, kinds.SCHEDULED_BACKUP, kinds.BACKUP),
    severity=Severity.HIGH,
    says="Nothing uses the barmanObjectStore that is built into CloudNativePG.",
    why="It is deprecated since 1.26 and will be removed: an upgrade of the operator would end the backups of whoever "
    "still uses it. Its metrics also stand still beside the plugin's.",
    fix="the plugin barman-cloud.cloudnative-pg.io, with an ObjectStore",
    scenario="The operator is upgraded after the season, and the night's backup is there.",
    implies=("bk-01", "bk-02", "bk-11"),
    protects=Protects.DATA,
)
def no_built_in_store(resource: Resource, _: Config) -> Iterable[Violation]:
    if resource.family != family(kinds.POSTGRES_CLUSTER):
        if (method := resource.text("spec.method", IN_TREE)) == IN_TREE:
            yield Violation(resource, f"method is {method}")
        return
    if resource.has(f"spec.backup.{IN_TREE}"):
        yield Violation(resource, f"spec.backup has {IN_TREE}")
    for end in resource.items("spec.externalClusters"):
        if end.has(IN_TREE):
            yield Violation(resource, f"external cluster {end.text('name')} has {IN_TREE}")
