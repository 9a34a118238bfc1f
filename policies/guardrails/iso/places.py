"""Where objects stand, whom their labels and selectors mean, and what their pods mount."""

import re
from collections.abc import Iterator
from typing import Final

from guardrails import kinds
from guardrails.archives import attachments_of
from guardrails.graph import Graph
from guardrails.iso.aws_names import names_of
from guardrails.kubernetes.workloads import TENANT, Workload
from guardrails.reading import Node
from guardrails.resource import Resource, family
from guardrails.rule import Violation

TEMPLATED: Final = (
    kinds.DEPLOYMENT,
    kinds.STATEFUL_SET,
    kinds.REPLICA_SET,
    kinds.DAEMON_SET,
    kinds.JOB,
    kinds.CRON_JOB,
    kinds.POD,
)

EDGE: Final = "retail/edge"

BESIDE_THE_DATABASE: Final = frozenset(
    family(each)
    for each in (
        kinds.DATABASE,
        kinds.DATABASE_ROLE,
        kinds.EXTERNAL_SECRET,
        kinds.SECRET_STORE,
        kinds.ROLE,
        kinds.ROLE_BINDING,
    )
)
"""Kinds that CloudNativePG wants in the namespace of its cluster, so a hosted retailer has them at its platform's."""

CLUSTER_WIDE: Final = frozenset(
    family(each)
    for each in (kinds.NAMESPACE, kinds.NODE_POOL, kinds.NODE_CLASS, kinds.STORAGE_CLASS, kinds.HELM_RELEASE)
)
"""Kinds without a namespace that a retailer on somebody's cluster may have: they carry its own name."""

OWN_VOLUMES: Final = (
    "name",
    "emptyDir",
    "secret",
    "configMap",
    "projected",
    "downwardAPI",
    "persistentVolumeClaim",
    "ephemeral",
)
"""Sources of volumes that hold what is in the pod's namespace, and nothing of the node or of the network."""


def host_of(graph: Graph) -> str:
    """The platform's namespace in which a hosted retailer's database is; empty where it lives on its own."""
    if graph.contract.hosting != "shared":
        return ""
    return next((each.namespace for each in graph.all(kinds.DATABASE)), "")


def standing(resource: Resource, graph: Graph) -> Iterator[Violation]:
    """An object is in a namespace of its own; a hosted retailer's database is at its platform's, under its own name."""
    namespace, owns = resource.namespace, graph.contract.owns_cluster
    if namespace in graph.rooms or resource.family == family(kinds.HELM_RELEASE):
        return
    if not namespace:
        bound = resource.kind == "ValidatingAdmissionPolicyBinding"  # to its own namespace; sec-11 sees to it
        if not owns and not bound and resource.family not in CLUSTER_WIDE:
            yield Violation(resource, "holds in the whole cluster, which is another's")
        return
    if owns and (namespace == "kube-system" or graph.named(kinds.NAMESPACE, "", namespace)):
        return
    if namespace != host_of(graph) or resource.family not in BESIDE_THE_DATABASE:
        yield Violation(resource, f"stands in {namespace}, which is not this stack's")
    elif not _is_under(resource.object_name, graph):
        yield Violation(resource, f"stands in {namespace} under a name that is not the retailer's")


def _is_under(name: str, graph: Graph) -> bool:
    return any(name == room or name.startswith(f"{room}-") for room in graph.rooms)


def labelled(resource: Resource, graph: Graph) -> Iterator[Violation]:
    """Labels that say whose it is, and which edge takes it up, say what the contract does."""
    given = graph.contract.given
    labels = resource.labels
    for label, key in ((TENANT, "retailer"), (EDGE, "edge")):
        if label in labels and labels[label] != given.text(key):
            yield Violation(resource, f"its label {label} is {labels[label]}, not {given.text(key)}")


def service(resource: Resource, graph: Graph) -> Iterator[Violation]:
    if resource.text("spec.type", "ClusterIP") == "ExternalName" or resource.has("spec.externalName"):
        yield Violation(resource, "leads by name to wherever that is, another's namespace included")
    elif not resource.entries("spec.selector"):
        yield Violation(resource, "has no selector: it leads where somebody else says")
    if resource.items("spec.externalIPs"):
        yield Violation(resource, "takes addresses that may be others'")
    found = _selected(resource, graph)
    if len({(each.tier, each.labels.get("app.kubernetes.io/name")) for each in found}) > 1:
        yield Violation(resource, f"means pods of several tiers: {', '.join(each.resource.where for each in found)}")


def _selected(resource: Resource, graph: Graph) -> list[Workload]:
    selector = resource.texts("spec.selector")
    listed = [each for each in graph.workloads if each.stays and each.resource.namespace == resource.namespace]
    return [each for each in listed if selector and selector.items() <= each.labels.items()]


def monitor(resource: Resource, graph: Graph) -> Iterator[Violation]:
    spaces = resource.at("spec.namespaceSelector")
    if spaces.flag("any", False):
        yield Violation(resource, "scrapes every namespace")
    for name in spaces.words("matchNames"):
        if name not in graph.rooms:
            yield Violation(resource, f"scrapes namespace {name}, which is not this stack's")


def query(resource: Resource, graph: Graph) -> Iterator[Violation]:
    """Prometheus is the cluster's: a query without the stack's own names adds up everybody's figures."""
    own = [*graph.rooms, graph.contract.given.text("retailer").replace("-", "_")]
    pattern = re.compile(f"(?<![A-Za-z0-9-])({'|'.join(map(re.escape, own))})(?![A-Za-z0-9])")
    for trigger in resource.items("spec.triggers"):
        if trigger.text("type") == "prometheus" and not pattern.search(trigger.text("metadata.query")):
            yield Violation(resource, f"{trigger.path} asks Prometheus about every retailer's pods")


def workload(resource: Resource, graph: Graph) -> Iterator[Violation]:
    found = graph.workload(resource)
    if (tenant := found.labels.get(TENANT)) != (own := graph.contract.retailer):
        yield Violation(resource, f"its pods say {TENANT}={tenant or 'nothing'}, not {own}")
    if found.is_database:
        yield from _sources(resource)
        return
    for volume in found.spec.items("volumes"):
        yield from _volume(resource, volume, graph)
    for pod in graph.odoo_of(resource):
        if place := attachments_of(pod):
            yield from _attachments(resource, place, graph)


def _sources(cluster: Resource) -> Iterator[Violation]:
    for end in cluster.items("spec.externalClusters"):
        if end.has("connectionParameters"):
            yield Violation(cluster, f"connects to another PostgreSQL as {end.text('name')}; archives alone are shared")


def _volume(resource: Resource, volume: Node, graph: Graph) -> Iterator[Violation]:
    name = volume.text("name")
    for source in volume.entries():
        if source not in OWN_VOLUMES:
            yield Violation(resource, f"volume {name} is {source}: of the node or the network, not of the namespace")
    claim = volume.text("persistentVolumeClaim.claimName", "")
    if claim and graph.named(kinds.PERSISTENT_VOLUME_CLAIM, resource.namespace, claim) is None:
        yield Violation(resource, f"volume {name} is claim {claim}, which the stack doesn't make")


def _attachments(resource: Resource, place: str, graph: Graph) -> Iterator[Violation]:
    bucket, _, prefix = place.partition("/")
    own = names_of(graph)
    if not bucket.startswith(f"{own}-") or not (prefix == own or prefix.startswith(f"{own}/")):
        yield Violation(resource, f"keeps attachments in {place}, not in a bucket and prefix of {own}")


def claim(resource: Resource, _: Graph) -> Iterator[Violation]:
    for path in ("spec.volumeName", "spec.dataSource", "spec.dataSourceRef", "spec.selector"):
        if resource.has(path):
            yield Violation(resource, f"{path} takes a volume that may hold another's data")
