"""Alerts on the retailer's own PostgreSQL: its archive, standbys, poolers and volumes."""

from components.alerts.rule import HOUR, Alert
from retail.objectives import Objectives

LAG_SECONDS = 300
"""CloudNativePG's own sample rule for replication lag."""

WAL_FULL, DATA_FULL = 0.30, 0.15
"""Share of a volume that is left. WAL is filled by an archive that stands still, within hours; data by growth."""

WAIT_SECONDS = 5
"""A client that waits so long for a server connection; the pooler gives up on it after a minute."""

TRANSACTION_SECONDS = 900
"""The longest job or scheduled action; what is open for longer holds back vacuum and locks."""

WRAPAROUND_TRANSACTIONS = 1_000_000_000
"""Half of what PostgreSQL has before it stops writes; autovacuum should have acted at 200 million."""


def database_alerts(namespace: str, cluster: str, objectives: Objectives) -> list[Alert]:
    """Backup age comes from the plugin's metric: CloudNativePG's own ones stop at the last backup made without it, and
    an alert on them never fires. Absence is an alert of its own, because a comparison with nothing is never true.
    """
    instances = f'namespace="{namespace}",pod=~"{cluster}-[0-9]+"'
    poolers = f'namespace="{namespace}",pod=~"{cluster}-pooler-.*"'
    backup = f"barman_cloud_cloudnative_pg_io_last_available_backup_timestamp{{{instances}}}"
    backup_age = 2 * objectives.backup_interval_hours * HOUR
    alerts = [
        Alert(
            "DatabaseBackupTooOld",
            f"time() - max({backup}) > {backup_age}",
            "15m",
            f"No base backup of {cluster} for two intervals",
            "`kubectl get backups`: the last one's error; then the plugin's sidecar log, the bucket's policy, the key.",
            True,
        ),
        Alert(
            "DatabaseBackupUnknown",
            f"absent({backup})",
            "1h",
            f"{cluster} reports no backups at all",
            "Is the metric away (PodMonitor, network policy) or the plugin (its sidecar)? Back up by hand until known.",
            True,
        ),
        Alert(
            "WalArchivingFails",
            f"max(cnpg_pg_stat_archiver_last_failed_time{{{instances}}}"
            f" - cnpg_pg_stat_archiver_last_archived_time{{{instances}}}) > 1",
            "5m",
            f"{cluster} can't archive its WAL: point-in-time recovery ends here, and the WAL volume fills",
            "Primary's log, `barman-cloud`: credentials, bucket, key, or 'Expected empty archive' after a restore"
            " (raise its lineage). Watch the WAL volume meanwhile.",
            True,
        ),
        _volume(namespace, f"{cluster}-[0-9]+-wal", "WalVolumeFills", WAL_FULL, page=True),
        _volume(namespace, f"{cluster}-[0-9]+", "DataVolumeFills", DATA_FULL, page=False),
        Alert(
            "ClientsWaitForPooler",
            f"max(cnpg_pgbouncer_pools_maxwait{{{poolers}}}) > {WAIT_SECONDS}",
            "2m",
            f"Clients wait longer than {WAIT_SECONDS} s for a server connection of {cluster}'s poolers",
            "Long transactions first (LongTransaction, locks); then whether one tier takes all; the pool's size is in"
            " `explain`.",
            True,
        ),
        Alert(
            "LongTransaction",
            f'max(cnpg_backends_max_tx_duration_seconds{{{instances},usename!~".*_readonly"}}) > {TRANSACTION_SECONDS}',
            "5m",
            f"A transaction on {cluster} is open for longer than any job may take",
            "pg_stat_activity by xact_start: a batch job may end; anything else is cancelled (pg_cancel_backend).",
            False,
        ),
        Alert(
            "RoleNearConnectionLimit",
            f"max by (role) (cnpg_retail_roles_used{{{instances}}} / cnpg_retail_roles_allowed{{{instances}}}) > 0.95",
            "5m",
            f"A role of {cluster} has nearly all connections that it may have; the next are refused",
            "pg_stat_activity by usename and application_name: which tier holds them, and what it waits for.",
            False,
        ),
        Alert(
            "TransactionIdsRunOut",
            f"max(cnpg_pg_database_xid_age{{{instances}}}) > {WRAPAROUND_TRANSACTIONS}",
            "1h",
            f"{cluster} is half way to the end of its transaction ids: vacuum doesn't keep up",
            "Look for what holds it back (old transactions, replication slots), then VACUUM the oldest tables.",
            True,
        ),
    ]
    return alerts + _standby_alerts(instances, cluster, objectives) if objectives.instances > 1 else alerts


def _standby_alerts(instances: str, cluster: str, objectives: Objectives) -> list[Alert]:
    """Where there are standbys. With synchronous commits the last one's loss stops all writes."""
    standbys = objectives.instances - 1
    streaming = f"max(cnpg_pg_replication_streaming_replicas{{{instances}}})"
    return [
        Alert(
            "ReplicationLag",
            f"max(cnpg_pg_replication_lag{{{instances}}}) > {LAG_SECONDS}",
            "5m",
            f"A standby of {cluster} is {LAG_SECONDS} s behind",
            "A long report on the standby (pg_stat_activity there) or a slow volume; a failover now would wait for it.",
            False,
        ),
        Alert(
            "StandbyMissing",
            f"{streaming} < {standbys}",
            "15m",
            f"{cluster} has fewer than {standbys} standbys",
            "`kubectl cnpg status`: an instance that joins, or one whose zone is lost. Don't drain data nodes now.",
            False,
        ),
        Alert(
            "NoStandby",
            f"{streaming} < 1",
            "2m",
            f"{cluster} has no standby: " + ("writes stop" if objectives.synchronous else "a failure loses data"),
            "`kubectl cnpg status`. With two zones gone, a person decides on promotion (docs/architecture.md).",
            True,
        ),
        Alert(
            "DatabaseWaitsForSwitchover",
            f"max(cnpg_collector_manual_switchover_required{{{instances}}}) > 0",
            "15m",
            f"{cluster} has updated its standbys; in production its primary follows when a person says so",
            "At a quiet hour, outside freezes: `kubectl cnpg promote` one of the standbys.",
            False,
        ),
    ]


def _volume(namespace: str, claims: str, name: str, left: float, *, page: bool) -> Alert:
    claim = f'namespace="{namespace}",persistentvolumeclaim=~"{claims}"'
    available, capacity = (f"kubelet_volume_stats_{what}_bytes{{{claim}}}" for what in ("available", "capacity"))
    return Alert(
        name,
        f"min({available} / {capacity}) < {left}",
        "5m",
        f"Less than {left:.0%} of a volume is left ({claims})",
        "Full, it stops the primary. WAL: mend the archive, or a slot that holds it. Data: raise database-gib;"
        " EBS grows online, once in six hours.",
        page,
    )
