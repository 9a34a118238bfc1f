"""That a gold database can be had in another region within the hour: declared as one end of two from the start."""

from collections.abc import Iterable, Iterator

from guardrails import kinds
from guardrails.archives import archiver, place_of, store_of
from guardrails.aws.grants import allowed, statements_of
from guardrails.graph import Graph
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, stack_rule


@stack_rule(
    "bk-11",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.HIGH,
    says="A gold database is declared over two regions: each end knows both archives, may read the other's, and has "
    "the same roles.",
    why="What has to be designed during the outage is not there within the hour. A second end can follow only what "
    "lists it, and only under names that both sides agree on; CloudNativePG's `enabled` form can't be turned round.",
    fix="spec.replica {self, primary, source}, externalClusters with both ends, an ObjectStore for each, managed roles",
    scenario="At ten in the morning of Black Friday the region fails; the other end leads at half past.",
    implies=("bk-02", "bk-05", "bk-06", "bk-10", "db-02", "iso-04", "iso-05", "iso-12", "sec-04"),
    protects=Protects.DATA,
)
def over_two_regions(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    if graph.contract.objective_class != "gold":
        return
    replica = cluster.at("spec.replica")
    if not replica.has():
        yield Violation(cluster, "no end in another region is declared")
        return
    if replica.has("enabled"):
        yield Violation(cluster, "replica.enabled is the form that can't be turned round")
    itself, leads, follows = (replica.text(key, "") for key in ("self", "primary", "source"))
    ends = {end.text("name"): end for end in cluster.items("spec.externalClusters")}
    for key, name in (("self", itself), ("primary", leads), ("source", follows)):
        if name not in ends:
            yield Violation(cluster, f"replica.{key} is {name or 'not set'}, which is no external cluster")
    if itself == follows:
        yield Violation(cluster, "it follows itself")
    if itself in ends and follows in ends and itself != follows:
        yield from _ends(cluster, ends[itself], ends[follows], graph)
    if not cluster.items("spec.managed.roles"):
        yield Violation(cluster, "it manages no roles: those of the other end would not log in after a takeover")


def _ends(cluster: Resource, own: Node, other: Node, graph: Graph) -> Iterator[Violation]:
    plugin = archiver(cluster)
    if plugin is not None:
        for key in ("barmanObjectName", "serverName"):
            if (listed := own.text(f"plugin.parameters.{key}", "")) != plugin.text(f"parameters.{key}", ""):
                yield Violation(cluster, f"it archives with another {key} than its end is listed with: {listed}")
    if not other.flag("plugin.enabled", True):
        yield Violation(cluster, f"the plugin of end {other.text('name')} is off")
    store = store_of(other.at("plugin"), cluster, graph)
    if store is None:
        yield Violation(cluster, f"the archive of end {other.text('name')} has no ObjectStore beside it")
        return
    bucket, folder = place_of(store)
    mine = store_of(own.at("plugin"), cluster, graph)
    if mine is not None and place_of(mine)[0] == bucket:
        yield Violation(store, f"both ends archive to {bucket}, which is in one region")
    roles = [
        role
        for each in graph.all(kinds.POD_IDENTITY_ASSOCIATION)
        if (each.text("namespace"), each.text("serviceAccount")) == (cluster.namespace, cluster.object_name)
        for role in graph.sources(each, "roleArn", kinds.IAM_ROLE)
    ]
    said = [statement for role in roles for statement in statements_of(role, graph)]
    if not allowed(said, "s3:GetObject", f"arn:aws:s3:::{bucket}/{folder}/x"):
        yield Violation(cluster, f"its role may not read {bucket}, the archive of the other end")
