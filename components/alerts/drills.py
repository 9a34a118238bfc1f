"""Alerts on restore drills: none for too long, one that failed, one that took nearly too long."""

from components.alerts.rule import DAY, Alert
from retail.objectives import Objectives

CALENDAR_DAYS = 2
"""A month has up to 31 days and a quarter 92, where 30 and 90 are promised."""

SLOW = 0.8
"""Of the regional RTO: time left to do something about it."""


def drill_alerts(namespace: str, cron_job: str, objectives: Objectives) -> list[Alert]:
    """namespace: the drills' own. A drill that never succeeded has no time of success: then its own age counts.

    What a drill measured its pod shows for a while only (components/pod_scripts/restore_drill/metrics.py).
    """
    cron = f'namespace="{namespace}",cronjob="{cron_job}"'
    days = objectives.drill_interval_days
    age = (days + 1 + (CALENDAR_DAYS if days >= 28 else 0)) * DAY
    succeeded = f"max(kube_cronjob_status_last_successful_time{{{cron}}})"
    never = f"time() - max(kube_cronjob_created{{{cron}}}) > {age}"
    restores = f'last_over_time(restore_drill_duration_seconds{{namespace="{namespace}",phase="restore"}}[1d])'
    return [
        Alert(
            "RestoreDrillTooOld",
            f"time() - {succeeded} > {age} or ({never} unless {succeeded})",
            "1h",
            f"No restore in {namespace} has been proven in {objectives.drill_interval_days} days",
            "Read the last drill's log and run it again by hand; until it passes, backups are a hope.",
            False,
        ),
        Alert(
            "RestoreDrillFailed",
            f'max(kube_job_status_failed{{namespace="{namespace}"}}) > 0',
            "1m",
            f"The restore in {namespace} did not give what was promised",
            "The pod's termination message says what failed. Keep the last base backup that was proven.",
            True,
        ),
        Alert(
            "RestoreGetsSlow",
            f"max({restores}) > {SLOW * objectives.region_rto_seconds:g}",
            "1m",
            f"A restore took {SLOW:.0%} of the regional RTO: the database outgrows it",
            "Larger volumes restore faster (IOPS, throughput); else the class needs another RTO.",
            False,
        ),
    ]
