"""How much of the cluster one namespace may take: what its plan can ever need, and nothing beside."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from components import traefik
from components.odoo_pod import EXPORTER_CPU_MILLIS, EXPORTER_MEMORY_MIB
from retail.plan import Plan, TierPlan
from retail.tiers import Tier

SURGE = 1.25
"""Deployments roll out with a quarter more pods than they have (components/odoo_tier.py)."""

REDIS_CPU_MILLIS, REDIS_MEMORY_MIB = 250, 1024
UPGRADE_CPU_MILLIS, UPGRADE_MEMORY_MIB = 2000, 4096

ARCHIVER_CPU_MILLIS, ARCHIVER_MEMORY_MIB = 500, 1024
"""The barman-cloud sidecar of each instance, at most."""

SPARE_PODS = 10
"""Pods of default size (LimitRange) that operators start for a moment: certificate solvers, database jobs."""

DEFAULT_CPU_MILLIS, DEFAULT_MEMORY_MIB = 100, 256


@dataclass(frozen=True)
class Demand:
    """A number of equal pods: CPU in millicores, memory requests and limits in MiB, each of one pod."""

    pods: int
    cpu_millis: int
    memory_request_mib: int
    memory_limit_mib: int


def resource_quota(plan: Plan, *, owns_edge: bool) -> dict[str, str]:
    """`hard` of the namespace's ResourceQuota.

    Everything at its ceiling in season peak, plus a rollout's surge, a restore drill beside the database and an upgrade
    job: nothing that scaling, a drill or a release does may fail on it. So it is the same in both seasons.
    """
    demands = list(_demands(plan, owns_edge=owns_edge))
    return {
        "pods": str(sum(demand.pods for demand in demands)),
        "requests.cpu": f"{sum(demand.pods * demand.cpu_millis for demand in demands)}m",
        "requests.memory": f"{sum(demand.pods * demand.memory_request_mib for demand in demands)}Mi",
        "limits.memory": f"{sum(demand.pods * demand.memory_limit_mib for demand in demands)}Mi",
        "services.loadbalancers": "1" if owns_edge else "0",
        "services.nodeports": "0",
    }


def limit_range() -> list[dict[str, object]]:
    """What a container gets that says nothing itself; the quota refuses pods without requests."""
    return [
        {
            "type": "Container",
            "default": {"memory": f"{DEFAULT_MEMORY_MIB}Mi"},
            "defaultRequest": {"cpu": f"{DEFAULT_CPU_MILLIS}m", "memory": f"{DEFAULT_MEMORY_MIB}Mi"},
        }
    ]


def _demands(plan: Plan, *, owns_edge: bool) -> Iterator[Demand]:
    for tier in plan.tiers.values():
        yield _tier(tier)
    if plan.tiers:
        yield Demand(2, REDIS_CPU_MILLIS, REDIS_MEMORY_MIB, REDIS_MEMORY_MIB)
        yield Demand(1, UPGRADE_CPU_MILLIS, UPGRADE_MEMORY_MIB, UPGRADE_MEMORY_MIB)
    if owns_edge:
        yield Demand(plan.traefik_replicas + 1, traefik.CPU_MILLIS, traefik.MEMORY_MIB, traefik.MEMORY_MIB)
    for headroom in plan.headroom.values():
        memory = headroom.memory_request_mib
        yield Demand(headroom.peak_pods, headroom.cpu_request_millis, memory, memory)
    if plan.database:
        database = plan.database
        memory = database.memory_mib + ARCHIVER_MEMORY_MIB
        # One more is joining, one more is a drill's scratch cluster.
        yield Demand(database.instances + 2, database.cpu_millis + ARCHIVER_CPU_MILLIS, memory, memory)
        for pooler in (database.pooler, database.integration):
            yield Demand(pooler.instances + 1, pooler.cpu_millis, pooler.memory_mib, pooler.memory_mib)
    yield Demand(SPARE_PODS, DEFAULT_CPU_MILLIS, DEFAULT_MEMORY_MIB, DEFAULT_MEMORY_MIB)


def _tier(tier: TierPlan) -> Demand:
    sidecar = tier.tier is Tier.WEBSOCKET
    return Demand(
        pods=math.ceil(tier.peak_ceiling * SURGE),
        cpu_millis=tier.cpu_request_millis + (EXPORTER_CPU_MILLIS if sidecar else 0),
        memory_request_mib=tier.memory_request_mib + (EXPORTER_MEMORY_MIB if sidecar else 0),
        memory_limit_mib=tier.memory_limit_mib + (EXPORTER_MEMORY_MIB if sidecar else 0),
    )
