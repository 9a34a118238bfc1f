"""An API server, a PostgreSQL and an S3 that are played, and a clock that waiting moves."""

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

START = 1_800_000_000.0
"""When drills begin here."""

MANIFEST = {
    "metadata": {"name": "acme-drill", "namespace": "acme-production-drill"},
    "spec": {"externalClusters": [{"plugin": {"parameters": {"serverName": "acme-db-v18-1"}}}]},
}


class PlayedClusters:
    """Answers like the API server: the cluster appears on create, is ready after some reads, goes when deleted."""

    def __init__(self, *, ready_after: float = 2, left_over: bool = False, sticky: bool = False) -> None:
        self.ready_after, self.sticky, self.reads = ready_after, sticky, 0
        self.calls: list[str] = []
        self.there = left_over
        self.while_waiting: Callable[[], None] = lambda: None

    def create_cluster(self, manifest: dict[str, Any]) -> None:
        self.calls.append(f"create {manifest['metadata']['name']}")
        assert not self.there
        self.there = True

    def cluster(self, _name: str) -> dict[str, Any] | None:
        if not self.there:
            return None
        self.while_waiting()
        self.reads += 1
        ready = "True" if self.reads > self.ready_after else "False"
        return {"status": {"phase": "Setting up", "conditions": [{"type": "Ready", "status": ready}]}}

    def delete_cluster(self, name: str) -> None:
        self.calls.append(f"delete {name}")
        self.there = self.there and self.sticky

    def secret(self, name: str) -> dict[str, str] | None:
        assert name == "acme-drill-superuser"
        return {"username": "postgres", "password": "a-password"} if self.there else None


@dataclass
class PlayedPostgres:
    """What a restored cluster answers. Statements are told apart by a word in them."""

    databases: tuple[str, ...] = ("acme_production",)
    missing_tables: tuple[str, ...] = ()
    base_state: str = "installed"
    active_users: int = 3
    newest_commit: float | None = START - 60
    attachments: list[tuple[int, str, str]] = field(default_factory=list)
    opened: list[tuple[str, str, str, str]] = field(default_factory=list)
    closed: int = 0
    fails_on: str = ""

    class Error(Exception):
        pass

    def connect(self, host: str, database: str, user: str, password: str) -> Any:
        self.opened.append((host, database, user, password))
        return PlayedConnection(self, database)

    def answer(self, database: str, statement: str, parameters: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        if self.fails_on and self.fails_on in statement:
            raise self.Error("said no")
        if "datname" in statement:
            return [(name,) for name in self.databases]
        if "to_regclass('public.ir_module_module')" in statement:
            return [("ir_module_module" not in self.missing_tables,)]
        if "to_regclass(%s)" in statement:
            table = parameters[0].removeprefix("public.")
            return [(None if table in self.missing_tables else table,)]
        if "ir_module_module" in statement:
            return [(self.base_state,)]
        if "res_users" in statement:
            return [(self.active_users > 0,)]
        if "pg_database_size" in statement:
            return [(4096,)]
        if "pg_xact_commit_timestamp" in statement:
            before = parameters[1].timestamp()
            known = self.newest_commit is not None and self.newest_commit < before
            return [(datetime.fromtimestamp(self.newest_commit or 0, UTC) if known else None,)]
        if "ir_attachment" in statement:
            return list(self.attachments[: parameters[1]])
        raise AssertionError(f"an unknown statement in {database}: {statement}")


class PlayedConnection:
    def __init__(self, postgres: PlayedPostgres, database: str) -> None:
        self._postgres, self._database, self._rows = postgres, database, []  # type: ignore[var-annotated]  # filled below
        self.Error = postgres.Error

    def cursor(self) -> "PlayedConnection":
        return self

    def __enter__(self) -> "PlayedConnection":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def execute(self, statement: str, parameters: tuple[Any, ...]) -> None:
        self._rows = self._postgres.answer(self._database, statement, parameters)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._rows

    def close(self) -> None:
        self._postgres.closed += 1


class PlayedS3:
    """Versions of objects: (key, when, content); a later version hides an earlier one."""

    def __init__(self, *versions: tuple[str, float, bytes]) -> None:
        self._versions = versions

    def list_object_versions(self, *, Bucket: str, Prefix: str) -> dict[str, Any]:
        assert Bucket == "acme-filestore"
        found = [
            {"Key": key, "LastModified": datetime.fromtimestamp(when, UTC), "VersionId": str(index)}
            for index, (key, when, _content) in enumerate(self._versions)
            if key.startswith(Prefix)
        ]
        return {"Versions": found} if found else {}

    def get_object(self, *, Bucket: str, Key: str, VersionId: str) -> dict[str, Any]:
        key, _, content = self._versions[int(VersionId)]
        assert (Bucket, Key) == ("acme-filestore", key)
        return {"Body": PlayedBody(content)}


class PlayedBody:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def iter_chunks(self) -> list[bytes]:
        return [self._content[:3], self._content[3:]]


def sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
