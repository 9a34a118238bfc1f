"""Bring the database to the image's code: an empty one is initialised, any other upgraded where modules have changed.

An upgrade is click-odoo-update's: modules whose files differ from the last time, under an advisory lock. What the image
asks for (RETAIL_MODULES) and the database lacks is installed first. The settings that every release states again come
last (release_settings.py).

Environment: ODOO_RC, RELEASE_SERIES, RETAIL_MODULES (of the image, comma-separated; see image/README.md).
"""

import configparser
import importlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

psycopg2: Any = importlib.import_module("psycopg2")  # Odoo's driver: in the image, not in this project

FOUNDATION = ("web", "queue_job", "fs_attachment_s3", "fs_storage_environment")
"""What the platform itself rests on, whatever the image asks for."""

POLL_SECONDS = 5.0
DATABASE_SECONDS = 1800.0
"""For a first instance: its node, its volumes, initdb. After that it isn't coming, and a person should know."""

ONCE = ("--stop-after-init", "--no-http", "--workers=0", "--max-cron-threads=0")


def connect(options: configparser.SectionProxy) -> Any:
    """The database, waited for: in a first deployment it is being made. Ends the release where it doesn't come."""
    deadline = time.monotonic() + DATABASE_SECONDS
    while True:
        try:
            return psycopg2.connect(
                host=options["db_host"],
                port=options["db_port"],
                user=options["db_user"],
                password=options["db_password"],
                dbname=options["db_name"],
                sslmode=options["db_sslmode"],
                connect_timeout=10,
                application_name="release",
            )
        except psycopg2.OperationalError as error:
            reason = str(error).splitlines()[0]
            if time.monotonic() > deadline:
                sys.exit(f"release: no database within {DATABASE_SECONDS:.0f} s: {reason}")
            print(f"waiting for the database: {reason}", flush=True)
            time.sleep(POLL_SECONDS)


def installed(connection: Any) -> set[str]:
    """Modules in the database; empty where Odoo has never been in it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('ir_module_module') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return set()
        cursor.execute("SELECT name FROM ir_module_module WHERE state IN ('installed', 'to upgrade')")
        return {name for (name,) in cursor.fetchall()}


def commands(present: set[str], wanted: list[str], *, database: str, series: str, rc: str) -> list[list[str]]:
    """What brings a database with the modules `present` to the image's code, in this order."""
    odoo, update = ["odoo", "-c", rc, "-d", database], ["click-odoo-update", "-c", rc, "-d", database]
    missing = sorted(set(wanted) - present)
    # 19 installs no demo data unless told to, and says so when it is told not to by 18's word for it.
    demo = ["--without-demo=all"] if series == "18" else []
    install = [[*odoo, "-i", ",".join(missing), *ONCE, *demo]] if missing else []
    if present:
        return [*install, update]
    # Of a fresh database only the files' hashes are taken down, or the next release would upgrade every module.
    return [*install, [*update, "--only-compute-hashes"]]


def main() -> None:
    rc = os.environ["ODOO_RC"]
    conf = configparser.RawConfigParser()
    conf.read(rc)
    options = conf["options"]
    connection = connect(options)
    present = installed(connection)
    connection.close()
    asked = [name for name in os.environ.get("RETAIL_MODULES", "").split(",") if name]
    wanted = [*FOUNDATION, *asked]
    database = options["db_name"]
    settings = ["click-odoo", "-c", rc, "-d", database, str(Path(__file__).parent / "release_settings.py")]
    planned = commands(present, wanted, database=database, series=os.environ["RELEASE_SERIES"], rc=rc)
    fresh = {"RELEASE_INITIALISED": "" if present else "1"}
    for command in [*planned, settings]:
        print("release:", " ".join(command), flush=True)
        code = subprocess.run(command, env=os.environ | fresh, check=False).returncode
        if code != 0:
            sys.exit(f"release: {command[0]} ended with {code}")


if __name__ == "__main__":
    main()
