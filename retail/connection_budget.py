"""Every connection to a PostgreSQL primary, counted: through the poolers, straight, and what comes and goes."""

import math
from collections.abc import Collection, Mapping

from retail.plan import ConnectionBudget, PoolerPlan, TierPlan
from retail.settings import Hosting, Settings, SettingsError
from retail.tiers import PROFILES, DatabasePath, Tier

INTEGRATION_TIERS = frozenset({Tier.INTEGRATION})
POOLED_TIERS = frozenset(tier for tier in Tier if PROFILES[tier].path is DatabasePath.POOLED) - INTEGRATION_TIERS

CONNECTIONS_PER_WORKER = 3
"""What a worker is seen to hold: its database, `postgres`, and one more (facts, Odoo §3)."""

POOLED_DATABASES = 2
"""PgBouncer keeps a pool per database and user; every tier also sends NOTIFY on `postgres` (facts, Odoo §3)."""

UPGRADE_CONNECTIONS, DRILL_CONNECTIONS, EXPORTER_CONNECTIONS = 4, 4, 2
"""The release's module upgrade; checks of drills and of a password rotation; CloudNativePG's exporter, which asks one
database after the other and keeps no connection."""

KEDA_CONNECTIONS = 4
"""Its poll and the autoscaler's question at the same time, by a leader and by the one before it."""

READONLY_CONNECTIONS = 8
"""People and reporting tools. They belong on the standbys, but nothing keeps them off the primary."""

RESERVED_CONNECTIONS = 3 + 10
"""PostgreSQL's superuser_reserved_connections, and CloudNativePG's replication and instance manager (facts §3)."""

SHARED_POOL_SHARE = 0.4
"""Part of a shared retailer's slice that is pooled; its LISTEN tiers need the rest even when nobody works."""

HOSTED_RETAILER_BUSY, HOSTED_RETAILER_CLIENTS = 1, (400, 100)
"""What a platform expects of each hosted retailer: connections that work, and clients at its poolers and at those of
the integration tier. Shared hosting is for development, training and small units."""

HOSTED_POOL, HOSTED_INTEGRATION_POOL = 2, 1
"""Server connections of each pooler pod for each database of a hosted retailer: at least, and for integration."""


def direct_connections(tiers: Mapping[Tier, TierPlan]) -> int:
    """Server connections of the tiers that bypass the poolers, at their peak ceilings.

    A cron thread holds up to three, a websocket pod its LISTEN and its pool, a runner one a database (facts §3).
    """
    websocket = tiers[Tier.WEBSOCKET]
    return websocket.peak_ceiling * (1 + PROFILES[Tier.WEBSOCKET].db_maxconn) + rollout_connections(tiers)


def rollout_connections(tiers: Mapping[Tier, TierPlan]) -> int:
    """What runners and scheduled pods hold; in a rollout, once more: old pods finish their actions (15 minutes) beside
    the new ones. Websocket pods leave at once, and a rollout meets them below their ceiling, where there is room."""
    runner, scheduled = tiers[Tier.JOBRUNNER], tiers[Tier.SCHEDULED]
    return runner.peak_ceiling + scheduled.peak_ceiling * PROFILES[Tier.SCHEDULED].processes * CONNECTIONS_PER_WORKER


def pooled_slice(settings: Settings) -> int:
    """What of a shared retailer's connections goes through the platform's poolers."""
    return math.ceil(settings.connections_per_retailer * SHARED_POOL_SHARE)


def hosted_pool_size(settings: Settings, poolers: int) -> int:
    """Pool of each of a platform's pooler pods for each database of a retailer; what integration leaves of the slice.

    Raises SettingsError where a slice is too small for so many poolers.
    """
    pools = poolers * POOLED_DATABASES
    size = pooled_slice(settings) // pools - HOSTED_INTEGRATION_POOL
    if size < HOSTED_POOL:
        least = math.ceil((HOSTED_POOL + HOSTED_INTEGRATION_POOL) * pools / SHARED_POOL_SHARE)
        raise SettingsError(
            f"connections-per-retailer: {settings.connections_per_retailer} leave {pooled_slice(settings)} to the "
            f"poolers; {poolers} of them x {POOLED_DATABASES} databases x pools of {HOSTED_POOL} and, for integration, "
            f"{HOSTED_INTEGRATION_POOL} need {(HOSTED_POOL + HOSTED_INTEGRATION_POOL) * pools}. At least {least}."
        )
    return size


def client_connections(settings: Settings, tiers: Mapping[Tier, TierPlan]) -> tuple[int, int]:
    """What clients could open, worst case, at the poolers and at those of the integration tier: every process of every
    pod, and the gevent child that prefork starts, with its pool full."""
    if settings.hosting is Hosting.PLATFORM:
        general, integration = HOSTED_RETAILER_CLIENTS
        return settings.max_retailers * general, settings.max_retailers * integration

    def opened(members: Collection[Tier]) -> int:
        return sum(
            plan.peak_ceiling * (plan.profile.processes + 1) * plan.profile.db_maxconn
            for tier, plan in tiers.items()
            if tier in members
        )

    return opened(POOLED_TIERS), opened(INTEGRATION_TIERS)


def make_budget(
    settings: Settings, tiers: Mapping[Tier, TierPlan], pooler: PoolerPlan, integration: PoolerPlan
) -> ConnectionBudget:
    """The sum, at the ceilings of the calendar's highest peak."""
    platform = settings.hosting is Hosting.PLATFORM
    overhead = UPGRADE_CONNECTIONS + KEDA_CONNECTIONS + READONLY_CONNECTIONS + DRILL_CONNECTIONS + EXPORTER_CONNECTIONS
    pooled = sum(pooled_connections(settings, each) for each in (pooler, integration))
    if platform:
        direct = settings.max_retailers * (settings.connections_per_retailer - pooled_slice(settings))
        login = settings.connections_per_retailer
    else:
        rollout = rollout_connections(tiers)
        direct = direct_connections(tiers)
        overhead += rollout
        login = pooled + direct + rollout + UPGRADE_CONNECTIONS
    client_worst = sum(client_connections(settings, tiers))
    workers = sum(
        plan.peak_ceiling * plan.profile.processes
        for plan in tiers.values()
        if plan.profile.path is DatabasePath.POOLED
    )
    return ConnectionBudget(
        pooled=pooled,
        direct=direct,
        overhead=overhead,
        reserved=RESERVED_CONNECTIONS,
        login=login,
        client_worst=client_worst,
        client_expected=workers * CONNECTIONS_PER_WORKER,
        client_limit=sum(each.max_client_conn * max(1, each.instances - 1) for each in (pooler, integration)),
        max_connections=math.ceil((pooled + direct + overhead + RESERVED_CONNECTIONS) / 10) * 10,
    )


def pooled_connections(settings: Settings, pooler: PoolerPlan) -> int:
    """Server connections of one set of poolers.

    PgBouncer looks passwords up on `postgres` as a user of its own, which makes one pool more; where a database has a
    limit that pool is within it.
    """
    databases = POOLED_DATABASES
    if settings.hosting is Hosting.PLATFORM:
        databases = settings.max_retailers * POOLED_DATABASES + 1
    return pooler.instances * pooler.pool_size * databases
