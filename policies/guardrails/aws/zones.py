"""Which availability zones things are in, through however many resources a subnet's id came."""

from typing import TYPE_CHECKING

from guardrails.kinds import SUBNET
from guardrails.resource import Resource

if TYPE_CHECKING:
    from guardrails.graph import Graph


def zones_of(resource: Resource, key: str, graph: "Graph") -> set[str]:
    """Zones of the subnets that input `key` (`subnetIds`, `subnetId`) names.

    Subnets of another stack are known by their ids alone, and stand for their zones: a platform has one private subnet
    in each.
    """
    own = {subnet.text("availabilityZone") for subnet in graph.sources(resource, key, SUBNET)}
    return own or set(resource.words(key))
