"""Liveness of Odoo pods that serve no HTTP, from inside: exit 1 where the pod should be restarted.

`scheduled`: actions are ten minutes overdue, none was started for ten minutes, and no other query runs.
`jobrunner`: the queue exists and nobody holds the runner's lock, which one of the runners always should.
A database that is away or not initialised is no reason to restart: every pod would, at every failover.
"""

import configparser
import importlib
import os
import sys
from typing import Any

psycopg2: Any = importlib.import_module("psycopg2")  # Odoo's driver: in the image, not in this project

STUCK = {
    "scheduled": """
        SELECT EXISTS (SELECT FROM ir_cron
                       WHERE active AND nextcall < now() AT TIME ZONE 'utc' - interval '10 minutes')
           AND NOT EXISTS (SELECT FROM ir_cron WHERE lastcall > now() AT TIME ZONE 'utc' - interval '10 minutes')
           AND NOT EXISTS (SELECT FROM pg_stat_activity
                           WHERE datname = current_database() AND state = 'active' AND pid <> pg_backend_pid())""",
    # queue_job's PG_ADVISORY_LOCK_ID; pg_locks shows its halves.
    "jobrunner": """
        SELECT to_regclass('queue_job') IS NOT NULL
           AND NOT EXISTS (SELECT FROM pg_locks
                           WHERE locktype = 'advisory' AND granted
                             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
                             AND (classid::bigint << 32 | objid::bigint) = 2293787760715711918)""",
}


def is_stuck(tier: str) -> bool:
    """Whether the tier stands still, as far as the database can tell."""
    conf = configparser.RawConfigParser()
    conf.read(os.environ["ODOO_RC"])
    options = conf["options"]
    try:
        connection = psycopg2.connect(
            host=options["db_host"],
            port=options["db_port"],
            user=options["db_user"],
            password=options["db_password"],
            dbname=options["db_name"],
            sslmode=options["db_sslmode"],
            connect_timeout=5,
            application_name="liveness",
        )
        with connection.cursor() as cursor:
            cursor.execute(STUCK[tier])
            return bool(cursor.fetchone()[0])
    except psycopg2.Error:
        return False


if __name__ == "__main__":
    sys.exit(1 if is_stuck(sys.argv[1]) else 0)
