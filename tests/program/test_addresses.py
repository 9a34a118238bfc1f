"""Whether the subnets hold what the node pools may grow to, on the two zones that a lost one leaves."""

import math
from ipaddress import ip_network

import pytest

from components.network import subnet_cidrs
from rehearsal.explain import plan_of
from retail.instances import instance_type
from retail.plan import Plan

PREFIX = 16
"""Addresses that the CNI takes for a node at a time (/28); as many pods as fit on these types need one, and one is kept
warm."""
OF_EACH_NODE = 2 * PREFIX + 1


def most_nodes(plan: Plan) -> int:
    """Every pool at its limit, of its smallest type."""
    return sum(
        math.ceil(pool.cpu_limit / min(instance_type(kind).vcpus for kind in pool.instance_types))
        if pool.cpu_limit
        else 2 * pool.nodes_per_zone * len(pool.zones)
        for pool in plan.pools.values()
    )


@pytest.mark.parametrize("stacks", [["dev"], ["peak"], ["platform", "outlet", "training"]], ids="+".join)
def test_two_zones_have_addresses_for_all_nodes_of_a_vpc(stacks: list[str]) -> None:
    plans = [plan_of(stack, {"season": "peak"} if stack in ("dev", "peak", "outlet") else {}) for stack in stacks]
    (cidr,) = {plan.settings.vpc_cidr for plan in plans}
    cut = subnet_cidrs(cidr, plans[0].settings.zones)
    smallest = min(ip_network(each.private).num_addresses for each in cut.values()) - 5  # AWS keeps five
    needed = math.ceil(sum(map(most_nodes, plans)) / 2) * OF_EACH_NODE
    assert needed <= smallest / 2, "half of a subnet stays free: prefixes need whole blocks of 16"
