"""What is in a restored database: Odoo, how young its newest commit is, and which attachments it names.

psycopg2 is in every Odoo image; nothing else is needed.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

from .filestore import STORAGE_CODE, Attachment

Connect = Callable[[str, str, str, str], Any]
"""(host, database, user, password) -> a DB-API connection."""

ODOO_TABLES = ("ir_module_module", "ir_attachment", "ir_cron", "res_users", "res_company")
TRANSACTIONS_LOOKED_BACK = 100_000
"""Through which the newest commit is searched, from the last transaction id given out."""

CONNECT_TIMEOUT_SECONDS = 30
STATEMENT_TIMEOUT = "10min"


class DatabaseError(Exception):
    """PostgreSQL said no, or nothing. The message holds no credential."""


def connect(host: str, database: str, user: str, password: str) -> Any:
    """Read-only: a drill that changes what it looks at proves less."""
    import psycopg2

    try:
        connection = psycopg2.connect(
            host=host,
            dbname=database,
            user=user,
            password=password,
            sslmode="require",
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            options=f"-c default_transaction_read_only=on -c statement_timeout={STATEMENT_TIMEOUT}",
            application_name="restore-drill",
        )
    except psycopg2.Error as error:
        raise DatabaseError(f"{database}: {error}".strip()) from None
    connection.autocommit = True
    return connection


class Database:
    """One database of the scratch cluster, open."""

    def __init__(self, connection: Any, name: str) -> None:
        self._connection, self.name = connection, name

    def __enter__(self) -> "Database":
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _value: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._connection.close()

    def rows(self, statement: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                found: list[tuple[Any, ...]] = cursor.fetchall()
                return found
        except self._connection.Error as error:
            raise DatabaseError(f"{self.name}: {error}".strip()) from None

    def has_odoo(self) -> bool:
        return self.rows("SELECT to_regclass('public.ir_module_module') IS NOT NULL") == [(True,)]

    def total_size(self) -> int:
        """Bytes of all databases."""
        ((size,),) = self.rows("SELECT sum(pg_database_size(oid))::bigint FROM pg_database")
        return int(size)

    def newest_commit(self, *, before: float) -> float | None:
        """Unix time of the newest commit before the drill, None if there is no time of any.

        Commit times are in the WAL where `track_commit_timestamp` is on. What the operator commits in the scratch
        cluster is younger than `before`. Transaction ids wrap around at 2^32; those up to 2 are no transactions.
        """
        statement = """
            SELECT max(pg_xact_commit_timestamp(id::text::xid)) FROM (
                SELECT mod(pg_snapshot_xmax(pg_current_snapshot())::text::numeric - n, 4294967296)::bigint AS id
                FROM generate_series(1, %s) AS n
                WHERE pg_snapshot_xmax(pg_current_snapshot())::text::numeric - n > 2
            ) AS latest
            WHERE id > 2 AND pg_xact_commit_timestamp(id::text::xid) < %s
        """
        ((newest,),) = self.rows(statement, (TRANSACTIONS_LOOKED_BACK, datetime.fromtimestamp(before, UTC)))
        return None if newest is None else float(newest.timestamp())

    def failures(self) -> list[str]:
        """What Odoo needs and isn't there."""
        missing = [
            table for table in ODOO_TABLES if self.rows("SELECT to_regclass(%s)", (f"public.{table}",)) == [(None,)]
        ]
        if missing:
            return [f"{self.name}: no table {', '.join(missing)}"]
        found = []
        if self.rows("SELECT state FROM ir_module_module WHERE name = 'base'") != [("installed",)]:
            found.append(f"{self.name}: Odoo's base module is not installed")
        if self.rows("SELECT count(*) > 0 FROM res_users WHERE active") != [(True,)]:
            found.append(f"{self.name}: no user can log in")
        return found

    def attachments(self, sample: int) -> list[Attachment]:
        """A random sample of those in the filestore."""
        statement = """
            SELECT id, store_fname, checksum FROM ir_attachment
            WHERE store_fname LIKE %s AND checksum IS NOT NULL ORDER BY random() LIMIT %s
        """
        found = self.rows(statement, (f"{STORAGE_CODE}://%", sample))
        return [Attachment(self.name, int(number), str(name), str(checksum)) for number, name, checksum in found]


def odoo_databases(postgres: Database, opened: Callable[[str], Database]) -> list[str]:
    """The databases that have Odoo's tables, by name."""
    statement = "SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND datname <> 'postgres'"
    found = []
    for (name,) in sorted(postgres.rows(statement)):
        with opened(name) as database:
            if database.has_odoo():
                found.append(name)
    return found
