"""What network policies open: a pod may do what any of the policies that select it lets it do, and nothing else.

Ports are spans of numbers with their protocol. A name instead of a number means whatever each pod calls so, and can't
be judged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final

from guardrails.reading import Node
from guardrails.resource import Resource

Network = IPv4Network | IPv6Network

INGRESS, EGRESS = "ingress", "egress"
PEERS: Final = {INGRESS: "from", EGRESS: "to"}

LAST_PORT: Final = 65535

PRIVATE: Final = tuple(
    ip_network(each)
    for each in (
        "10.0.0.0/8",
        "172.16.0.0/12",
        "192.168.0.0/16",
        "100.64.0.0/10",
        "169.254.0.0/16",
        "fc00::/7",
        "fe80::/10",
    )
)
"""RFC 1918, carrier-grade NAT (EKS may use it for pods) and link-local (the node's metadata)."""


@dataclass(frozen=True)
class Ports:
    """A span of one protocol; `first` and `last` are the same where there is no endPort."""

    protocol: str
    first: int
    last: int

    def within(self, allowed: frozenset[int]) -> bool:
        """Whether nothing in it is beyond `allowed`."""
        few = self.last - self.first < len(allowed)
        return few and all(port in allowed for port in range(self.first, self.last + 1))

    def __str__(self) -> str:
        if (self.first, self.last) == (0, LAST_PORT):
            return "every port"
        return f"port {self.first}" if self.first == self.last else f"ports {self.first} to {self.last}"


@dataclass(frozen=True)
class Opening:
    """One peer of one rule. `peer` is None where the rule names nobody, and so means everybody."""

    policy: Resource
    peer: Node | None
    ports: tuple[Ports, ...]


class Policy:
    """A NetworkPolicy, as the API reads it."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource

    @property
    def selector(self) -> Node:
        return self.resource.at("spec.podSelector")

    @cached_property
    def is_for_all(self) -> bool:
        """Whether it selects every pod of its namespace."""
        return (
            self.resource.has("spec")
            and not self.selector.texts("matchLabels")
            and not self.selector.items("matchExpressions")
        )

    @cached_property
    def directions(self) -> frozenset[str]:
        """What it closes, and opens only for its rules; by default ingress, and egress where it has such rules."""
        types = self.resource.words("spec.policyTypes")
        if not types:
            return frozenset({INGRESS, EGRESS} if self.resource.items("spec.egress") else {INGRESS})
        return frozenset(each.lower() for each in types)

    def openings(self, direction: str) -> Iterator[Opening]:
        """What its rules of a direction open; those of a direction that is not among its types say nothing."""
        if direction not in self.directions:
            return
        for rule in self.resource.items(f"spec.{direction}"):
            ports = tuple(_ports(each) for each in rule.items("ports")) or (Ports("", 0, LAST_PORT),)
            peers: list[Node | None] = [*rule.items(PEERS[direction])]
            for peer in peers or [None]:
                yield Opening(self.resource, peer, ports)


def block_of(peer: Node) -> tuple[Network, list[Network]]:
    """The addresses of an ipBlock, and those that it leaves out."""
    block = peer.at("ipBlock")
    return network(block.at("cidr")), [network(each) for each in block.items("except")]


def private_part(block: Network, spared: list[Network]) -> list[Network]:
    """Private ranges that a block reaches into and does not leave out whole."""
    reached = [each for each in PRIVATE if each.version == block.version and each.overlaps(block)]
    return [
        each
        for each in reached
        if not any(is_within(each if is_within(each, block) else block, hole) for hole in spared)
    ]


def is_within(inner: Network, outer: Network) -> bool:
    if isinstance(inner, IPv4Network) and isinstance(outer, IPv4Network):
        return inner.subnet_of(outer)
    return isinstance(inner, IPv6Network) and isinstance(outer, IPv6Network) and inner.subnet_of(outer)


def network(node: Node) -> Network:
    """A text in CIDR form. Unjudged if it is none."""
    try:
        return ip_network(node.text(), strict=False)
    except ValueError:
        raise node.unjudged("must be addresses in CIDR form, as 10.20.0.0/18") from None


def _ports(node: Node) -> Ports:
    protocol = node.text("protocol", "TCP")
    if not node.has("port"):
        return Ports(protocol, 0, LAST_PORT)
    first = int(node.number("port"))
    return Ports(protocol, first, int(node.number("endPort", first)))
