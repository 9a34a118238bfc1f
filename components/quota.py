"""How much of the cluster one namespace may take: what its plan can ever need, and nothing beside."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from components import restore_drill_pod, scratch_cluster, traefik
from components.cluster_defaults import HEADROOM
from components.odoo_pod import EXPORTER_CPU_MILLIS, EXPORTER_MEMORY_MIB
from retail.objectives import WorkloadClass
from retail.plan import DatabasePlan, Plan, TierPlan
from retail.tiers import Tier

SURGE = 1.25
"""Deployments roll out with a quarter more pods than they have (components/odoo_tier.py)."""

REDIS_CPU_MILLIS, REDIS_MEMORY_MIB = 250, 1024
UPGRADE_CPU_MILLIS, UPGRADE_MEMORY_MIB = 2000, 4096
ROTATION_CPU_MILLIS, ROTATION_MEMORY_MIB = 50, 192

ARCHIVER_CPU_MILLIS, ARCHIVER_MEMORY_MIB = 500, 1024
"""The barman-cloud sidecar of each instance, at most."""

SPARE_PODS = 10
"""Pods of default size (LimitRange) that operators start for a moment: certificate solvers, database jobs."""

DEFAULT_CPU_MILLIS, DEFAULT_MEMORY_MIB = 100, 256


SYSTEM_CLASSES = ("system-cluster-critical", "system-node-critical")
"""Kubernetes' own, above all of ours. EKS lets any namespace use them, so a quota has to say no."""


@dataclass(frozen=True)
class Demand:
    """A number of equal pods: CPU in millicores, memory requests and limits in MiB, each of one pod.

    priority: their PriorityClass; None for pods that have none.
    """

    priority: str | None
    pods: int
    cpu_millis: int
    memory_request_mib: int
    memory_limit_mib: int


def resource_quotas(plan: Plan, *, owns_edge: bool) -> dict[str, dict[str, Any]]:
    """`spec` of the namespace's ResourceQuotas, by name.

    Everything at its ceiling in season peak, plus a rollout's surge and a release: nothing that scaling or a release
    does may fail on it. So they are the same in both seasons. Each priority class has its own: otherwise all that a
    retailer may run could be run as `critical`, and preempt what is critical to others.
    """
    demands = list(_demands(plan, owns_edge=owns_edge))
    hard = {**_hard(demands), "services.loadbalancers": "1" if owns_edge else "0", "services.nodeports": "0"}
    return {"quota": {"hard": hard}, **_by_priority(demands)}


def drill_quotas(plan: DatabasePlan) -> dict[str, dict[str, Any]]:
    """`spec` of each ResourceQuota where backups are restored: for a drill, what it restores, and the job for that.

    All of them are deferrable: a drill waits for room, and takes nobody's.
    """
    deferrable = str(WorkloadClass.DEFERRABLE)
    scratch_mib = scratch_cluster.MEMORY_MIB + scratch_cluster.PLUGIN_MEMORY_MIB
    scratch_millis = scratch_cluster.CPU_MILLIS + scratch_cluster.PLUGIN_CPU_MILLIS
    drill_mib = restore_drill_pod.MEMORY_MIB
    demands = [
        Demand(deferrable, 1, restore_drill_pod.CPU_MILLIS, drill_mib, drill_mib),
        Demand(deferrable, 2, scratch_millis, scratch_mib, scratch_mib),
    ]
    closed = {"services.loadbalancers": "0", "services.nodeports": "0", "persistentvolumeclaims": "1"}
    storage = {"requests.storage": f"{plan.storage_gib + plan.wal_storage_gib}Gi"}
    return {"quota": {"hard": {**_hard(demands), **closed, **storage}}, **_by_priority(demands)}


def limit_range() -> list[dict[str, object]]:
    """What a container gets that says nothing itself; the quota refuses pods without requests."""
    return [
        {
            "type": "Container",
            "default": {"memory": f"{DEFAULT_MEMORY_MIB}Mi"},
            "defaultRequest": {"cpu": f"{DEFAULT_CPU_MILLIS}m", "memory": f"{DEFAULT_MEMORY_MIB}Mi"},
        }
    ]


def _hard(demands: Iterable[Demand]) -> dict[str, str]:
    demands = list(demands)
    return {
        "pods": str(sum(demand.pods for demand in demands)),
        "requests.cpu": f"{sum(demand.pods * demand.cpu_millis for demand in demands)}m",
        "requests.memory": f"{sum(demand.pods * demand.memory_request_mib for demand in demands)}Mi",
        "limits.memory": f"{sum(demand.pods * demand.memory_limit_mib for demand in demands)}Mi",
    }


def _by_priority(demands: Iterable[Demand]) -> dict[str, dict[str, Any]]:
    pods = {str(workload_class): 0 for workload_class in WorkloadClass} | {HEADROOM: 0}
    for demand in demands:
        if demand.priority is not None:
            pods[demand.priority] += demand.pods
    counted = {name: ((name,), number) for name, number in pods.items()} | {"system": (SYSTEM_CLASSES, 0)}
    return {
        f"{name}-pods": {
            "hard": {"pods": str(number)},
            "scopeSelector": {
                "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": list(classes)}]
            },
        }
        for name, (classes, number) in counted.items()
    }


def _demands(plan: Plan, *, owns_edge: bool) -> Iterator[Demand]:
    critical, important = str(WorkloadClass.CRITICAL), str(WorkloadClass.IMPORTANT)
    for tier in plan.tiers.values():
        yield _tier(tier)
    if plan.tiers:
        yield Demand(important, 2, REDIS_CPU_MILLIS, REDIS_MEMORY_MIB, REDIS_MEMORY_MIB)
        yield Demand(critical, 1, UPGRADE_CPU_MILLIS, UPGRADE_MEMORY_MIB, UPGRADE_MEMORY_MIB)
        yield Demand(important, 1, ROTATION_CPU_MILLIS, ROTATION_MEMORY_MIB, ROTATION_MEMORY_MIB)
    if owns_edge:
        edge = plan.traefik_replicas + 1
        yield Demand(critical, edge, traefik.CPU_MILLIS, traefik.MEMORY_MIB, traefik.MEMORY_MIB)
    for headroom in plan.headroom.values():
        memory = headroom.memory_request_mib
        yield Demand(HEADROOM, headroom.peak_pods, headroom.cpu_request_millis, memory, memory)
    if plan.database:
        database = plan.database
        memory = database.memory_mib + ARCHIVER_MEMORY_MIB
        # One more is joining.
        yield Demand(critical, database.instances + 1, database.cpu_millis + ARCHIVER_CPU_MILLIS, memory, memory)
        for priority, pooler in ((critical, database.pooler), (important, database.integration)):
            yield Demand(priority, pooler.instances + 1, pooler.cpu_millis, pooler.memory_mib, pooler.memory_mib)
    yield Demand(None, SPARE_PODS, DEFAULT_CPU_MILLIS, DEFAULT_MEMORY_MIB, DEFAULT_MEMORY_MIB)


def _tier(tier: TierPlan) -> Demand:
    sidecar = tier.tier is Tier.WEBSOCKET
    return Demand(
        priority=str(tier.profile.workload_class),
        pods=math.ceil(tier.peak_ceiling * SURGE),
        cpu_millis=tier.cpu_request_millis + (EXPORTER_CPU_MILLIS if sidecar else 0),
        memory_request_mib=tier.memory_request_mib + (EXPORTER_MEMORY_MIB if sidecar else 0),
        memory_limit_mib=tier.memory_limit_mib + (EXPORTER_MEMORY_MIB if sidecar else 0),
    )
