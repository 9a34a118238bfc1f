"""Alerts on the clock of admission: the API server has no other."""

from components.alerts.rule import Alert
from retail.naming import CHANGE_CONTROL

LATE_SECONDS = 20 * 60
"""Three runs missed. A freeze is on two runs before it begins."""


def freeze_alerts(switch: str) -> list[Alert]:
    """switch: name of the retailer's CronJob in the namespace of change control."""
    cron = f'namespace="{CHANGE_CONTROL}",cronjob="{switch}"'
    return [
        Alert(
            "FreezeNotSwitched",
            f"time() - max(kube_cronjob_status_last_successful_time{{{cron}}}) > {LATE_SECONDS}"
            f" or (time() - max(kube_cronjob_created{{{cron}}}) > {LATE_SECONDS}"
            f" unless max(kube_cronjob_status_last_successful_time{{{cron}}}))",
            "5m",
            "Nothing switches the freeze: it stays as it is, approvals don't count, and emergencies don't end",
            f"`kubectl get jobs -n {CHANGE_CONTROL}` and the log of the last; take expired break-glass bindings away by"
            " hand meanwhile.",
            False,
        )
    ]
