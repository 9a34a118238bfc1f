"""Which node pools may run on spot machines: those whose tiers can wait for the next machine."""

from retail.naming import Pool
from retail.objectives import WorkloadClass
from retail.tiers import PROFILES

NOTICE_SECONDS, NODE_SECONDS = 120, (150, 300)
"""EC2's warning before it takes a spot machine back, and how long a cold scale-out takes (facts, Odoo §10)."""

ALLOWED = "allowed are integration and jobs"


def refusal(pool: Pool) -> str:
    """Why a pool can't run on spot, with the arithmetic; "" where it can.

    Whole pools, not shares: spot is never under the floor of a critical tier, in no season.
    """
    if pool is Pool.DATA:
        return f"data holds PostgreSQL's volumes and quorum, whose nodes must stay; {ALLOWED}"
    if pool is Pool.SYSTEM:
        return f"system holds the operators, which bring everything else back; {ALLOWED}"
    critical = [
        str(tier)
        for tier, profile in PROFILES.items()
        if profile.pool is pool and profile.workload_class is WorkloadClass.CRITICAL
    ]
    if not critical:
        return ""
    fastest, slowest = (seconds - NOTICE_SECONDS for seconds in NODE_SECONDS)
    return (
        f"{pool} holds {', '.join(critical)}, which are critical: a spot machine goes {NOTICE_SECONDS} s after its"
        f" warning and the next one takes {NODE_SECONDS[0]} to {NODE_SECONDS[1]} s, so selling would be short of pods"
        f" for {fastest} to {slowest} s, and in a peak most often; {ALLOWED}"
    )
