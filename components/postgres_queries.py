"""What CloudNativePG's exporter asks beside its own questions: Odoo's queues, and what slows everybody down.

Every row says of which database it is (`datname`), as a platform's cluster has many; components/alerts/queue.py and
database.py are what reads the series.
"""

from dataclasses import dataclass
from typing import Any

import pulumi
import yaml
from pulumi_kubernetes.core.v1 import ConfigMap

from retail.naming import Identity

QUERIES_KEY = "queries"

EVERY_DATABASE = "*"
"""CloudNativePG's pattern for all databases that the exporter may connect to."""


@dataclass(frozen=True, kw_only=True)
class PostgresQueriesArgs:
    """config_map: its name. databases: those with an Odoo, by name or EVERY_DATABASE."""

    identity: Identity
    config_map: str
    databases: str


class PostgresQueries(pulumi.ComponentResource):
    """A ConfigMap for `spec.monitoring.customQueriesConfigMap`; the operator lets the instances read it, and the label
    makes them read it again when it changes.

    The exporter's role sees PostgreSQL's statistics and nothing of Odoo's tables. What it reads of those the release
    grants it, column by column (components/postgres_roles.py); until then those questions are not asked.

    Example:
        PostgresQueries("queries", PostgresQueriesArgs(identity=identity, config_map="acme-db-queries",
            databases=identity.database))
    """

    name: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresQueriesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:database:PostgresQueries", name, {"databases": args.databases}, opts)
        asked = {key: {**query, "target_databases": [args.databases]} for key, query in ODOO_QUERIES.items()}
        config_map = ConfigMap(
            f"{name}-config",
            metadata={
                "name": args.config_map,
                "namespace": args.identity.namespace,
                "labels": {**args.identity.labels("database"), "cnpg.io/reload": "true"},
            },
            data={QUERIES_KEY: yaml.safe_dump({**SERVER_QUERIES, **asked}, sort_keys=True, width=1000)},
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.name = config_map.metadata["name"]
        self.register_outputs({"name": self.name})


def _query(
    sql: str, *, labels: tuple[str, ...] = (), readable: tuple[str, str] | None = None, **gauges: str
) -> dict[str, Any]:
    """One metric family: `cnpg_<key>_<column>`, of the primary alone. gauges: column -> description.

    readable: table and column that the exporter's role must be able to read; otherwise the query is left out.
    """
    query: dict[str, Any] = {
        "query": sql,
        "primary": True,
        "metrics": [
            *({label: {"usage": "LABEL", "description": label}} for label in labels),
            *({column: {"usage": "GAUGE", "description": text}} for column, text in gauges.items()),
        ],
    }
    if readable is not None:
        query["predicate_query"] = f"SELECT {_readable(*readable)}"
    return query


def _readable(table: str, column: str) -> str:
    """Whether the table exists and the asking role may read that column of it, never an error."""
    relation = f"pg_catalog.to_regclass('public.{table}')::pg_catalog.oid"
    return (
        f"CASE WHEN {relation} IS NULL THEN false"
        f" ELSE pg_catalog.has_column_privilege({relation}, '{column}', 'SELECT') END"
    )


SERVER_QUERIES: dict[str, dict[str, Any]] = {
    "retail_roles": _query(
        "SELECT rolname AS role, pg_catalog.count(pid) AS used, rolconnlimit AS allowed"
        " FROM pg_catalog.pg_roles LEFT JOIN pg_catalog.pg_stat_activity ON usename = rolname"
        " WHERE rolcanlogin AND rolconnlimit > 0 GROUP BY rolname, rolconnlimit",
        labels=("role",),
        used="Connections of the role",
        allowed="Its connection limit",
    ),
}

# Odoo keeps its times in UTC, without a zone.
ODOO_QUERIES: dict[str, dict[str, Any]] = {
    "retail_readable": _query(
        f"SELECT pg_catalog.current_database() AS datname,"
        f" CASE WHEN {_readable('queue_job', 'state')} THEN 1 ELSE 0 END AS queue_job,"
        f" CASE WHEN {_readable('ir_cron', 'nextcall')} THEN 1 ELSE 0 END AS ir_cron",
        labels=("datname",),
        queue_job="Whether the exporter may read queue_job",
        ir_cron="Whether the exporter may read ir_cron",
    ),
    "retail_queue": _query(
        "SELECT pg_catalog.current_database() AS datname, COALESCE(channel, 'root') AS channel,"
        " pg_catalog.count(*) FILTER (WHERE state IN ('pending', 'enqueued')) AS waiting,"
        " pg_catalog.count(*) FILTER (WHERE state = 'started') AS running,"
        " pg_catalog.count(*) FILTER (WHERE state = 'failed') AS failed,"
        " GREATEST(0, COALESCE(EXTRACT(EPOCH FROM pg_catalog.max((pg_catalog.now() AT TIME ZONE 'utc')"
        " - GREATEST(date_created, eta)) FILTER (WHERE state IN ('pending', 'enqueued'))), 0)) AS oldest_seconds"
        " FROM public.queue_job WHERE state IN ('pending', 'enqueued', 'started', 'failed') GROUP BY 1, 2",
        labels=("datname", "channel"),
        readable=("queue_job", "date_created"),
        waiting="Jobs that wait",
        running="Jobs under way",
        failed="Jobs that gave up",
        oldest_seconds="How long the oldest job that waits has been due",
    ),
    "retail_cron": _query(
        "SELECT pg_catalog.current_database() AS datname,"
        " GREATEST(0, COALESCE(EXTRACT(EPOCH FROM"
        " (pg_catalog.now() AT TIME ZONE 'utc') - pg_catalog.min(nextcall) FILTER (WHERE active)), 0))"
        " AS overdue_seconds,"
        " pg_catalog.count(*) FILTER (WHERE active AND failure_count > 0) AS failing,"
        " pg_catalog.count(*) FILTER (WHERE NOT active AND failure_count > 0) AS given_up FROM public.ir_cron",
        labels=("datname",),
        readable=("ir_cron", "failure_count"),
        overdue_seconds="How late the latest active scheduled action is",
        failing="Active scheduled actions that failed the last time",
        given_up="Scheduled actions that Odoo switched off because they kept failing",
    ),
    "retail_bus": _query(
        "SELECT pg_catalog.current_database() AS datname, COALESCE(pg_catalog.max(n_live_tup), 0) AS rows"
        " FROM pg_catalog.pg_stat_user_tables WHERE schemaname = 'public' AND relname = 'bus_bus'",
        labels=("datname",),
        rows="Notifications that wait to be cleared, about",
    ),
    "retail_tables": _query(
        "SELECT pg_catalog.current_database() AS datname, relname AS relation,"
        " pg_catalog.pg_total_relation_size(relid) AS size_bytes, n_live_tup AS live_rows, n_dead_tup AS dead_rows"
        " FROM pg_catalog.pg_stat_user_tables ORDER BY 3 DESC LIMIT 20",
        labels=("datname", "relation"),
        size_bytes="With indexes and TOAST; the twenty largest",
        live_rows="Rows, about",
        dead_rows="Rows that vacuum has not removed yet, about",
    ),
}
