"""PostgreSQL, its poolers and the connection budget: how large they must be for the peak, in both seasons."""

import math
from collections.abc import Mapping

from retail.instances import INSTANCE_TYPES, InstanceType
from retail.load import busy_connections
from retail.objectives import Objectives
from retail.plan import ConnectionBudget, DatabasePlan, Reason, TierPlan
from retail.settings import Hosting, Settings, SettingsError
from retail.tiers import PROFILES, DatabasePath, Tier

CONNECTIONS_PER_WORKER = 3
"""What a worker is seen to hold: its database, `postgres`, and one more (facts, Odoo §3)."""

POOLED_DATABASES = 2
"""PgBouncer keeps a pool per database and user; every tier also sends NOTIFY on `postgres` (facts, Odoo §3)."""

UPGRADE_CONNECTIONS, KEDA_CONNECTIONS, DRILL_CONNECTIONS, EXPORTER_CONNECTIONS = 4, 2, 4, 2
RESERVED_CONNECTIONS = 3 + 10
"""PostgreSQL's superuser_reserved_connections, and CloudNativePG's replication and instance manager (facts §3)."""

SHARED_POOL_SHARE = 0.4
"""Part of a shared retailer's slice that is pooled; its LISTEN tiers need the rest even when nobody works."""

HOSTED_RETAILER_BUSY, HOSTED_RETAILER_CLIENTS = 1, 500
"""What a platform expects of each hosted retailer: connections that work, and clients at its poolers. Shared hosting is
for development, training and small units."""

CPU_PER_BUSY_CONNECTION = 0.5
"""Cores a connection uses while a request waits for PostgreSQL; the other half is storage and network."""

MIB_PER_CONNECTION = 24
"""Backend memory with work_mem 16 MiB, seldom used in full."""

HOT_SHARE = 0.15
"""Part of the database that should be in memory: an ERP works on its latest year."""

NODE_OVERHEAD_MILLIS, NODE_OVERHEAD_MIB = 700, 1536
"""Left on a data node for daemon sets (CNI, proxy, CSI, log shipper) and one pooler."""

WAL_KIB_PER_ORDER = 400
"""WAL of one order through all its documents (quotation to invoice, stock moves, full-page writes)."""

ARCHIVE_OUTAGE_HOURS = 6
"""How long WAL must fit on its volume while it can't be archived: a night without an operator."""

WRITES_PER_ORDER = 40
GROWTH = 1.5
"""Storage has room for half as much again: expansion is online, but only once in six hours on EBS."""


def direct_connections(tiers: Mapping[Tier, TierPlan]) -> int:
    """Server connections of the tiers that bypass the poolers, at their peak ceilings.

    A cron thread holds up to three, a websocket pod its LISTEN and its pool, a runner one a database (facts §3).
    """
    websocket, runner, scheduled = (tiers[t] for t in (Tier.WEBSOCKET, Tier.JOBRUNNER, Tier.SCHEDULED))
    return (
        websocket.peak_ceiling * (1 + PROFILES[Tier.WEBSOCKET].db_maxconn)
        + runner.peak_ceiling
        + scheduled.peak_ceiling * PROFILES[Tier.SCHEDULED].processes * CONNECTIONS_PER_WORKER
    )


def pooled_slice(settings: Settings) -> int:
    """What of a shared retailer's connections goes through the platform's poolers."""
    return math.ceil(settings.connections_per_retailer * SHARED_POOL_SHARE)


def pooled_workers(tiers: Mapping[Tier, TierPlan]) -> int:
    """Processes that connect through the poolers, at the peak ceilings."""
    return sum(
        plan.peak_ceiling * plan.profile.processes
        for plan in tiers.values()
        if plan.profile.path is DatabasePath.POOLED
    )


def size_database(
    settings: Settings, objectives: Objectives, tiers: Mapping[Tier, TierPlan], reasons: list[Reason]
) -> DatabasePlan:
    """The stack's own cluster. Raises SettingsError where no instance type of the table is large enough."""
    poolers = objectives.instances
    after_zone_loss = max(1, poolers - 1)
    if settings.hosting is Hosting.PLATFORM:
        busy = float(settings.max_retailers * HOSTED_RETAILER_BUSY)
        pool_size = max(2, pooled_slice(settings) // (POOLED_DATABASES * poolers))
    else:
        busy = busy_connections(settings)
        pool_size = max(5, math.ceil(busy / after_zone_loss))
    budget = _budget(settings, tiers, poolers, pool_size)
    cores = max(1.0, busy * CPU_PER_BUSY_CONNECTION)
    memory = max(2048, settings.database_gib * 1024 * HOT_SHARE + budget.max_connections * MIB_PER_CONNECTION)
    node = _smallest(settings, cores, memory)
    orders_at_peak = settings.orders_per_hour * settings.peak_factor
    wal_gib = math.ceil(orders_at_peak * WAL_KIB_PER_ORDER * ARCHIVE_OUTAGE_HOURS / 1024 / 1024)
    plan = DatabasePlan(
        instances=objectives.instances,
        instance_type=node.name,
        cpu_millis=node.allocatable_cpu_millis - NODE_OVERHEAD_MILLIS,
        memory_mib=node.allocatable_memory_mib - NODE_OVERHEAD_MIB,
        shared_buffers_mib=(node.allocatable_memory_mib - NODE_OVERHEAD_MIB) // 4,
        storage_gib=max(20, math.ceil(settings.database_gib * GROWTH)),
        wal_storage_gib=max(10, wal_gib),
        iops=min(16000, max(3000, math.ceil(orders_at_peak * WRITES_PER_ORDER / 3600 * 3))),
        poolers=poolers,
        pool_size=pool_size,
        max_client_conn=math.ceil(budget.client_limit / after_zone_loss),
        budget=budget,
    )
    reasons += [
        Reason(
            "database busy connections",
            f"{busy:.1f}",
            f"busy workers x {settings.peak_factor:g} peak x {settings.surge_factor:g} surge"
            f" x {settings.database_time_percent} % database time",
            "Little's law",
        ),
        Reason("database node", node.name, f">= {cores:.1f} cores, {memory / 1024:.0f} GiB", "docs/sizing.md"),
        Reason("database storage GiB", str(plan.storage_gib), f"{settings.database_gib} x {GROWTH}", "settings"),
        Reason(
            "WAL storage GiB",
            str(plan.wal_storage_gib),
            f"{ARCHIVE_OUTAGE_HOURS} h of the peak's WAL",
            "docs/sizing.md",
        ),
        Reason("pool size", str(pool_size), f"{busy:.1f} busy / {after_zone_loss} poolers left", "facts: Odoo §3"),
        Reason(
            "max_connections",
            str(budget.max_connections),
            f">= pooled {budget.pooled} + direct {budget.direct} + overhead {budget.overhead}"
            f" + reserved {budget.reserved}",
            "facts: Odoo §3",
        ),
        Reason(
            "client connections", str(budget.client_worst), f"<= {budget.client_limit}, one zone lost", "docs/sizing.md"
        ),
    ]
    return plan


def _budget(settings: Settings, tiers: Mapping[Tier, TierPlan], poolers: int, pool_size: int) -> ConnectionBudget:
    reserved = RESERVED_CONNECTIONS
    overhead = UPGRADE_CONNECTIONS + KEDA_CONNECTIONS + DRILL_CONNECTIONS + EXPORTER_CONNECTIONS
    if settings.hosting is Hosting.PLATFORM:
        pooled = settings.max_retailers * poolers * pool_size * POOLED_DATABASES
        direct = settings.max_retailers * (settings.connections_per_retailer - pooled_slice(settings))
        client_worst = settings.max_retailers * HOSTED_RETAILER_CLIENTS
    else:
        pooled = poolers * pool_size * POOLED_DATABASES
        direct = direct_connections(tiers)
        client_worst = sum(
            plan.peak_ceiling * (plan.profile.processes + 1) * plan.profile.db_maxconn
            for plan in tiers.values()
            if plan.profile.path is DatabasePath.POOLED
        )
    total = pooled + direct + overhead + reserved
    return ConnectionBudget(
        pooled=pooled,
        direct=direct,
        overhead=overhead,
        reserved=reserved,
        client_worst=client_worst,
        client_expected=pooled_workers(tiers) * CONNECTIONS_PER_WORKER,
        client_limit=_round_up(client_worst, 100),
        max_connections=_round_up(total, 10),
    )


def _smallest(settings: Settings, cores: float, memory_mib: float) -> InstanceType:
    """The cheapest memory instance that leaves `cores` and `memory_mib` to PostgreSQL."""
    family = [t for t in INSTANCE_TYPES.values() if t.name.startswith("r7i.")]
    for candidate in sorted(family, key=lambda t: t.vcpus):
        if (
            candidate.allocatable_cpu_millis - NODE_OVERHEAD_MILLIS >= cores * 1000
            and candidate.allocatable_memory_mib - NODE_OVERHEAD_MIB >= memory_mib
        ):
            return candidate
    largest = max(family, key=lambda t: t.vcpus)
    raise SettingsError(
        f"Stack '{settings.retailer}' can't be built: its peak needs a database of {cores:.0f} cores and "
        f"{memory_mib / 1024:.0f} GiB, the largest here is {largest.name} ({largest.vcpus} cores, "
        f"{largest.memory_gib} GiB). Lower the load, surge-factor or the peaks' factor, or split the retailer."
    )


def _round_up(value: float, step: int) -> int:
    return math.ceil(value / step) * step
