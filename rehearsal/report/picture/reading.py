"""From the resources of an evaluation to the parts of its picture.

Nothing here knows a stack, a tier or a pool by name: all follows from labels, selectors, references between objects,
and providers.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rehearsal.engine.model import Evaluation
from rehearsal.report.picture.databases import read_databases
from rehearsal.report.picture.graph import Graph, Item, showable
from rehearsal.report.picture.parts import Architecture, Cluster, Edge, Key, Pool, Tier
from rehearsal.report.picture.services import read_buckets, read_services
from rehearsal.report.picture.tiers import pod_pool, read_tiers, required_zones, scaling
from retail.naming import LABEL_POOL, LABEL_TENANT

_EDGE_APP: Final = "traefik"
_NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
_SUBNET: Final = "aws:ec2/subnet:Subnet"


def read(evaluation: Evaluation) -> Architecture:
    """What there is to draw of an evaluation in up mode (in a preview ids are unknown, and so are many relations)."""
    graph = Graph(evaluation)
    # The operators' pool first, then managed groups, then Karpenter's: pools look alike in the pictures of all stacks.
    pools = sorted(_pools(graph), key=lambda pool: (bool(pool.key[1]), pool.elastic, pool.key))
    zones_of = {pool.key: pool.zones for pool in pools}
    tiers = tuple(read_tiers(graph, zones_of))
    databases = tuple(read_databases(graph, tiers))
    edge = _edge(graph, zones_of)
    hosts, routed = _routes(graph, tiers)
    used = {tier.pool for tier in tiers} | {each.pool for each in databases} | ({edge.pool} if edge else set())
    return Architecture(
        title=_setting(evaluation, "retailer") or evaluation.project,
        subtitle=_subtitle(evaluation),
        platform=", ".join(name.rsplit("/", 1)[-1] for name in evaluation.references),
        cluster=_cluster(graph, pools),
        edge=edge,
        hosts=hosts,
        routed=routed,
        pools=tuple(pool for pool in pools if not pool.borrowed or pool.key in used or not pool.key[1]),
        tiers=tiers,
        databases=databases,
        services=tuple(read_services(graph, tiers)),
        buckets=tuple(read_buckets(graph, tiers, databases)),
    )


def _setting(evaluation: Evaluation, key: str) -> str:
    full = f"{evaluation.project}:{key}"
    return "" if full in evaluation.secret_keys else evaluation.config.get(full, "")


def _subtitle(evaluation: Evaluation) -> str:
    """What kind of stack it is; keys that a project does not have are left out."""
    said = {
        "environment": "{}",
        "hosting": "{} hosting",
        "objective-class": "{} objectives",
        "season": "season {}",
    }
    known = [words.format(value) for key, words in said.items() if (value := _setting(evaluation, key))]
    return " · ".join([f"stack {evaluation.stack}", *known])


def _pools(graph: Graph) -> Iterator[Pool]:
    """Managed node groups, those of one pool together, and Karpenter's NodePools."""
    zone_of_subnet = {
        resource.id: str(resource.inputs.get("availabilityZone")) for resource, _ in graph.resources(_SUBNET)
    }
    groups: dict[tuple[Key, bool], list[dict[str, Any]]] = {}
    for resource, borrowed in graph.resources(_NODE_GROUP):
        inputs = showable(resource.inputs)
        labels = inputs.get("labels") or {}
        groups.setdefault(((labels.get(LABEL_POOL, ""), labels.get(LABEL_TENANT, "")), borrowed), []).append(inputs)
    for (key, borrowed), members in groups.items():
        subnets = sorted({subnet for group in members for subnet in group.get("subnetIds") or ()})
        least, most = (sum(group["scalingConfig"][limit] for group in members) for limit in ("minSize", "maxSize"))
        yield Pool(
            key=key,
            instance_types=tuple(dict.fromkeys(each for group in members for each in group.get("instanceTypes") or ())),
            zones=tuple(sorted({zone_of_subnet[subnet] for subnet in subnets if subnet in zone_of_subnet})),
            size=f"{least} to {most} nodes, managed group",
            elastic=False,
            borrowed=borrowed,
        )
    for item in graph.objects("karpenter.sh/NodePool"):
        template = item.spec["template"]
        wanted = {each["key"]: tuple(each.get("values") or ()) for each in template["spec"].get("requirements") or ()}
        labels = template.get("metadata", {}).get("labels") or {}
        cpus = (item.spec.get("limits") or {}).get("cpu")
        yield Pool(
            key=(labels.get(LABEL_POOL, ""), labels.get(LABEL_TENANT, "")),
            instance_types=wanted.get("node.kubernetes.io/instance-type", ()),
            zones=tuple(sorted(wanted.get("topology.kubernetes.io/zone", ()))),
            size=f"Karpenter, up to {cpus} CPUs" if cpus else "Karpenter",
            elastic=True,
            borrowed=item.borrowed,
        )


def _edge(graph: Graph, zones_of: dict[Key, tuple[str, ...]]) -> Edge | None:
    """The Traefik that serves the stack's routes: its own, else the platform's."""
    for item in graph.objects("apps/Deployment"):
        if not _is_edge(item):
            continue
        service = next(
            (
                each
                for each in graph.objects("/Service")
                if each.key == item.key and each.spec.get("type") == "LoadBalancer"
            ),
            None,
        )
        annotations = (service.manifest["metadata"].get("annotations") or {}) if service else {}
        scheme = annotations.get("service.beta.kubernetes.io/aws-load-balancer-scheme", "")
        ports = ", ".join(str(port["port"]) for port in service.spec.get("ports") or ()) if service else ""
        pool = pod_pool(item)
        return Edge(
            name=item.name,
            pods=(scaling(graph, item) or {}).get("maxReplicaCount", item.spec.get("replicas") or 0),
            zones=required_zones(item, zones_of.get(pool, ())),
            pool=pool,
            load_balancer=" · ".join(filter(None, [scheme, f"ports {ports}" if ports else ""])) if service else "",
            middlewares=tuple(
                sorted({kind for each in graph.objects("traefik.io/Middleware", own=True) for kind in each.spec})
            ),
            borrowed=item.borrowed,
        )
    return None


def _is_edge(item: Item) -> bool:
    return item.labels.get("app.kubernetes.io/name") == _EDGE_APP


def _routes(graph: Graph, tiers: Sequence[Tier]) -> tuple[tuple[tuple[str, Key], ...], frozenset[Key]]:
    """Each public host with the Service that answers by default (of the lowest priority), and all that are reached."""
    best: dict[str, tuple[int, Key]] = {}
    routed = set()
    for item in graph.objects("traefik.io/IngressRoute", own=True):
        for rule in item.spec.get("routes") or ():
            for service in rule.get("services") or ():
                key = (service.get("namespace") or item.namespace, service["name"])
                routed.add(key)
                priority = rule.get("priority") or len(rule["match"])
                for host in re.findall(r"Host\(`([^`]+)`\)", rule["match"]):
                    if host not in best or priority < best[host][0]:
                        best[host] = priority, key
    classes = {tier.key: tier.workload_class for tier in tiers}
    hosts = sorted(((host, key) for host, (_, key) in best.items()), key=lambda pair: (classes.get(pair[1], "~"), pair))
    return tuple(hosts), frozenset(routed)


def _cluster(graph: Graph, pools: list[Pool]) -> Cluster | None:
    cidrs = [str(resource.inputs.get("cidrBlock")) for resource, _ in graph.resources("aws:ec2/vpc:Vpc")]
    operators = [
        (str(release.inputs.get("name")), str(release.inputs.get("version")))
        for release, _ in graph.resources("kubernetes:helm.sh/v3:Release")
    ]
    addons = sorted(str(addon.inputs.get("addonName")) for addon, _ in graph.resources("aws:eks/addon:Addon"))
    for resource, borrowed in graph.resources("aws:eks/cluster:Cluster"):
        return Cluster(
            name=str(resource.inputs.get("name")),
            version=str(resource.inputs.get("version")),
            network=", ".join(f"VPC {cidr}" for cidr in cidrs),
            zones=tuple(sorted({zone for pool in pools for zone in pool.zones})),
            operators=tuple(sorted(operators)),
            addons=tuple(addons),
            borrowed=borrowed,
        )
    return None
