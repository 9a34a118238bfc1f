"""From business numbers to a plan: processes, replicas, connections, storage and nodes. Pure and deterministic.

The steps, each in a function of its own: load -> pods of each tier -> database -> node pools. Little's law carries the
first: busy workers = requests/s x seconds per request. Everything that needs a restart or a new volume to change
(database, its nodes and storage) is sized for the peak in both seasons; the season changes stateless tiers only.
"""

import math
from collections.abc import Mapping
from dataclasses import replace

from retail.connection_budget import direct_connections, pooled_slice
from retail.database_sizing import size_database
from retail.headroom import size_headroom
from retail.load import busy_workers, pods_needed, season_factor, service_time_ms
from retail.node_sizing import size_pools
from retail.objectives import OBJECTIVES, ObjectiveClass
from retail.plan import Plan, Reason, TierPlan
from retail.settings import Hosting, Settings, SettingsError
from retail.tiers import PROFILES, Tier

ZONES = 3
WORKER_MIB, GEVENT_MIB, PARENT_MIB = 600, 400, 300
"""Resident memory: limit = workers x 0.6 GiB + gevent child 0.4 + parent 0.3 (facts, Odoo §2, pod shape)."""

WORKER_REQUEST_MIB = 325
"""Odoo's formula: 80 % light workers of 150 MB and 20 % heavy ones of 1 GB (facts, Odoo §2)."""

WORKER_CPU_MILLIS = 450
"""2 vCPUs carry 4-5 workers (facts, Odoo §2, pod shape). At 500 only one pod of four, not two, would fit on 4 vCPUs
beside the daemon sets."""

FIXED_REPLICAS = {Tier.JOBRUNNER: 2, Tier.SCHEDULED: 2}


def make_plan(settings: Settings) -> Plan:
    """The plan of a stack. Raises SettingsError, with the arithmetic, where the numbers can't be met."""
    reasons: list[Reason] = []
    objectives = OBJECTIVES[settings.objective_class]
    tiers = _size_tiers(settings, reasons) if settings.hosting.serves_retailer else {}
    database = size_database(settings, objectives, tiers, reasons) if settings.hosting.owns_database else None
    if settings.hosting is Hosting.SHARED:
        tiers = _fit_slice(settings, tiers, reasons)
    headroom = size_headroom(settings, tiers or _hosted_tiers(settings), reasons)
    return Plan(
        settings=settings,
        objectives=objectives,
        tiers=tiers,
        database=database,
        pools=size_pools(settings, tiers, database, headroom, reasons),
        headroom=headroom,
        traefik_replicas=ZONES,
        reasons=tuple(reasons),
    )


def survive_zone_loss(need: int, zones: int = ZONES) -> int:
    """Pods, spread evenly over the zones, of which `need` are left when the fullest zone is lost."""
    return max(zones, math.ceil(need * zones / (zones - 1)))


def _size_tiers(settings: Settings, reasons: list[Reason]) -> dict[Tier, TierPlan]:
    return {tier: _size_tier(settings, tier, reasons) for tier in Tier}


def _size_tier(settings: Settings, tier: Tier, reasons: list[Reason]) -> TierPlan:
    if tier in FIXED_REPLICAS or tier is Tier.BATCH:
        replicas = FIXED_REPLICAS.get(tier, 1)
        return _tier_plan(settings, tier, need=replicas, floor=replicas, ceiling=replicas)

    def pods(factor: float) -> int:
        need = pods_needed(settings, tier, factor)
        return need if settings.objective_class is ObjectiveClass.BRONZE else survive_zone_loss(need)

    factor = season_factor(settings)
    need = pods_needed(settings, tier, factor)
    floor = pods(factor)
    at_peaks = {peak.name: max(floor, pods(peak.factor)) for peak in settings.peaks}
    ceiling, peak_ceiling = (
        max(pods(load) + 1, pods(load * settings.surge_factor)) for load in (factor, settings.peak_factor)
    )
    # The calendar raises the floor in either season, so the ceiling leaves room for it.
    ceiling = max([ceiling, *at_peaks.values()])
    reasons += [
        Reason(
            f"{tier} busy workers",
            f"{busy_workers(settings, factor)[tier]:.1f}",
            f"requests/s x service time x {factor:g} ({settings.season} season)",
            "Little's law; settings",
        ),
        Reason(
            f"{tier} pods needed",
            str(need),
            f"busy / {settings.target_utilisation_percent} % / {PROFILES[tier].processes} processes a pod",
            "facts: Odoo §2",
        ),
        Reason(f"{tier} floor", str(floor), _floor_formula(settings, need), "docs/sizing.md"),
        Reason(
            f"{tier} ceiling",
            str(ceiling),
            f"the same for {settings.surge_factor:g} times the load, or of a peak",
            "settings",
        ),
    ]
    return _tier_plan(
        settings,
        tier,
        need=need,
        floor=floor,
        ceiling=ceiling,
        peak_floor=pods(settings.peak_factor),
        peak_ceiling=peak_ceiling,
        floors_at_peaks=at_peaks,
    )


def _hosted_tiers(settings: Settings) -> dict[Tier, TierPlan]:
    """What a platform knows of the critical tiers that it will host: of each retailer at least one pod a zone."""
    pods = settings.max_retailers * ZONES
    return {
        Tier.STOREFRONT: _tier_plan(settings, Tier.STOREFRONT, need=settings.max_retailers, floor=pods, ceiling=pods)
    }


def _floor_formula(settings: Settings, need: int) -> str:
    if settings.objective_class is ObjectiveClass.BRONZE:
        return f"{need} (bronze: the loss of a zone may stop it)"
    return f"{need} x {ZONES}/{ZONES - 1}, one zone lost leaves {need}; at least one a zone"


def _tier_plan(
    settings: Settings,
    tier: Tier,
    *,
    need: int,
    floor: int,
    ceiling: int,
    peak_floor: int | None = None,
    peak_ceiling: int | None = None,
    floors_at_peaks: Mapping[str, int] | None = None,
) -> TierPlan:
    processes = PROFILES[tier].processes
    light = tier in (Tier.WEBSOCKET, Tier.JOBRUNNER)  # one event loop, one runner: a core at most, no HTTP workers
    return TierPlan(
        tier=tier,
        need=need,
        floor=floor,
        ceiling=ceiling,
        peak_floor=floor if peak_floor is None else peak_floor,
        peak_ceiling=ceiling if peak_ceiling is None else peak_ceiling,
        floors_at_peaks=dict(floors_at_peaks or {}),
        cpu_request_millis=250 if light else processes * WORKER_CPU_MILLIS,
        memory_request_mib=512 if light else processes * WORKER_REQUEST_MIB + PARENT_MIB,
        memory_limit_mib=1024 if light else processes * WORKER_MIB + GEVENT_MIB + PARENT_MIB,
        service_time_ms=service_time_ms(settings, tier),
    )


def _fit_slice(settings: Settings, tiers: dict[Tier, TierPlan], reasons: list[Reason]) -> dict[Tier, TierPlan]:
    """Tiers of a shared retailer, with the ceilings of direct tiers cut to its slice of the platform's connections."""
    direct_slice = settings.connections_per_retailer - pooled_slice(settings)
    at_floor = direct_connections({tier: replace(plan, peak_ceiling=plan.floor) for tier, plan in tiers.items()})
    if at_floor > direct_slice:
        raise SettingsError(
            f"connections-per-retailer: {settings.connections_per_retailer} leave {direct_slice} to tiers that LISTEN; "
            f"they need {at_floor} at their floors. Raise it, here and on the platform."
        )
    websocket = tiers[Tier.WEBSOCKET]
    while direct_connections(tiers) > direct_slice and tiers[Tier.WEBSOCKET].peak_ceiling > websocket.floor:
        fewer = tiers[Tier.WEBSOCKET].peak_ceiling - 1
        tiers = {
            **tiers,
            Tier.WEBSOCKET: replace(
                websocket,
                ceiling=min(websocket.ceiling, fewer),
                peak_ceiling=fewer,
                floors_at_peaks={name: min(pods, fewer) for name, pods in websocket.floors_at_peaks.items()},
            ),
        }
    reasons.append(
        Reason(
            "direct connections", str(direct_connections(tiers)), f"<= {direct_slice} of the slice", "docs/sizing.md"
        )
    )
    return tiers
