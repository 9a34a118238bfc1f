"""Network policies: nobody's rule names another's pods, and no connection between two stacks is open on both sides."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_network
from typing import Any

from rehearsal.check.cursor import Cursor
from rehearsal.check.inventory import Declared, Pods
from rehearsal.check.isolation.estate import DATABASE_CLUSTER, Estate, Leak, Tenant
from rehearsal.check.selectors import could_select
from rehearsal.engine.model import UNKNOWN

POLICY = "NetworkPolicy.networking.k8s.io"
SIDES = {"egress": "to", "ingress": "from"}
SUBNET = "aws:ec2/subnet:Subnet"


@dataclass(frozen=True)
class Place:
    """Pods, whose they are, and who owns their namespace: labels and policies of that are its owner's."""

    tenant: Tenant
    pods: Pods
    owner: Tenant


def leaks(estate: Estate) -> Iterator[Leak]:
    for tenant in estate.tenants.values():
        yield from _closed(estate, tenant)
        yield from _peers(estate, tenant)
    yield from _connections(estate)


def _closed(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    """Every namespace is closed both ways before anything is opened: without, all pods of it are open to everybody."""
    for namespace in tenant.namespaces:
        estate.compared["namespaces closed"] += 1
        specs = [item.root["spec"] for item in tenant.of_kind(POLICY) if item.namespace == namespace]
        for direction in SIDES:
            if not any(_denies_all(spec, direction) for spec in specs):
                yield Leak(tenant.stack, "", f"Namespace {namespace}", f"no policy denies all {direction}")


def _denies_all(spec: Cursor, direction: str) -> bool:
    types = [entry.value for entry in spec["policyTypes"]]
    return spec["podSelector"].value == {} and direction.capitalize() in types and not list(spec[direction])


def _peers(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    """Peers chosen by labels: where they mean another's pods, one mistake on the other side opens the way."""
    others = [place for other in estate.neighbours(tenant) for place in _places(estate, other)]
    for item in tenant.of_kind(POLICY):
        for direction, field in SIDES.items():
            for rule in item.root["spec"][direction]:
                for peer in rule[field]:
                    for place in others:
                        estate.compared["peers of network policies"] += 1
                        if _selects(peer, place, item.namespace or "") and not _serves(estate, tenant, place):
                            message = f"{peer.path} means {place.pods.by}"
                            yield Leak(tenant.stack, place.tenant.stack, str(item.where), message)
                if not list(rule[field]):
                    yield Leak(tenant.stack, "", str(item.where), f"{rule.path} is open to everybody")


def _connections(estate: Estate) -> Iterator[Leak]:
    """From any pod to any port of another stack's pod: policies of both sides would have to let it pass."""
    for tenant in estate.tenants.values():
        for other in estate.neighbours(tenant):
            for source in _places(estate, tenant):
                for target in _places(estate, other):
                    if estate.may_reach(tenant, other) and (
                        _serves(estate, tenant, target) or _serves(estate, other, source)
                    ):
                        continue
                    for port in sorted(port for port in target.pods.ports if isinstance(port, int)):
                        estate.compared["connections"] += 1
                        if _open(estate, source, target, port, "egress") and _open(
                            estate, target, source, port, "ingress"
                        ):
                            message = f"can connect to {target.pods.by}, port {port}"
                            yield Leak(tenant.stack, other.stack, source.pods.by, message)


def _open(estate: Estate, pods: Place, peer: Place, port: int, direction: str) -> bool:
    policies = [item for item in pods.owner.of_kind(POLICY) if _applies(item, pods, direction)]
    if not policies:
        return True
    return any(
        _allows(estate, rule, item, peer, pods if direction == "egress" else peer, port, direction)
        for item in policies
        for rule in item.root["spec"][direction]
    )


def _applies(item: Declared, place: Place, direction: str) -> bool:
    spec = item.root["spec"]
    return (
        item.namespace == place.pods.namespace
        and direction.capitalize() in [entry.value for entry in spec["policyTypes"]]
        and could_select(spec["podSelector"].value, place.pods.labels)
    )


def _allows(
    estate: Estate, rule: Cursor, item: Declared, peer: Place, source: Place, port: int, direction: str
) -> bool:
    ports = [entry["port"].value for entry in rule["ports"]]
    numbers = [entry for entry in ports if isinstance(entry, int)]
    if ports and port not in numbers and len(numbers) == len(ports):
        return False
    peers = list(rule[SIDES[direction]])
    return not peers or any(
        _selects(entry, peer, item.namespace or "") or _covers(estate, entry["ipBlock"], source.tenant)
        for entry in peers
    )


def _selects(peer: Cursor, place: Place, own_namespace: str) -> bool:
    """Whether a peer of labels means those pods; without a namespaceSelector it means its own namespace."""
    if peer["ipBlock"].value is not None:
        return False
    if peer["namespaceSelector"].value is None:
        if place.pods.namespace != own_namespace:
            return False
    elif not could_select(peer["namespaceSelector"].value, place.owner.namespaces[place.pods.namespace]):
        return False
    return peer["podSelector"].value is None or could_select(peer["podSelector"].value, place.pods.labels)


def _covers(estate: Estate, block: Cursor, tenant: Tenant) -> bool:
    """Whether a block may hold addresses of pods: it touches a subnet that nodes of the cluster are in."""
    if not isinstance(block["cidr"].value, str):
        return block["cidr"].value is UNKNOWN
    cidr = ip_network(block["cidr"].value)
    spared = [ip_network(entry.value) for entry in block["except"]]
    return any(
        subnet.overlaps(cidr) and not any(_within(subnet, each) for each in spared)
        for subnet in pod_subnets(estate.host(tenant))
    )


def _within(inner: Any, outer: Any) -> bool:
    return bool(inner.subnet_of(outer))


def pod_subnets(host: Tenant) -> list[IPv4Network]:
    """Where nodes, and so pods, get their addresses: the subnets that Karpenter discovers."""
    return [
        IPv4Network(resource.inputs["cidrBlock"])
        for resource in host.of_type(SUBNET)
        if "karpenter.sh/discovery" in resource.inputs.get("tags", {})
    ]


def _serves(estate: Estate, tenant: Tenant, place: Place) -> bool:
    """Whether those pods are there for `tenant`: a platform's database and edge for whom it hosts, and a hosted
    retailer's tiers for its platform's edge."""
    if not estate.may_reach(tenant, place.tenant):
        return False
    return place.tenant is not estate.host(tenant) or place.pods.by in _services(place.tenant)


def _services(host: Tenant) -> set[str]:
    kinds = (DATABASE_CLUSTER, "Pooler.postgresql.cnpg.io")
    edges = [item for item in host.of_kind("Deployment.apps") if "traefik" in item.name]
    return {str(item) for item in (*host.of_kind(*kinds), *edges)}


def _places(estate: Estate, tenant: Tenant) -> Iterator[Place]:
    for pods in tenant.pods:
        owner = estate.owner_of_namespace(tenant, pods.namespace)
        if owner:
            yield Place(tenant, pods, owner)
