"""How much capacity the network load balancer should have before the crowd comes."""

import math

from retail.load import service_time_ms
from retail.plan import Plan
from retail.tiers import Tier

RESPONSE_KIB = 100
"""Mean answer: a page of some 30 KiB after compression, and the larger bundles and pictures that no CDN took."""

MBIT_PER_UNIT = 2.2
"""What one unit carries (AWS, reservations of a Network Load Balancer)."""

WITHOUT_RESERVATION = 3000
"""Units (6.6 Gbit/s, the size of AWS's own example) below which nothing is reserved: a load balancer follows such a
load by its own scaling, and a reservation is paid by the hour."""


def capacity_units(plan: Plan) -> int:
    """Units to reserve in the plan's season, 0 for none: what all public tiers can answer at their ceilings.

    A platform's edge has no tiers of its own and reserves nothing; its load balancer grows with its retailers.
    """
    public = (Tier.STOREFRONT, Tier.BACKOFFICE, Tier.POS, Tier.INTEGRATION)
    per_second = sum(
        plan.tiers[tier].ceiling * plan.tiers[tier].profile.processes * 1000 / service_time_ms(plan.settings, tier)
        for tier in public
        if tier in plan.tiers
    )
    units = math.ceil(per_second * RESPONSE_KIB * 1024 * 8 / 1_000_000 / MBIT_PER_UNIT)
    return units if units >= WITHOUT_RESERVATION else 0
