"""Node pools that hold the tiers' ceilings, also with one zone lost."""

import math
from collections.abc import Mapping

from retail.instances import instance_type
from retail.naming import Pool
from retail.peaks import quiet_windows
from retail.plan import DatabasePlan, HeadroomPlan, NodePoolPlan, Reason, TierPlan
from retail.settings import Hosting, Settings
from retail.tiers import Tier

SYSTEM_TYPES = ("m7i.large",)
STATELESS_TYPES: dict[Pool, tuple[str, ...]] = {
    Pool.WEB: ("c7i.xlarge", "c7i.2xlarge"),
    Pool.INTEGRATION: ("m7i.large", "m7i.xlarge"),
    Pool.JOBS: ("c7i.xlarge", "c7i.2xlarge"),
}
"""Compute types for pods of four workers: two fill 4 vCPUs, and their memory limits still fit in 2 GiB a vCPU."""

SPOT_TYPES: dict[Pool, tuple[str, ...]] = {
    Pool.INTEGRATION: (*STATELESS_TYPES[Pool.INTEGRATION], "r7i.large", "r7i.xlarge"),
    Pool.JOBS: (*STATELESS_TYPES[Pool.JOBS], "m7i.xlarge", "m7i.2xlarge"),
}
"""Where spot is allowed, a second family of the same sizes: EC2 takes back all machines of one type at once."""

EDGE_CPU_MILLIS, EDGE_MEMORY_MIB = 3 * 1000, 3 * 1024
"""What three Traefik replicas ask of the web pool."""

PACKING = 0.75
"""Part of a node that pods of these sizes fill; the rest is what no whole pod fits into, and daemon sets."""

HOSTED_RETAILER: dict[Pool, tuple[int, int]] = {Pool.WEB: (13, 24), Pool.INTEGRATION: (2, 6), Pool.JOBS: (8, 20)}
"""Cores and GiB that a platform's shared pools hold for each retailer it may host: the ceilings of a small one."""


def size_pools(
    settings: Settings,
    tiers: Mapping[Tier, TierPlan],
    database: DatabasePlan | None,
    headroom: Mapping[Pool, HeadroomPlan],
    reasons: list[Reason],
) -> dict[Pool, NodePoolPlan]:
    """The pools this stack creates; a shared retailer creates none."""
    if settings.hosting is Hosting.SHARED:
        return {}
    pools = {pool: _stateless(settings, pool, tiers, headroom.get(pool)) for pool in STATELESS_TYPES}
    if settings.hosting.owns_cluster:
        pools[Pool.SYSTEM] = NodePoolPlan(Pool.SYSTEM, SYSTEM_TYPES, settings.zones, 1, 0, 0)
    if database:
        zones = settings.zones[: database.instances]
        pools[Pool.DATA] = NodePoolPlan(Pool.DATA, (database.instance_type,), zones, 1, 0, 0)
    reasons += [
        Reason(f"{pool} pool limit", f"{plan.cpu_limit} cores", "(ceilings + room) x 3/2 / packing", "docs/sizing.md")
        for pool, plan in pools.items()
        if plan.cpu_limit
    ]
    return pools


def _stateless(
    settings: Settings, pool: Pool, tiers: Mapping[Tier, TierPlan], headroom: HeadroomPlan | None
) -> NodePoolPlan:
    """Limits: all ceilings and the headroom fit in what two of three zones hold, and one node of the largest type a
    zone beside."""
    spot = pool in settings.spot_pools
    types = (SPOT_TYPES if spot else STATELESS_TYPES)[pool]
    machines = [instance_type(name) for name in types]
    largest = max(machines, key=lambda machine: machine.vcpus)
    members = [plan for plan in tiers.values() if plan.profile.pool is pool]
    millis = sum(plan.ceiling * plan.cpu_request_millis for plan in members)
    mib = sum(plan.ceiling * plan.memory_request_mib for plan in members)
    if pool is Pool.WEB:
        millis, mib = millis + EDGE_CPU_MILLIS, mib + EDGE_MEMORY_MIB
    if headroom:
        millis += headroom.pods * headroom.cpu_request_millis
        mib += headroom.pods * headroom.memory_request_mib
    if settings.hosting is Hosting.PLATFORM:
        hosted_cores, hosted_gib = HOSTED_RETAILER[pool]
        millis += settings.max_retailers * hosted_cores * 1000
        mib += settings.max_retailers * hosted_gib * 1024
    cores = max(millis / 1000, mib / 1024 / min(machine.memory_gib / machine.vcpus for machine in machines))
    limit = math.ceil(cores * 1.5 / PACKING) + len(settings.zones) * largest.vcpus
    return NodePoolPlan(
        pool=pool,
        instance_types=types,
        zones=tuple(zone for zone in settings.zones if zone != settings.avoid_zone),
        nodes_per_zone=0,
        cpu_limit=limit,
        # Karpenter counts whole machines, so the limits go together: memory alone must never stop a node that
        # the cores allow.
        memory_limit_gib=limit * max(machine.memory_gib // machine.vcpus for machine in machines),
        capacity_types=("spot", "on-demand") if spot else ("on-demand",),
        quiet=quiet_windows(settings.peaks, settings.freezes, settings.time_zone),
    )
