"""The release's work on the database, as the container runs it: its commands, in order, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "components" / "pod_scripts" / "release_database.py"

DRIVER = """
import json, os
from pathlib import Path
class OperationalError(Exception): pass
class Cursor:
    def __enter__(self): return self
    def __exit__(self, *failure): return None
    def execute(self, query): self.query = query
    def fetchone(self): return (os.environ["PRESENT"] != "",)
    def fetchall(self): return [(name,) for name in os.environ["PRESENT"].split(",")]
class Connection:
    def cursor(self): return Cursor()
    def close(self): pass
def connect(**options):
    tried = Path(os.environ["LOG"]).with_suffix(".tries")
    tried.write_text(tried.read_text() + "x" if tried.exists() else "x")
    if len(tried.read_text()) < int(os.environ["COMES_AT"]): raise OperationalError("no route to host\\nis it there?")
    assert options["host"] == "acme-db-rw" and options["sslmode"] == "require"
    return Connection()
"""

COMMAND = """#!{python}
import json, os, sys
with open(os.environ["LOG"], "a") as log:
    log.write(json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:], os.environ["RELEASE_INITIALISED"]]) + "\\n")
sys.exit(3 if os.path.basename(sys.argv[0]) == os.environ["FAILING"] else 0)
"""


@pytest.fixture()
def release(tmp_path: Path) -> Any:
    """`release(present="base,web")`: (commands that were run, exit code, what was said)."""
    (tmp_path / "psycopg2.py").write_text(DRIVER.replace("\\\\", "\\"))
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("odoo", "click-odoo", "click-odoo-update"):
        (tools / name).write_text(COMMAND.format(python=sys.executable).replace("\\\\", "\\"))
        (tools / name).chmod(0o755)
    conf = tmp_path / "odoo.conf"
    conf.write_text(
        "[options]\ndb_host = acme-db-rw\ndb_port = 5432\ndb_user = u\ndb_password = p%d\n"
        "db_name = acme\ndb_sslmode = require\n"
    )
    log = tmp_path / "log"

    def run(
        *, present: str = "", series: str = "19", modules: str = "stock,sale", failing: str = "", comes_at: int = 2
    ) -> Any:
        script = SCRIPT.read_text().replace("POLL_SECONDS = 5.0", "POLL_SECONDS = 0.01")
        script = script.replace("DATABASE_SECONDS = 1800.0", "DATABASE_SECONDS = 0.2")
        copy = tmp_path / "release_database.py"
        copy.write_text(script)
        done = subprocess.run(
            [sys.executable, str(copy)],
            env={
                "ODOO_RC": str(conf),
                "PYTHONPATH": str(tmp_path),
                "PATH": f"{tools}",
                "LOG": str(log),
                "PRESENT": present,
                "FAILING": failing,
                "COMES_AT": str(comes_at),
                "RELEASE_SERIES": series,
                "RETAIL_MODULES": modules,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        lines = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return lines, done.returncode, done.stdout + done.stderr

    return run


FOUNDATION = "fs_attachment_s3,fs_storage_environment,queue_job"


def test_an_empty_database_is_initialised_and_its_hashes_taken_down(release: Any) -> None:
    ran, code, said = release()
    assert code == 0, said
    assert [line[0] for line in ran] == ["odoo", "click-odoo-update", "click-odoo"]
    install, hashes, settings = ran
    assert install[install.index("-i") + 1] == f"{FOUNDATION},sale,stock,web"
    for flag in ("--stop-after-init", "--no-http", "--workers=0", "--max-cron-threads=0"):
        assert flag in install
    assert "--only-compute-hashes" in hashes
    assert settings[-2].endswith("release_settings.py")
    assert settings[-1] == "1", "attachments that were made before the storage was known must be moved"


def test_demo_data_is_refused_in_the_words_of_the_series(release: Any) -> None:
    assert "--without-demo=all" in release(series="18")[0][0]


def test_19_wants_no_word_for_it(release: Any) -> None:
    assert "--without-demo=all" not in release(series="19")[0][0]


def test_an_upgrade_is_of_what_has_changed_alone(release: Any) -> None:
    ran, code, said = release(present=f"base,web,{FOUNDATION},stock,sale,account")
    assert code == 0, said
    assert [line[0] for line in ran] == ["click-odoo-update", "click-odoo"]
    assert "--only-compute-hashes" not in ran[0]
    assert ran[-1][-1] == ""


def test_what_the_image_asks_for_and_the_database_lacks_is_installed_first(release: Any) -> None:
    ran, _, _ = release(present="base,web,queue_job,sale", modules="stock,sale")
    assert [line[0] for line in ran] == ["odoo", "click-odoo-update", "click-odoo"]
    assert ran[0][ran[0].index("-i") + 1] == "fs_attachment_s3,fs_storage_environment,stock"
    assert "--only-compute-hashes" not in ran[1]


def test_a_failed_step_ends_it_before_the_next(release: Any) -> None:
    ran, code, said = release(present="base,web", failing="click-odoo-update")
    assert code == 1
    assert "click-odoo-update ended with 3" in said
    assert "click-odoo" not in [line[0] for line in ran]


def test_a_database_that_is_not_there_yet_is_waited_for(release: Any) -> None:
    assert "waiting for the database: no route to host" in release()[2]


def test_a_database_that_does_not_come_ends_the_release(release: Any) -> None:
    ran, code, said = release(comes_at=10_000)
    assert (ran, code) == ([], 1)
    assert "no database within 0 s: no route to host" in said
