"""PostgreSQL's own settings, as functions of the plan."""

from retail.objectives import Objectives
from retail.plan import DatabasePlan

WORK_MEM_MIB = 16
"""What the plan's memory per connection assumes (retail/database_sizing.py, MIB_PER_CONNECTION)."""

STATEMENT_TIMEOUT = "30min"
"""Above the longest job of a tier, and the spread checkpoint that begins a base backup (0.9 x checkpoint_timeout). A
module upgrade that needs longer lifts it in its own session."""

IDLE_IN_TRANSACTION_TIMEOUT = "15min"
"""A transaction that waits this long for a partner's answer holds back vacuum for everybody."""


def postgres_parameters(plan: DatabasePlan, objectives: Objectives) -> dict[str, str]:
    """`spec.postgresql.parameters` of the Cluster. What CloudNativePG fixes or sets itself is left out.

    Nothing here depends on the season: most of it needs a restart. No `idle_session_timeout`: sessions that LISTEN are
    idle by nature. `pg_stat_statements.*` makes the operator load the library and create the extension.
    """
    wal_mib = plan.wal_storage_gib * 1024
    max_wal_size_mib = min(wal_mib // 5, 32 * 1024)
    return {
        # Memory
        "max_connections": str(plan.budget.max_connections),
        "shared_buffers": f"{plan.shared_buffers_mib}MB",
        "effective_cache_size": f"{plan.memory_mib * 3 // 4}MB",
        "work_mem": f"{WORK_MEM_MIB}MB",
        "maintenance_work_mem": f"{min(2048, plan.memory_mib // 16)}MB",
        # WAL: half of its volume is for slots of standbys that are away, a fifth for checkpoints, the rest is what an
        # outage of the archive fills. A full WAL volume stops the primary.
        "wal_level": "replica",
        "wal_compression": "lz4",
        "min_wal_size": f"{max_wal_size_mib // 4}MB",
        "max_wal_size": f"{max_wal_size_mib}MB",
        "max_slot_wal_keep_size": f"{wal_mib // 2}MB",
        "checkpoint_timeout": "15min",
        "archive_timeout": f"{objectives.archive_timeout_seconds}s",
        # Time limits
        "statement_timeout": STATEMENT_TIMEOUT,
        "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION_TIMEOUT,
        "tcp_keepalives_idle": "60s",
        "tcp_keepalives_interval": "10s",
        "tcp_keepalives_count": "3",
        # Network SSD
        "random_page_cost": "1.1",
        "effective_io_concurrency": "200",
        # Queues and stock levels are updated all day: vacuum at 5 % dead rows, not 20 %.
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.02",
        # What the alerts and a post-mortem need
        "log_min_duration_statement": "1s",
        "log_lock_waits": "on",
        "log_temp_files": "64MB",
        "log_autovacuum_min_duration": "10s",
        "track_io_timing": "on",
        "pg_stat_statements.max": "5000",
        "pg_stat_statements.track": "top",
    }


def access_rules(database: str, readonly: str) -> list[str]:
    """`spec.postgresql.pg_hba`: TLS only, and every role reaches its own database and `postgres`, nothing else.

    A retailer's role is named after its database, so `sameuser` says that for one retailer and for all that share a
    cluster. `postgres` is where Odoo sends NOTIFY (facts, Odoo §3). The last rule stands before CloudNativePG's own
    `host all all all scram-sha-256`, which would let any role in everywhere, without TLS.
    """
    return [
        "hostssl sameuser,postgres all all scram-sha-256",
        f"hostssl {database} {readonly} all scram-sha-256",
        "host all all all reject",
    ]
