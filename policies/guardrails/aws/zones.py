"""Which availability zones things are in, through however many resources a subnet's id came."""

from typing import TYPE_CHECKING

from guardrails.kinds import SUBNET
from guardrails.resource import Resource

if TYPE_CHECKING:
    from guardrails.graph import Graph


def zones_of(resource: Resource, key: str, graph: "Graph") -> set[str]:
    """Zones of the subnets of this stack that input `key` (`subnetIds`, `subnetId`) was made from.

    Empty for subnets of another stack, whose zones nothing here tells.
    """
    return {subnet.text("availabilityZone") for subnet in graph.sources(resource, key, SUBNET)}
