"""The retailer's load, as workers that are busy: Little's law over the business numbers."""

import math
from collections.abc import Collection

from retail.settings import Settings
from retail.tiers import PROFILES, Tier

USERS_PER_WORKER = 6
"""Odoo's own rule: one worker serves about six concurrent users (facts, Odoo §2)."""

REQUESTS_PER_USER_PER_MINUTE = 6
"""What one busy member of staff asks for. At 400 ms and 60 % utilisation it gives a worker for 15 users, so Odoo's
rule above is what binds; slower services bind by themselves."""

STORE_JOBS_PER_HOUR = 12
"""A store synchronises its stock every five minutes, one queued job each time."""

WEBSOCKETS_PER_POD = 1000
"""Open connections one gevent loop is trusted with: it has one core at most."""


def season_factor(settings: Settings) -> float:
    """What the season multiplies the load by."""
    return settings.peak_factor if settings.season == "peak" else 1.0


def busy_workers(settings: Settings, factor: float) -> dict[Tier, float]:
    """Workers of each scaled tier that are busy on average, at `factor` times the load of an ordinary busy hour.

    For the websocket tier: event loops that are full.
    """
    s = settings
    jobs_per_hour = s.orders_per_hour * s.jobs_per_order + s.stores * STORE_JOBS_PER_HOUR
    requests_per_second = {
        Tier.STOREFRONT: s.storefront_requests_per_second,
        Tier.BACKOFFICE: s.back_office_users * REQUESTS_PER_USER_PER_MINUTE / 60,
        Tier.POS: s.pos_terminals * s.pos_requests_per_terminal_per_minute / 60,
        Tier.INTEGRATION: s.orders_per_hour * s.integration_requests_per_order / 3600,
        Tier.BACKGROUND: jobs_per_hour / 3600,
    }
    busy = {tier: factor * rate * service_time_ms(settings, tier) / 1000 for tier, rate in requests_per_second.items()}
    sockets = s.back_office_users + s.pos_terminals + s.storefront_requests_per_second
    return {**busy, Tier.WEBSOCKET: factor * sockets / WEBSOCKETS_PER_POD}


def service_time_ms(settings: Settings, tier: Tier) -> int:
    """How long a worker of the tier is busy with one request or job, as the retailer measured it."""
    measured = {
        Tier.STOREFRONT: settings.storefront_service_time_ms,
        Tier.POS: settings.pos_service_time_ms,
        Tier.INTEGRATION: settings.integration_service_time_ms,
        Tier.BACKGROUND: settings.job_duration_ms,
    }
    return measured.get(tier, settings.backoffice_service_time_ms)


def pods_needed(settings: Settings, tier: Tier, factor: float) -> int:
    """Pods that carry the load at the target utilisation; at least one."""
    busy = busy_workers(settings, factor)[tier]
    if tier is Tier.WEBSOCKET:
        return max(1, math.ceil(busy))
    workers = busy / (settings.target_utilisation_percent / 100)
    if tier is Tier.BACKOFFICE:
        workers = max(workers, settings.back_office_users / USERS_PER_WORKER)  # a head count: no peak multiplies it
    return max(1, math.ceil(workers / PROFILES[tier].processes))


def busy_connections(settings: Settings, tiers: Collection[Tier]) -> float:
    """Database connections of those tiers that work at the same time at the calendar's highest peak, with the surge on
    top."""
    busy = busy_workers(settings, settings.peak_factor * settings.surge_factor)
    return sum(workers for tier, workers in busy.items() if tier in tiers) * settings.database_time_percent / 100
