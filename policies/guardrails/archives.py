"""Where the stack's data is kept: each PostgreSQL's archive, Odoo's attachments, and the copies of both."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from guardrails import kinds
from guardrails.aws.buckets import Bucket, Replication, bucket_named, replications
from guardrails.odoo import OdooPod
from guardrails.reading import Node, Unjudged
from guardrails.resource import Resource

if TYPE_CHECKING:
    from guardrails.graph import Graph

T = TypeVar("T")

PLUGIN = "barman-cloud.cloudnative-pg.io"


def archiver(cluster: Resource) -> Node | None:
    """The plugin that archives a cluster's WAL; CloudNativePG takes a plugin for enabled unless told otherwise."""
    for plugin in cluster.items("spec.plugins"):
        if plugin.flag("enabled", True) and plugin.flag("isWALArchiver", False):
            return plugin
    return None


def store_of(plugin: Node, cluster: Resource, graph: "Graph") -> Resource | None:
    """The ObjectStore that a plugin's parameters name, beside the cluster."""
    return graph.named(kinds.OBJECT_STORE, cluster.namespace, plugin.text("parameters.barmanObjectName"))


def place_of(store: Resource) -> tuple[str, str]:
    """Bucket and folder of an ObjectStore."""
    node = store.at("spec.configuration.destinationPath")
    scheme, _, rest = node.text().partition("://")
    if scheme != "s3" or not rest:
        raise node.unjudged("must be s3://bucket/folder")
    bucket, _, folder = rest.partition("/")
    return bucket, folder.strip("/")


def archive_of(cluster: Resource, graph: "Graph") -> Bucket | None:
    """The bucket of this stack that a cluster archives to; None where there is none."""
    plugin = archiver(cluster)
    store = store_of(plugin, cluster, graph) if plugin else None
    return bucket_named(place_of(store)[0], graph) if store else None


def attachments_of(pod: OdooPod) -> str | None:
    """`bucket/prefix` that a container of Odoo keeps attachments in; None where its odoo.conf names none."""
    storages = [options for name, options in pod.sections.items() if name.startswith("fs_storage.")]
    return next((path for each in storages if (path := each.get("directory_path"))), None)


def runs_business(pod: OdooPod) -> bool:
    """Whether it reads and writes attachments: all but the websocket process and the queue's runner."""
    return not pod.is_gevent and not (pod.runs_queue and pod.serves)


class Kept:
    """Every place where the stack's data is kept, found once. What can't be read is left out here, and reported by the
    rule that is about it."""

    def __init__(self, graph: "Graph") -> None:
        self._graph = graph

    @cached_property
    def archives(self) -> list[Bucket]:
        """Buckets that PostgreSQL's archives are in."""
        clusters = self._graph.all(kinds.POSTGRES_CLUSTER)
        return _once(bucket for each in clusters if (bucket := _or_none(archive_of, each, self._graph)))

    @cached_property
    def places(self) -> list[str]:
        """Where the containers of Odoo keep attachments, one entry for each."""
        found = []
        for resource in self._graph.all(kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.CRON_JOB, kinds.JOB):
            for pod in _or_none(self._graph.odoo_of, resource) or ():
                if place := _or_none(attachments_of, pod):
                    found.append(place)
        return found

    @cached_property
    def filestores(self) -> list[Bucket]:
        """Buckets that Odoo's attachments are in."""
        names = {place.partition("/")[0] for place in self.places}
        return _once(bucket for name in sorted(names) if (bucket := bucket_named(name, self._graph)))

    @cached_property
    def copies(self) -> list[Bucket]:
        """Buckets that these are copied to."""
        found = [_or_none(_listed, each, self._graph) or [] for each in (*self.archives, *self.filestores)]
        return _once(each.target for several in found for each in several if each.target)


def _listed(source: Bucket, graph: "Graph") -> list[Replication]:
    return list(replications(source, graph))


def _or_none(read: Callable[..., T], *given: Any) -> T | None:
    try:
        return read(*given)
    except Unjudged:
        return None


def _once(buckets: Iterable[Bucket]) -> list[Bucket]:
    return list({bucket.name: bucket for bucket in buckets}.values())
