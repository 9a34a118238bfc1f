"""What a retailer is promised: criticality classes of stacks and workloads, and RPO and RTO.

The three classes and their figures are the proposal of the project's platform facts (DR and backup): in-region
recovery rests on synchronous replication and failover (CloudNativePG's documented 60-75 s for a lost node), regional
recovery on archived WAL (5 minutes at most).
"""

import math
from dataclasses import dataclass
from enum import StrEnum


class ObjectiveClass(StrEnum):
    """How much a retailer can bear to lose. Gold: core retail; silver: important; bronze: development and tests."""

    GOLD = "gold"
    SILVER = "silver"
    BRONZE = "bronze"


class WorkloadClass(StrEnum):
    """How a tier is treated when capacity is short; each is a PriorityClass of the same name."""

    CRITICAL = "critical"
    IMPORTANT = "important"
    DEFERRABLE = "deferrable"


@dataclass(frozen=True)
class Objectives:
    """Recovery objectives and what is kept for them.

    rpo_seconds: data that may be lost when the primary or its zone fails; rto_seconds: until tills sell again.
    region_rpo_seconds and region_rto_seconds: the same for the loss of a region.
    backup_interval_hours: between base backups; retention_days: recovery window of the archive.
    synchronous: commits wait for one standby. instances: PostgreSQL instances, one per zone.
    drill_interval_days: between restore drills.
    """

    rpo_seconds: int
    rto_seconds: int
    region_rpo_seconds: int
    region_rto_seconds: int
    backup_interval_hours: int
    retention_days: int
    drill_interval_days: int
    synchronous: bool
    instances: int

    @property
    def object_lock_days(self) -> int:
        """Backups can't be deleted for the recovery window and a week, in which a bad deletion is noticed."""
        return self.retention_days + 7

    @property
    def archive_timeout_seconds(self) -> int:
        """PostgreSQL's archive_timeout: WAL leaves the region at least this often (5 minutes at most)."""
        return min(self.region_rpo_seconds, 300)


HOUR, DAY = 3600, 86400

EXPORT_DAYS = 90
"""Reports and exports are kept for a quarter, the longest period that accountants ask about at once."""

RESTORE_OVERHEAD_SECONDS = 600
"""Beside the copying: a node, the volumes, replay of the last WAL, Odoo's start (facts, Odoo §10: 5 minutes for a node
with pods; the rest is a guess that drills put right)."""


def restore_seconds(database_gib: int, gib_per_minute: int) -> int:
    """How long a database takes to be back from its archive, at the speed that drills measured."""
    return RESTORE_OVERHEAD_SECONDS + math.ceil(database_gib * 60 / gib_per_minute)


OBJECTIVES: dict[ObjectiveClass, Objectives] = {
    ObjectiveClass.GOLD: Objectives(
        rpo_seconds=0,
        rto_seconds=120,
        region_rpo_seconds=300,
        region_rto_seconds=HOUR,
        backup_interval_hours=6,
        retention_days=30,
        drill_interval_days=7,
        synchronous=True,
        instances=3,
    ),
    ObjectiveClass.SILVER: Objectives(
        rpo_seconds=300,
        rto_seconds=900,
        region_rpo_seconds=DAY,
        region_rto_seconds=4 * HOUR,
        backup_interval_hours=12,
        retention_days=14,
        drill_interval_days=30,
        synchronous=False,
        instances=3,
    ),
    ObjectiveClass.BRONZE: Objectives(
        rpo_seconds=DAY,
        rto_seconds=4 * HOUR,
        region_rpo_seconds=DAY,
        region_rto_seconds=DAY,
        backup_interval_hours=24,
        retention_days=7,
        drill_interval_days=90,
        synchronous=False,
        instances=1,
    ),
}
