"""The liveness script as a pod runs it, against a driver that answers as told."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "components" / "pod_scripts" / "liveness.py"

DRIVER = """
import os, sys
class Error(Exception): pass
class Cursor:
    def __enter__(self): return self
    def __exit__(self, *failure): return None
    def execute(self, query): print(query)
    def fetchone(self): return (os.environ["STUCK"] == "1",)
class Connection:
    def cursor(self): return Cursor()
def connect(**options):
    print(options["host"], options["dbname"], options["sslmode"])
    if os.environ["STUCK"] == "away": raise Error("no route to host")
    return Connection()
"""


@pytest.mark.parametrize(("stuck", "code"), [("1", 1), ("0", 0), ("away", 0)])
@pytest.mark.parametrize(("tier", "table"), [("scheduled", "ir_cron"), ("jobrunner", "pg_locks")])
def test_only_a_standstill_restarts_the_pod(tmp_path: Path, tier: str, table: str, stuck: str, code: int) -> None:
    (tmp_path / "psycopg2.py").write_text(DRIVER)
    conf = tmp_path / "odoo.conf"
    conf.write_text(
        "[options]\ndb_host = acme-db-rw\ndb_port = 5432\ndb_user = u\ndb_password = p%d\n"
        "db_name = acme\ndb_sslmode = require\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT.read_text(), tier],
        env={"ODOO_RC": str(conf), "PYTHONPATH": str(tmp_path), "STUCK": stuck},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    assert run.returncode == code
    assert "acme-db-rw acme require" in run.stdout
    assert (table in run.stdout) == (stuck != "away")
