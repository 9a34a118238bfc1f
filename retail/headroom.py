"""Room kept warm for critical tiers: what one zone's loss takes, or the first minutes of an unannounced surge.

A node takes one to five minutes to come (facts, platform §4); a pod of headroom gives way at once.
"""

import math
from collections.abc import Mapping

from retail.naming import Pool
from retail.objectives import ObjectiveClass, WorkloadClass
from retail.plan import HeadroomPlan, Reason, TierPlan
from retail.settings import Settings
from retail.tiers import Tier


def size_headroom(
    settings: Settings, tiers: Mapping[Tier, TierPlan], reasons: list[Reason]
) -> dict[Pool, HeadroomPlan]:
    """For each pool that this stack owns and that holds critical tiers: as many pods as its fullest zone has of them.

    None in bronze, which the loss of a zone may stop. A floor leaves the need without headroom, so one zone's worth
    is enough: it gives back at once what the zone took of the reserve.
    """
    if settings.objective_class is ObjectiveClass.BRONZE or not settings.hosting.owns_database:
        return {}
    critical = [plan for plan in tiers.values() if plan.profile.workload_class is WorkloadClass.CRITICAL]
    headroom = {}
    for pool in sorted({plan.profile.pool for plan in critical}):
        members = [plan for plan in critical if plan.profile.pool is pool]
        headroom[pool] = HeadroomPlan(
            pool=pool,
            pods=_zone_worth(settings, [plan.floor for plan in members]),
            peak_pods=_zone_worth(settings, [plan.peak_floor for plan in members]),
            cpu_request_millis=max(plan.cpu_request_millis for plan in members),
            memory_request_mib=max(plan.memory_request_mib for plan in members),
        )
        reasons.append(
            Reason(
                f"{pool} pool headroom",
                f"{headroom[pool].pods} pods",
                f"a zone's worth of the critical floors: {' + '.join(f'{plan.floor}/3' for plan in members)}, up",
                "docs/sizing.md",
            )
        )
    return headroom


def _zone_worth(settings: Settings, floors: list[int]) -> int:
    """Pods in the fullest zone: the spread over zones is even, to one pod (maxSkew 1)."""
    return sum(math.ceil(floor / len(settings.zones)) for floor in floors)
