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
    idle by nature.
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
        # A client whose node is gone holds its locks (the queue runner's, for one) until it is found dead: 60 s.
        "tcp_keepalives_idle": "30s",
        "tcp_keepalives_interval": "10s",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "60s",
        # Network SSD
        "random_page_cost": "1.1",
        "effective_io_concurrency": "200",
        # Queues and stock levels are updated all day: vacuum at 5 % dead rows, not 20 %.
        "autovacuum_vacuum_scale_factor": "0.05",
        "autovacuum_analyze_scale_factor": "0.02",
        # Compiling an ORM's short queries costs more than it saves.
        "jit": "off",
        # What the alerts and a post-mortem need
        "log_lock_waits": "on",
        "log_temp_files": "64MB",
        "log_autovacuum_min_duration": "10s",
        "track_io_timing": "on",
        # When each transaction was committed: a restore drill tells from it how much would have been lost.
        "track_commit_timestamp": "on",
        **_ANALYSIS,
        **_PRIVACY,
    }


_ANALYSIS = {
    # Every statement by its shape, without its values.
    "pg_stat_statements.max": "5000",
    "pg_stat_statements.track": "top",
    # Plans of one slow statement in five. No timing of its nodes: that would slow down every statement.
    "auto_explain.log_min_duration": "3s",
    "auto_explain.sample_rate": "0.2",
    "auto_explain.log_analyze": "off",
    "auto_explain.log_format": "json",
    # Who changed structure or rights. What people read is logged for their role (components/postgres_roles.py); what
    # Odoo reads for its users is Odoo's to log.
    "pgaudit.log": "ddl, role",
    "pgaudit.log_catalog": "off",
    "pgaudit.log_parameter": "off",
    "pgaudit.log_relation": "on",
}
"""One name of an extension's makes the operator load its library, and create the extension where it has one; all three
are in the `standard` images alone (cloudnative-pg/postgres-containers)."""

_PRIVACY = {
    "auto_explain.log_parameter_max_length": "0",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
    # psycopg2 writes values into the statement's text. So statements are logged where they are worth it, as the sampled
    # slow plans above; failed ones are in Odoo's own log.
    "log_min_duration_statement": "-1",
    "log_min_error_statement": "panic",
}
"""Customers' names and addresses stand in statements, and logs are kept and read elsewhere than the data."""
