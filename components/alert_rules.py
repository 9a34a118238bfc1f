"""The alerts of one retailer, as Prometheus rules: what wakes somebody before tills stop or data is lost."""

from dataclasses import dataclass
from typing import Any

from retail.objectives import Objectives

HOUR, DAY = 3600, 86400

ERROR_RATIO = 0.05
LATENCY_SECONDS = 2.0
"""Of the 95th percentile. Ten times a worker's usual service time: requests are waiting for workers."""

LAG_SECONDS = 300
"""CloudNativePG's own sample rule for replication lag."""


@dataclass(frozen=True)
class Alert:
    """One alerting rule. lasting: how long the expression must hold. page: whether it can't wait until morning."""

    name: str
    expression: str
    lasting: str
    summary: str
    page: bool

    def rule(self, labels: dict[str, str]) -> dict[str, Any]:
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.lasting,
            "labels": {**labels, "severity": "critical" if self.page else "warning"},
            "annotations": {"summary": self.summary},
        }


def database_alerts(namespace: str, cluster: str, objectives: Objectives, drill: str) -> list[Alert]:
    """Alerts on the retailer's own cluster, its archive and its drills.

    Backup age comes from the plugin's metric: CloudNativePG's own ones stop at the last backup made without it, and an
    alert on them never fires. Absence is an alert of its own, because a comparison with nothing is never true.
    """
    # The job label of a PodMonitor is namespace/name; both are set by Prometheus, not by the pods.
    instances = f'namespace="{namespace}",pod=~"{cluster}-[0-9]+"'
    poolers = f'namespace="{namespace}",pod=~"{cluster}-pooler-.*"'
    backup = f"barman_cloud_cloudnative_pg_io_last_available_backup_timestamp{{{instances}}}"
    backup_age = 2 * objectives.backup_interval_hours * HOUR
    drill_age = (objectives.drill_interval_days + 1) * DAY
    cron = f'namespace="{namespace}",cronjob="{drill}"'
    return [
        Alert(
            "DatabaseBackupTooOld",
            f"time() - max({backup}) > {backup_age}",
            "15m",
            f"No base backup of {cluster} for two intervals",
            True,
        ),
        Alert("DatabaseBackupUnknown", f"absent({backup})", "1h", f"{cluster} reports no backups at all", True),
        Alert(
            "WalArchivingFails",
            f"max(cnpg_pg_stat_archiver_last_failed_time{{{instances}}}"
            f" - cnpg_pg_stat_archiver_last_archived_time{{{instances}}}) > 1",
            "5m",
            f"{cluster} can't archive its WAL: point-in-time recovery ends here, and the WAL volume fills",
            True,
        ),
        Alert(
            "ReplicationLag",
            f"max(cnpg_pg_replication_lag{{{instances}}}) > {LAG_SECONDS}",
            "5m",
            f"A standby of {cluster} is {LAG_SECONDS} s behind",
            False,
        ),
        Alert(
            "ClientsWaitForPooler",
            f"sum(cnpg_pgbouncer_pools_cl_waiting{{{poolers}}}) > 0",
            "2m",
            f"Clients wait for a server connection of {cluster}'s poolers",
            True,
        ),
        Alert(
            "RestoreDrillTooOld",
            f"time() - max(kube_cronjob_status_last_successful_time{{{cron}}}) > {drill_age}"
            f" or time() - max(kube_cronjob_created{{{cron}}}) > {drill_age}"
            f" unless on() kube_cronjob_status_last_successful_time{{{cron}}}",
            "1h",
            f"No restore of {cluster} has been proven in {objectives.drill_interval_days} days",
            False,
        ),
    ]


def tier_alerts(namespace: str, tiers: tuple[str, ...]) -> list[Alert]:
    """Errors and latency of each public tier. Traefik names a service `<namespace>-<name>-<port>@<provider>`."""
    alerts = []
    for tier in tiers:
        service = f'service=~"{namespace}-{tier}-[a-z0-9]+@kubernetescrd"'
        requests = f"rate(traefik_service_requests_total{{{service}}}[5m])"
        errors = f'rate(traefik_service_requests_total{{{service},code=~"5.."}}[5m])'
        buckets = f"rate(traefik_service_request_duration_seconds_bucket{{{service}}}[5m])"
        alerts += [
            Alert(
                f"{tier.capitalize()}Errors",
                f"sum({errors}) / sum({requests}) > {ERROR_RATIO}",
                "5m",
                f"More than {ERROR_RATIO:.0%} of {tier}'s requests fail",
                True,
            ),
            Alert(
                f"{tier.capitalize()}Slow",
                f"histogram_quantile(0.95, sum by (le) ({buckets})) > {LATENCY_SECONDS:g}",
                "10m",
                f"One of twenty requests to {tier} takes longer than {LATENCY_SECONDS:g} s",
                False,
            ),
        ]
    return alerts
