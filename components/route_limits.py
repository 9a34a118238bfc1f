"""How much of each route a Traefik replica lets in: arithmetic over the tiers' capacity.

Traefik counts by replica, by route and by host, each for itself: what all of them let in is amount x replicas x hosts,
summed over the routes of a tier. Every total here is divided by all three.
"""

import math
from collections.abc import Sequence

from components.route_table import Route
from retail.plan import TierPlan
from retail.tiers import Tier

BACKLOG_FACTOR = 8
"""Requests let in for every worker: what a prefork server itself lets wait (facts, Odoo §1). What comes beyond is
refused at the edge at once (429) instead of waiting for a worker until it times out."""

LOGINS_PER_MINUTE = 15
"""Of one address on one host, over all replicas. Five is the practice for one person (facts, Odoo §6); stores share
one address."""

ADDRESS_SHARE = {Tier.STOREFRONT: 0.25, Tier.POS: 0.25, Tier.BACKOFFICE: 1.0, Tier.INTEGRATION: 0.5}
"""Part of a tier's capacity that one address may use: a robot a quarter of the shop, a partner's retry storm half of
the API. All of the back office can be behind the headquarters' one address."""

ADDRESS_PER_SECOND, ADDRESS_BURST = 20, 200
"""What one address may ask of a replica in any case: a person's clicks, each a page and its fifty files. (A thousand a
minute is an operator's published class for ordinary visitors; facts, Odoo §6.)"""

MIB = 1024 * 1024
UPLOAD_BYTES = {Tier.STOREFRONT: 16 * MIB, Tier.POS: 16 * MIB, Tier.BACKOFFICE: 128 * MIB, Tier.INTEGRATION: 128 * MIB}
"""Largest request body. Staff and partners may send what Odoo takes (`web.max_file_upload_size`, facts, Odoo §6);
customers and tills send pictures and documents."""

SCRATCH_BYTES = 8 * 1024 * MIB
"""Of a replica's volume for bodies that are being buffered. A pod that fills it is evicted."""

ADDRESS_REQUESTS = 100
"""Requests of one address under way in one route of one replica: a page of Odoo asks for some fifty files at once."""


def in_flight(route: Route, routes: Sequence[Route], plan: TierPlan, replicas: int) -> int:
    """Requests of a route under way in one replica: its share of what the tier's workers, at its ceiling, and a part of
    their backlog can hold. Logins have a small share of their own, so a storm of them leaves the shop its workers."""
    total = plan.ceiling * plan.profile.processes * BACKLOG_FACTOR
    weights = sum(other.weight for other in routes if other.tier is route.tier)
    return max(1, total * route.weight // (weights * replicas * route.hosts))


def from_one_address(tier: Tier) -> int:
    """Requests of one address under way in one replica, bodies still arriving among them: even if all are uploads of
    the largest size, they fit on the scratch volume."""
    return min(ADDRESS_REQUESTS, SCRATCH_BYTES // UPLOAD_BYTES[tier])


def requests_per_second(plan: TierPlan, replicas: int) -> int:
    """Of one address in one replica: its share of what the tier, at its ceiling, can answer."""
    capacity = plan.ceiling * plan.profile.processes * 1000 / plan.service_time_ms
    return max(ADDRESS_PER_SECOND, math.ceil(capacity * ADDRESS_SHARE[plan.tier] / replicas))


def burst(per_second: int) -> int:
    """Requests at once, before the rate counts."""
    return max(ADDRESS_BURST, 4 * per_second)


def logins_per_minute(replicas: int) -> int:
    """Of one address in one replica."""
    return max(1, LOGINS_PER_MINUTE // replicas)
