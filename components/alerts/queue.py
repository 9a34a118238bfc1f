"""Alerts on queued jobs and scheduled actions, from queries that the database's exporter runs on the primary.

Series (CloudNativePG makes `cnpg_<query>_<column>` of a query): `cnpg_retail_queue_oldest_seconds` {channel}: age of
the oldest job that is due and waits; `cnpg_retail_queue_failed` {channel}: jobs that gave up;
`cnpg_retail_cron_overdue_seconds`: how late the latest active action is; `cnpg_retail_cron_failing`: active ones with
failures in a row; each with `datname`, the retailer's database.
"""

from components.alerts.rule import MINUTE, Alert
from components.odoo_config import BATCH_CHANNEL

QUEUE_SECONDS = 10 * MINUTE
OVERDUE_SECONDS = 15 * MINUTE
"""The pod's own liveness probe restarts it after ten minutes (pod_scripts/liveness.py): then it didn't help."""


def queue_alerts(database_namespace: str, database: str) -> list[Alert]:
    """Of one retailer's database, also in a cluster that others share."""
    own = f'namespace="{database_namespace}",datname="{database}"'
    return [
        Alert(
            "JobsWait",
            f'max(cnpg_retail_queue_oldest_seconds{{{own},channel!~"{BATCH_CHANNEL}.*"}}) > {QUEUE_SECONDS}',
            "5m",
            f"A job has waited for longer than {QUEUE_SECONDS // MINUTE} minutes",
            "Does a runner lead (JobrunnerDown)? Is the background tier at its ceiling? Else jobs that hang hold its"
            " workers: `started` the longest.",
            True,
        ),
        Alert(
            "JobsFail",
            f"sum(delta(cnpg_retail_queue_failed{{{own}}}[1h])) > 20",
            "5m",
            "More than twenty jobs gave up within the hour",
            "Odoo, Job Queue, failed: the same message in all is a partner that is down; requeue when it is back.",
            False,
        ),
        Alert(
            "ScheduledActionsLate",
            f"max(cnpg_retail_cron_overdue_seconds{{{own}}}) > {OVERDUE_SECONDS}",
            "5m",
            f"A scheduled action is more than {OVERDUE_SECONDS // MINUTE} minutes late",
            "The scheduled tier's log; a module that waits for its upgrade stops all actions (`state = 'to upgrade'`).",
            False,
        ),
        Alert(
            "ScheduledActionFails",
            f"max(cnpg_retail_cron_failing{{{own}}}) > 0",
            "1h",
            "A scheduled action fails again and again: Odoo switches it off after a week of that",
            "Odoo, Scheduled Actions: read its log line, mend, run it by hand.",
            False,
        ),
    ]
