"""Alerts on what Odoo keeps in its database: jobs, scheduled actions, notifications, and how large it gets.

Series are those of components/postgres_queries.py, each with `datname`, the retailer's database.
"""

from components.alerts.rule import MINUTE, Alert
from components.odoo_config import BATCH_CHANNEL

QUEUE_SECONDS = 10 * MINUTE
OVERDUE_SECONDS = 15 * MINUTE
"""The pod's own liveness probe restarts it after ten minutes (pod_scripts/liveness.py): then it didn't help."""


BUS_ROWS = 1_000_000
"""Odoo clears notifications after a day; so many mean that it doesn't."""


def queue_alerts(database_namespace: str, database: str) -> list[Alert]:
    """Of one retailer's database, also in a cluster that others share."""
    own = f'namespace="{database_namespace}",datname="{database}"'
    dead, live = (f"cnpg_retail_tables_{rows}{{{own}}}" for rows in ("dead_rows", "live_rows"))
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
        Alert(
            "ScheduledActionGivenUp",
            f"max(cnpg_retail_cron_given_up{{{own}}}) > 0",
            "5m",
            "Odoo has switched off a scheduled action that kept failing",
            "Odoo, Scheduled Actions, archived: mend what it fails on, switch it on, run it by hand.",
            False,
        ),
        Alert(
            "NotificationsPileUp",
            f"max(cnpg_retail_bus_rows{{{own}}}) > {BUS_ROWS}",
            "1h",
            "Odoo's notifications are not cleared, and every websocket reads them",
            "The scheduled action 'Auto-vacuum' clears what is a day old: does it run?",
            False,
        ),
        Alert(
            "TableBloat",
            f"max by (relation) ({dead} / ({dead} + {live}) > 0.4 and {dead} > 1e6)",
            "6h",
            "Vacuum does not keep up with a table",
            "What holds it back: old transactions, replication slots; then VACUUM the table at a quiet hour.",
            False,
        ),
        Alert(
            "JobsUnseen",
            f"max(cnpg_retail_readable_queue_job{{{own}}}) < 1 or max(cnpg_retail_readable_ir_cron{{{own}}}) < 1"
            f" or absent(cnpg_retail_readable_queue_job{{{own}}})",
            "1h",
            "Nobody sees queue and scheduled actions: the alerts on them are blind",
            "Does the exporter answer? Did the release end with its grants (components/postgres_roles.py)?",
            False,
        ),
    ]
