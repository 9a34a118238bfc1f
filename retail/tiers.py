"""The workload tiers of Odoo: what each serves, how it is treated and which way it takes to the database.

The table is design, not configuration: a retailer changes how much of a tier there is (sizing), not what it is.
"""

from dataclasses import dataclass
from enum import StrEnum

from retail.naming import Pool
from retail.objectives import WorkloadClass


class Tier(StrEnum):
    STOREFRONT = "storefront"
    BACKOFFICE = "backoffice"
    POS = "pos"
    WEBSOCKET = "websocket"
    INTEGRATION = "integration"
    BACKGROUND = "background"
    JOBRUNNER = "jobrunner"
    SCHEDULED = "scheduled"
    BATCH = "batch"


class DatabasePath(StrEnum):
    """How a tier reaches PostgreSQL. What LISTENs must not go through transaction pooling (facts, Odoo §3)."""

    POOLED = "pooled"
    DIRECT = "direct"


@dataclass(frozen=True)
class TierProfile:
    """One row of the tier table.

    processes: HTTP workers (or cron threads, or the one gevent loop) of a pod; at least two HTTP workers, because
    wkhtmltopdf calls back into the pod that renders (facts, Odoo §2).
    db_maxconn: connections one process may open. Far below Odoo's 64, above the three it is seen to use (§3).
    """

    workload_class: WorkloadClass
    pool: Pool
    path: DatabasePath
    processes: int
    db_maxconn: int
    scaled: bool
    serves: str


PROFILES: dict[Tier, TierProfile] = {
    Tier.STOREFRONT: TierProfile(
        WorkloadClass.CRITICAL, Pool.WEB, DatabasePath.POOLED, 4, 8, True, "eCommerce host, public"
    ),
    Tier.BACKOFFICE: TierProfile(
        WorkloadClass.CRITICAL, Pool.WEB, DatabasePath.POOLED, 4, 8, True, "staff, warehouse, finance"
    ),
    Tier.POS: TierProfile(WorkloadClass.CRITICAL, Pool.WEB, DatabasePath.POOLED, 4, 8, True, "tills"),
    Tier.WEBSOCKET: TierProfile(
        WorkloadClass.IMPORTANT, Pool.WEB, DatabasePath.DIRECT, 1, 16, True, "/websocket: live chat, notifications"
    ),
    Tier.INTEGRATION: TierProfile(
        WorkloadClass.IMPORTANT, Pool.INTEGRATION, DatabasePath.POOLED, 2, 8, True, "inbound API and webhooks"
    ),
    Tier.BACKGROUND: TierProfile(
        WorkloadClass.IMPORTANT, Pool.JOBS, DatabasePath.POOLED, 4, 8, True, "queue_job executors"
    ),
    Tier.JOBRUNNER: TierProfile(
        WorkloadClass.IMPORTANT, Pool.JOBS, DatabasePath.DIRECT, 1, 4, False, "queue_job runner; one of two leads"
    ),
    Tier.SCHEDULED: TierProfile(
        WorkloadClass.IMPORTANT, Pool.JOBS, DatabasePath.DIRECT, 2, 16, False, "ir.cron: light scheduled jobs"
    ),
    Tier.BATCH: TierProfile(
        WorkloadClass.DEFERRABLE, Pool.JOBS, DatabasePath.POOLED, 2, 8, False, "reports, exports, imports at night"
    ),
}

READING_TIERS = (Tier.BATCH,)
"""Tiers that may read what is seconds old: their read-only cursors go to a standby where the database has one, so that
a report never takes the primary's time."""
