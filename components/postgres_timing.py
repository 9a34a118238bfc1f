"""When base backups are taken, and how long a switchover, a stop and an election may last."""

from typing import Any

FIRST_BACKUP_HOUR = 2
"""UTC. Base backups come from a standby, and at night where there is one a day."""


def backup_schedule(interval_hours: int) -> str:
    """Six-field cron, seconds first (CloudNativePG's own form), in UTC."""
    hours = range(FIRST_BACKUP_HOUR, 24, interval_hours)
    return f"0 0 {','.join(str(hour) for hour in hours)} * * *"


def failover_delays(rto_seconds: int) -> dict[str, Any]:
    """How long a switchover, a stop and an election may take.

    A switchover, and a stop before it: half of the RTO, the rest is detection and promotion. The operator's own 3600 s
    would hold a switchover for an hour on a primary that can't ship its WAL. Five minutes at most: a stop that takes
    longer is stuck. Smart shutdown waits for clients, and poolers never leave by themselves.

    A lost primary is replaced at once, and its lease ends 15 s after it was renewed last (CloudNativePG's own figure,
    said here because an RTO rests on it): a node's loss is seen after 50 s, so it is 75 s in all at most, within 120.
    """
    delay = min(300, max(30, rto_seconds // 2))
    return {
        "switchoverDelay": delay,
        "stopDelay": delay,
        "smartShutdownTimeout": delay // 4,
        "failoverDelay": 0,
        "primaryLease": {
            "leaseDurationSeconds": 15,
            "renewDeadlineSeconds": 10,
            "retryPeriodSeconds": 2,
            "releasedLeaseDurationSeconds": 1,
        },
    }
