"""What CloudNativePG's exporter asks beside its own questions: Odoo's queues, and what slows everybody down."""

from dataclasses import dataclass
from typing import Any

import pulumi
import yaml
from pulumi_kubernetes.core.v1 import ConfigMap

from retail.naming import Identity

QUERIES_KEY = "queries"


@dataclass(frozen=True, kw_only=True)
class PostgresQueriesArgs:
    """config_map: its name. odoo: whether an Odoo is in the cluster's own database; False on a platform's."""

    identity: Identity
    config_map: str
    odoo: bool


class PostgresQueries(pulumi.ComponentResource):
    """A ConfigMap for `spec.monitoring.customQueriesConfigMap`; the operator lets the instances read it, and the label
    makes them read it again when it changes.

    The exporter's role sees PostgreSQL's statistics and nothing of Odoo's tables. What it reads of those the release
    grants it, column by column (components/postgres_roles.py); until then those questions are not asked.

    Example:
        PostgresQueries("queries", PostgresQueriesArgs(identity=identity, config_map="acme-db-queries", odoo=True))
    """

    name: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresQueriesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:database:PostgresQueries", name, {"odoo": args.odoo}, opts)
        queries = {**SERVER_QUERIES, **(ODOO_QUERIES if args.odoo else {})}
        config_map = ConfigMap(
            f"{name}-config",
            metadata={
                "name": args.config_map,
                "namespace": args.identity.namespace,
                "labels": {**args.identity.labels("database"), "cnpg.io/reload": "true"},
            },
            data={QUERIES_KEY: yaml.safe_dump(queries, sort_keys=True, width=1000)},
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
    "postgres_transactions": _query(
        "SELECT COALESCE(EXTRACT(EPOCH FROM pg_catalog.max(pg_catalog.now() - xact_start)), 0) AS oldest_seconds,"
        " COALESCE(pg_catalog.max(pg_catalog.age(backend_xmin)), 0) AS oldest_snapshot"
        " FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'",
        oldest_seconds="Age of the oldest transaction of a client",
        oldest_snapshot="Transactions since the oldest snapshot that vacuum must respect",
    ),
    "postgres_roles": _query(
        "SELECT rolname AS role, pg_catalog.count(pid) AS used, rolconnlimit AS allowed"
        " FROM pg_catalog.pg_roles LEFT JOIN pg_catalog.pg_stat_activity ON usename = rolname"
        " WHERE rolcanlogin AND rolconnlimit > 0 GROUP BY rolname, rolconnlimit",
        labels=("role",),
        used="Connections of the role",
        allowed="Its connection limit",
    ),
}

ODOO_QUERIES: dict[str, dict[str, Any]] = {
    "odoo_readable": _query(
        f"SELECT CASE WHEN {_readable('queue_job', 'state')} THEN 1 ELSE 0 END AS queue_job,"
        f" CASE WHEN {_readable('ir_cron', 'nextcall')} THEN 1 ELSE 0 END AS ir_cron",
        queue_job="Whether the exporter may read queue_job",
        ir_cron="Whether the exporter may read ir_cron",
    ),
    "odoo_queue": _query(
        # Odoo keeps its times in UTC, without a zone.
        "SELECT COALESCE(channel, 'root') AS channel, state, pg_catalog.count(*) AS jobs,"
        " COALESCE(EXTRACT(EPOCH FROM pg_catalog.max("
        "(pg_catalog.now() AT TIME ZONE 'utc') - GREATEST(date_created, eta))), 0) AS oldest_seconds"
        " FROM public.queue_job WHERE state IN ('pending', 'enqueued', 'started', 'failed')"
        " AND (eta IS NULL OR eta <= (pg_catalog.now() AT TIME ZONE 'utc')) GROUP BY 1, 2",
        labels=("channel", "state"),
        readable=("queue_job", "date_created"),
        jobs="Jobs that wait, run or have failed",
        oldest_seconds="How long the oldest of them has been due",
    ),
    "odoo_cron": _query(
        "SELECT GREATEST(0, COALESCE(EXTRACT(EPOCH FROM"
        " (pg_catalog.now() AT TIME ZONE 'utc') - pg_catalog.min(nextcall) FILTER (WHERE active)), 0))"
        " AS overdue_seconds,"
        " pg_catalog.count(*) FILTER (WHERE active AND failure_count > 0) AS failing,"
        " pg_catalog.count(*) FILTER (WHERE NOT active AND failure_count > 0) AS given_up FROM public.ir_cron",
        readable=("ir_cron", "failure_count"),
        overdue_seconds="How long the scheduled action that is most overdue has been due",
        failing="Scheduled actions that failed the last time",
        given_up="Scheduled actions that Odoo switched off because they kept failing",
    ),
    "odoo_bus": _query(
        "SELECT COALESCE(pg_catalog.max(n_live_tup), 0) AS rows FROM pg_catalog.pg_stat_user_tables"
        " WHERE schemaname = 'public' AND relname = 'bus_bus'",
        rows="Notifications that wait to be cleared, about",
    ),
    "postgres_tables": _query(
        "SELECT relname AS relation, pg_catalog.pg_total_relation_size(relid) AS size_bytes, n_live_tup AS live_rows,"
        " n_dead_tup AS dead_rows FROM pg_catalog.pg_stat_user_tables ORDER BY 2 DESC LIMIT 20",
        labels=("relation",),
        size_bytes="With indexes and TOAST; the twenty largest",
        live_rows="Rows, about",
        dead_rows="Rows that vacuum has not removed yet, about",
    ),
}
