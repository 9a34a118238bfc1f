"""The SQL that the database is born with, releases run and the exporter asks: put to a real PostgreSQL."""

from collections.abc import Iterator
from typing import Any

import pytest

from components.postgres_bootstrap import bootstrap_sql
from components.postgres_queries import ODOO_QUERIES, SERVER_QUERIES
from components.postgres_roles import EXPORTER_ROLE, release_grants
from components.scaling_signals import QUEUE
from retail.naming import Identity
from tests.components.postgres_server import Server, running

OWNER, A, B, READONLY, KEDA = (f"acme_production{suffix}" for suffix in ("", "_a", "_b", "_readonly", "_keda"))
EXPORTER_PATH = "SET search_path TO pg_catalog, public, pg_temp"
"""What CloudNativePG pins its exporter's transactions to (its monitoring documentation)."""

TABLES = (
    "CREATE TABLE queue_job (state varchar, channel varchar, eta timestamp, date_created timestamp, args text)",
    "CREATE TABLE ir_cron (active bool, nextcall timestamp, failure_count int, cron_name varchar)",
    "CREATE TABLE bus_bus (id int)",
)


@pytest.fixture(scope="module")
def born(identity: Identity) -> Iterator[Server]:
    """As CloudNativePG leaves it: the owner, `postInitSQL`, the database, the exporter's role."""
    with running() as server:
        server.ask("postgres", f"CREATE ROLE {OWNER} NOLOGIN", *bootstrap_sql(identity))
        server.ask("postgres", f"CREATE DATABASE {OWNER} OWNER {OWNER}")
        server.ask("postgres", f"CREATE ROLE {EXPORTER_ROLE} LOGIN IN ROLE pg_monitor")
        server.ask("postgres", f"ALTER ROLE {A} CONNECTION LIMIT 10")  # as managed roles have
        yield server


@pytest.fixture(scope="module")
def released(born: Server, identity: Identity) -> Server:
    """With Odoo's tables, made under one login role and opened under the other, twice."""
    born.ask(A, *release_grants(identity), database=OWNER)  # nothing there yet: nothing to open, and no error
    born.ask(A, *TABLES, database=OWNER)
    born.ask(B, *release_grants(identity), *release_grants(identity), database=OWNER)
    return born


def test_sessions_act_as_the_owner_also_after_what_pools_do_between_two_clients(born: Server) -> None:
    for reset in ("BEGIN; COMMIT", "RESET ALL", "DISCARD ALL", "SET SESSION AUTHORIZATION DEFAULT"):
        assert born.ask(A, reset, "SELECT current_user, session_user", database=OWNER) == [f"{OWNER}|{A}"], reset


def test_what_one_login_role_makes_the_other_changes(released: Server) -> None:
    owners = released.ask(A, "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", database=OWNER)
    assert owners == [OWNER]
    released.ask(A, "CREATE TABLE made_by_a (id int)", database=OWNER)
    released.ask(B, "ALTER TABLE made_by_a ADD name text", "DROP TABLE made_by_a", database=OWNER)


def test_readers_only_read_and_the_scaler_only_counts(released: Server) -> None:
    assert released.ask(READONLY, "SELECT count(*) FROM queue_job", database=OWNER) == ["0"]
    assert "read-only transaction" in released.refuses(READONLY, "CREATE TABLE mine (id int)", OWNER)
    asked = QUEUE.format(capacity=10, processes=4, wait=60, batch="root.batch")
    assert released.ask(KEDA, asked, database=OWNER) == ["0"]
    assert "permission denied" in released.refuses(KEDA, "SELECT args FROM queue_job", OWNER)
    assert "permission denied" in released.refuses(KEDA, "SELECT * FROM ir_cron", OWNER)
    assert "permission denied" in released.refuses(EXPORTER_ROLE, "SELECT args FROM queue_job", OWNER)


@pytest.mark.parametrize("name", sorted(SERVER_QUERIES | ODOO_QUERIES))
def test_the_exporter_may_ask_it_and_gets_the_columns_it_exports(released: Server, name: str) -> None:
    query = (SERVER_QUERIES | ODOO_QUERIES)[name]
    released.ask(A, "INSERT INTO queue_job VALUES ('pending', NULL, NULL, now() AT TIME ZONE 'utc')", database=OWNER)
    released.ask("postgres", "ANALYZE", database=OWNER)
    if "predicate_query" in query:
        assert exporter(released, query["predicate_query"]) == ["t"]
    columns = ", ".join(next(iter(metric)) for metric in query["metrics"])
    # Named columns of a subquery: an error where the query has no such column.
    rows = exporter(released, f"SELECT {columns} FROM ({query['query']}) AS asked")  # noqa: S608 - our own
    assert rows, "no row, no metric"
    gauges = sum("GAUGE" in str(metric) for metric in query["metrics"])
    for row in rows:
        assert all(float(value) >= 0 for value in row.split("|")[-gauges:])


def test_questions_about_tables_that_are_not_open_are_not_asked() -> None:
    closed = {name: query["predicate_query"] for name, query in ODOO_QUERIES.items() if "predicate_query" in query}
    assert closed
    with running() as server:
        server.ask("postgres", f"CREATE ROLE {EXPORTER_ROLE} LOGIN IN ROLE pg_monitor", f"CREATE DATABASE {OWNER}")
        for predicate in closed.values():
            assert exporter(server, predicate) == ["f"], "no table yet"
        server.ask("postgres", *TABLES, database=OWNER)
        for predicate in closed.values():
            assert exporter(server, predicate) == ["f"], "no grant yet"
        assert exporter(server, ODOO_QUERIES["retail_readable"]["query"]) == [f"{OWNER}|0|0"]


def test_a_shared_retailers_one_role_opens_its_tables_to_the_exporter_alone(identity: Identity) -> None:
    with running() as server:
        server.ask("postgres", f"CREATE ROLE {EXPORTER_ROLE} LOGIN IN ROLE pg_monitor", f"CREATE ROLE {OWNER} LOGIN")
        server.ask("postgres", f"CREATE DATABASE {OWNER} OWNER {OWNER}")
        server.ask(OWNER, *TABLES, *release_grants(identity), database=OWNER)
        for query in ODOO_QUERIES.values():
            assert exporter(server, query.get("predicate_query", "SELECT true")) == ["t"]


def exporter(server: Server, statement: Any) -> list[str]:
    return server.ask(EXPORTER_ROLE, EXPORTER_PATH, str(statement), database=OWNER)
