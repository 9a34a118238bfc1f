"""What stands between a route and its Service: limits, allow lists, buffers."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_network

from guardrails.kubernetes.durations import seconds
from guardrails.reading import Node
from guardrails.resource import Resource


@dataclass(frozen=True)
class Middleware:
    """A Middleware of Kubernetes, as far as rules ask."""

    resource: Resource

    def at(self, kind: str) -> Node:
        return self.resource.at(f"spec.{kind}")

    def is_a(self, kind: str) -> bool:
        """Whether it does this, whatever else; an unknown may."""
        return self.at(kind).has()

    @cached_property
    def closes(self) -> bool:
        """Whether it lets nobody in: an allow list of addresses that no client has, judged by the connection's own."""
        if not self.is_a("ipAllowList"):
            return False
        listed = self.at("ipAllowList")
        ranges = [network(each) for each in listed.items("sourceRange")]
        return bool(ranges) and all(map(_is_nobodys, ranges)) and not trusts_a_header(listed.at("ipStrategy"))

    @property
    def per_minute(self) -> float:
        """What a rate limit lets in of one source, in one replica; 0 where it limits nothing."""
        limit = self.at("rateLimit")
        period = limit.at("period")
        bare = period.text("", "1").isdigit()
        # A bare number counts seconds; 0 is a second too.
        length = (period.number("", 1) if bare else seconds(period)) or 1
        return float(limit.number("average", 0)) * 60 / length

    @property
    def burst(self) -> int | float:
        """What it lets in at once."""
        return max(1, self.at("rateLimit").number("burst", 1))

    @property
    def amount(self) -> int | float:
        """Requests under way that it lets in, of one source and in one replica; 0 lets nothing in."""
        return self.at("inFlightReq").number("amount", 0)

    @property
    def source(self) -> str:
        """What a limit counts by: `address`, `host`, or `header`."""
        kind = "rateLimit" if self.is_a("rateLimit") else "inFlightReq"
        criterion = self.at(kind).at("sourceCriterion")
        if criterion.text("requestHeaderName", ""):
            return "header"
        if criterion.flag("requestHost", False):
            return "host"
        # Without a criterion Traefik counts rates by address and requests under way by host.
        by_address = criterion.has("ipStrategy") or kind == "rateLimit"
        return "address" if by_address else "host"


def trusts_a_header(strategy: Node) -> bool:
    """Whether an ipStrategy takes the client's address out of X-Forwarded-For, which clients write themselves."""
    return strategy.number("depth", 0) != 0 or bool(strategy.items("excludedIPs"))


def network(node: Node) -> IPv4Network | IPv6Network:
    """An address range. Unjudged if it is none."""
    try:
        return ip_network(node.text(), strict=False)
    except ValueError:
        raise node.unjudged("must be an address range, as 10.0.0.0/16") from None


def flat(middlewares: list[Middleware], found: dict[tuple[str, str], Middleware]) -> Iterator[Middleware]:
    """Middlewares with those of chains in their place; `found` has every middleware by namespace and name."""
    seen: set[str] = set()
    left = list(middlewares)
    while left:
        each = left.pop(0)
        if each.resource.urn in seen:
            continue
        seen.add(each.resource.urn)
        yield each
        for reference in each.at("chain").items("middlewares"):
            key = (reference.text("namespace", each.resource.namespace), reference.text("name"))
            if key in found:
                left.append(found[key])


def _is_nobodys(block: IPv4Network | IPv6Network) -> bool:
    return (
        block.is_loopback
        or block.is_reserved
        or block.is_multicast
        or (block.network_address.is_unspecified and block.num_addresses == 1)
    )
