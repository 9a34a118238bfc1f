"""PostgreSQL and its poolers: how large they must be for the peak, in both seasons."""

import math
from collections.abc import Mapping

from retail.connection_budget import (
    HOSTED_INTEGRATION_POOL,
    HOSTED_RETAILER_BUSY,
    INTEGRATION_TIERS,
    POOLED_TIERS,
    client_connections,
    hosted_pool_size,
    make_budget,
)
from retail.instances import INSTANCE_TYPES, InstanceType
from retail.load import busy_connections
from retail.objectives import Objectives
from retail.plan import ConnectionBudget, DatabasePlan, PoolerPlan, Reason, TierPlan
from retail.settings import Hosting, Settings, SettingsError
from retail.tiers import Tier

CPU_PER_BUSY_CONNECTION = 0.5
"""Cores a connection uses while a request waits for PostgreSQL; the other half is storage and network."""

MIB_PER_CONNECTION = 24
"""Backend memory with work_mem 16 MiB, seldom used in full."""

CONNECTIONS_AT_MOST = 5000
"""AWS's default on its largest PostgreSQL: max_connections = LEAST(memory / 9531392, 5000) (AWS Prescriptive Guidance,
"max_connections"). Above it snapshots and locks cost more than the connections bring."""

HOT_SHARE = 0.15
"""Part of the database that should be in memory: an ERP works on its latest year."""

NODE_OVERHEAD_MILLIS, NODE_OVERHEAD_MIB = 450, 1280
"""Left on a data node for daemon sets (CNI, proxy, CSI, log shipper) and the WAL archiver; poolers come on top."""

POOLER_MILLIS, INTEGRATION_POOLER_MILLIS = 250, 100
"""PgBouncer has one thread; PostgreSQL beside it asks for the rest of the node and must not starve it."""

POOLER_MIB, CLIENT_KIB = 64, 50
"""PgBouncer by itself, and for each client: two buffers of 4 KiB and the state of a TLS session."""

WAL_KIB_PER_ORDER = 400
"""WAL of one order through all its documents (quotation to invoice, stock moves, full-page writes)."""

ARCHIVE_OUTAGE_HOURS = 6
"""How long WAL must fit on its volume while it can't be archived: a night without an operator."""

WAL_RECYCLED_SHARE = 0.2
"""Part of the WAL volume that `max_wal_size` may keep for the next checkpoint, whatever waits for the archive."""

WRITES_PER_ORDER = 40
GROWTH = 1.5
"""Storage has room for half as much again: expansion is online, but only once in six hours on EBS."""

SMALLEST_POOL, SMALLEST_INTEGRATION_POOL = 5, 2


def size_database(
    settings: Settings, objectives: Objectives, tiers: Mapping[Tier, TierPlan], reasons: list[Reason]
) -> DatabasePlan:
    """The stack's own cluster. Raises SettingsError, with the arithmetic, where none in the table is large enough."""
    pooler, integration, busy = _poolers(settings, objectives, tiers)
    budget = make_budget(settings, tiers, pooler, integration)
    if budget.max_connections > CONNECTIONS_AT_MOST:
        raise SettingsError(
            f"Stack '{settings.retailer}' can't be built: its peak's ceilings need {budget.max_connections} database "
            f"connections ({_sum(budget)}), one PostgreSQL bears {CONNECTIONS_AT_MOST}. Lower the load, surge-percent "
            "or the peaks' factor, or split the retailer."
        )
    cores = max(1.0, busy * CPU_PER_BUSY_CONNECTION)
    memory = max(2048, settings.database_gib * 1024 * HOT_SHARE + budget.max_connections * MIB_PER_CONNECTION)
    taken = NODE_OVERHEAD_MILLIS + pooler.cpu_millis + integration.cpu_millis
    taken_mib = NODE_OVERHEAD_MIB + pooler.memory_mib + integration.memory_mib
    node = _smallest(settings, math.ceil(cores * 1000) + taken, memory + taken_mib, budget)
    orders_at_peak = settings.orders_per_hour * settings.peak_factor
    unarchived_gib = orders_at_peak * WAL_KIB_PER_ORDER * ARCHIVE_OUTAGE_HOURS / 1024 / 1024
    plan = DatabasePlan(
        instances=objectives.instances,
        instance_type=node.name,
        cpu_millis=node.allocatable_cpu_millis - taken,
        memory_mib=node.allocatable_memory_mib - taken_mib,
        shared_buffers_mib=(node.allocatable_memory_mib - taken_mib) // 4,
        storage_gib=max(20, math.ceil(settings.database_gib * GROWTH)),
        wal_storage_gib=max(10, math.ceil(unarchived_gib / (1 - WAL_RECYCLED_SHARE))),
        iops=min(16000, max(3000, math.ceil(orders_at_peak * WRITES_PER_ORDER / 3600 * 3))),
        pooler=pooler,
        integration=integration,
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
            f"{ARCHIVE_OUTAGE_HOURS} h of the peak's WAL, and {WAL_RECYCLED_SHARE:.0%} for checkpoints",
            "docs/sizing.md",
        ),
        Reason("pool size", str(pooler.pool_size), _pool_formula(settings, pooler), "facts: Odoo §3"),
        Reason("integration pool size", str(integration.pool_size), _pool_formula(settings, integration), "the same"),
        Reason("max_connections", str(budget.max_connections), f">= {_sum(budget)}", "facts: Odoo §3"),
        Reason("connections of a login role", str(budget.login), "pooled + direct + rollouts + upgrade", "the same"),
        Reason(
            "client connections", str(budget.client_worst), f"<= {budget.client_limit}, one zone lost", "docs/sizing.md"
        ),
    ]
    return plan


def _poolers(
    settings: Settings, objectives: Objectives, tiers: Mapping[Tier, TierPlan]
) -> tuple[PoolerPlan, PoolerPlan, float]:
    """Both sets of poolers, and the server connections that work at the same time behind them.

    With a zone lost the pools of the other zones carry the whole load. While the database's password is rotated there
    are two login roles, which would double the pools: `max_db_connections` keeps both within one pool's size, and
    PgBouncer closes idle connections of the old role for those of the new (its evict_connection). On a platform it
    would make all retailers share one pool for `postgres`; there each has a connection limit of its own.
    """
    instances = objectives.instances
    after_zone_loss = max(1, instances - 1)
    if settings.hosting is Hosting.PLATFORM:
        busy = [float(settings.max_retailers * HOSTED_RETAILER_BUSY), 0.0]
        sizes = [hosted_pool_size(settings, instances), HOSTED_INTEGRATION_POOL]
        limits = [0, 0]
    else:
        busy = [busy_connections(settings, POOLED_TIERS), busy_connections(settings, INTEGRATION_TIERS)]
        smallest = (SMALLEST_POOL, SMALLEST_INTEGRATION_POOL)
        sizes = [max(least, math.ceil(load / after_zone_loss)) for least, load in zip(smallest, busy, strict=True)]
        limits = sizes
    clients = client_connections(settings, tiers)
    main, integration = (
        _pooler(instances, size, limit, math.ceil(_round_up(opened, 100) / after_zone_loss), cpu)
        for size, limit, opened, cpu in zip(
            sizes, limits, clients, (POOLER_MILLIS, INTEGRATION_POOLER_MILLIS), strict=True
        )
    )
    return main, integration, sum(busy)


def _pooler(instances: int, pool_size: int, database_limit: int, max_client_conn: int, cpu_millis: int) -> PoolerPlan:
    return PoolerPlan(
        instances=instances,
        pool_size=pool_size,
        database_limit=database_limit,
        max_client_conn=max_client_conn,
        cpu_millis=cpu_millis,
        memory_mib=_round_up(POOLER_MIB + max_client_conn * CLIENT_KIB / 1024, 64),
    )


def _pool_formula(settings: Settings, pooler: PoolerPlan) -> str:
    if settings.hosting is Hosting.PLATFORM:
        return f"{pooler.instances} poolers' part of a retailer's {settings.connections_per_retailer} connections"
    return f"busy connections / {max(1, pooler.instances - 1)} poolers left with a zone lost"


def _sum(budget: ConnectionBudget) -> str:
    return f"pooled {budget.pooled} + direct {budget.direct} + overhead {budget.overhead} + reserved {budget.reserved}"


def _smallest(settings: Settings, cpu_millis: int, memory_mib: float, budget: ConnectionBudget) -> InstanceType:
    """The cheapest memory instance that has so much to give to pods."""
    family = [t for t in INSTANCE_TYPES.values() if t.name.startswith("r7i.")]
    for candidate in sorted(family, key=lambda t: t.vcpus):
        if candidate.allocatable_cpu_millis >= cpu_millis and candidate.allocatable_memory_mib >= memory_mib:
            return candidate
    largest = max(family, key=lambda t: t.vcpus)
    raise SettingsError(
        f"Stack '{settings.retailer}' can't be built: its peak needs a database of {cpu_millis / 1000:.0f} cores and "
        f"{memory_mib / 1024:.0f} GiB ({HOT_SHARE:.0%} of {settings.database_gib} GiB of data, and "
        f"{MIB_PER_CONNECTION} MiB for each of {budget.max_connections} connections: {_sum(budget)}), the largest here "
        f"is {largest.name} ({largest.vcpus} cores, {largest.memory_gib} GiB). Lower the load, surge-percent or the "
        "peaks' factor, or split the retailer."
    )


def _round_up(value: float, step: int) -> int:
    return math.ceil(value / step) * step
