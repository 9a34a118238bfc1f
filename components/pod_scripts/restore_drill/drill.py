"""The drill itself: restore, look into the data, compare attachments, remove everything.

It proves that the newest base backup and the WAL after it give a cluster that accepts connections within the time
allowed, that Odoo is in it, that its newest commit is as young as promised, and that the attachments it names are there
and unchanged. It does not start Odoo.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from .database import Connect, Database, DatabaseError, odoo_databases
from .filestore import Attachment, Filestore
from .report import Report

POLL_SECONDS = 10
DELETION_TIMEOUT_SECONDS = 300


class Clusters(Protocol):
    """What the drill needs of the Kubernetes API (kubernetes_api.py)."""

    def create_cluster(self, manifest: dict[str, Any]) -> None: ...
    def cluster(self, name: str) -> dict[str, Any] | None: ...
    def delete_cluster(self, name: str) -> None: ...
    def secret(self, name: str) -> dict[str, str] | None: ...


@dataclass(frozen=True)
class Expectations:
    """timeout_seconds: the restore must be done by then. allowed_age_seconds: of the newest commit, when it starts.

    database: the one that must have Odoo in it; empty for whichever have. sample: attachments to compare, of each.
    """

    timeout_seconds: float
    allowed_age_seconds: float
    database: str
    sample: int


class Drill:
    def __init__(
        self,
        *,
        api: Clusters,
        manifest: dict[str, Any],
        connect: Connect,
        filestore: Filestore | None,
        expectations: Expectations,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._api, self._manifest, self._connect, self._filestore = api, manifest, connect, filestore
        self._expected, self._now = expectations, now
        self._name: str = manifest["metadata"]["name"]
        self._namespace: str = manifest["metadata"]["namespace"]

    def run(self) -> Report:
        """The whole drill. What goes wrong is in the report; whatever happens, the scratch cluster is removed."""
        source = self._manifest["spec"]["externalClusters"][0]["plugin"]["parameters"]["serverName"]
        report = Report(source=source, started=self._now())
        attachments: list[Attachment] = []
        try:
            with _noted(report):
                self._remove()  # what a drill that was killed has left
                with _timed(report, "restore"):
                    self._restore()
                with _timed(report, "database"):
                    attachments = self._look_into(report)
        finally:
            with _noted(report):
                self._remove()
        with _noted(report), _timed(report, "filestore"):
            self._compare(report, attachments)
        return report

    def _restore(self) -> None:
        """Raises TimeoutError where the cluster isn't ready in time."""
        deadline = time.monotonic() + self._expected.timeout_seconds
        self._api.create_cluster(self._manifest)
        while True:
            try:
                cluster = self._api.cluster(self._name) or {}
            except OSError:
                cluster = {}  # EKS replaces its API servers now and then; the deadline stands
            if _ready(cluster):
                return
            if time.monotonic() > deadline:
                phase = cluster.get("status", {}).get("phase", "unknown")
                raise TimeoutError(f"not ready within {self._expected.timeout_seconds:.0f} s; phase: {phase}")
            time.sleep(POLL_SECONDS)

    def _look_into(self, report: Report) -> list[Attachment]:
        """The checks of the data, and a sample of the attachments it names."""
        secret = self._api.secret(f"{self._name}-superuser")
        if secret is None:
            raise RuntimeError(f"the operator made no {self._name}-superuser")
        host = f"{self._name}-rw.{self._namespace}.svc"

        def opened(database: str) -> Database:
            return Database(self._connect(host, database, secret["username"], secret["password"]), database)

        wanted = self._expected.database
        with opened("postgres") as postgres:
            found = odoo_databases(postgres, opened)
            report.size = postgres.total_size()
            report.recovered_to = postgres.newest_commit(before=report.started)
        report.databases = found
        if wanted and wanted not in found:
            report.failures.append(f"database {wanted} is not there, or has no Odoo in it")
        report.failures += _age_failures(report, self._expected)
        attachments: list[Attachment] = []
        for database in found:
            with opened(database) as odoo:
                report.failures += odoo.failures()
                if self._filestore is not None:
                    attachments += odoo.attachments(self._expected.sample)
        return attachments

    def _compare(self, report: Report, attachments: list[Attachment]) -> None:
        if self._filestore is None:
            return
        before = report.recovered_to or report.started
        for attachment in attachments:
            if failure := self._filestore.failure(attachment, before=before):
                report.failures.append(failure)
            report.attachments += 1

    def _remove(self) -> None:
        """Delete the scratch cluster and wait until it is gone. Raises TimeoutError."""
        self._api.delete_cluster(self._name)
        deadline = time.monotonic() + DELETION_TIMEOUT_SECONDS
        while self._api.cluster(self._name) is not None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._name} is still there {DELETION_TIMEOUT_SECONDS} s after its deletion")
            time.sleep(POLL_SECONDS)


def _age_failures(report: Report, expected: Expectations) -> list[str]:
    if report.recovered_to is None:
        return ["no commit times came back: track_commit_timestamp must be on in the source"]
    age = report.started - report.recovered_to
    if age > expected.allowed_age_seconds:
        return [f"the newest commit is {age:.0f} s old, allowed are {expected.allowed_age_seconds:.0f} s"]
    return []


def _ready(cluster: dict[str, Any]) -> bool:
    conditions = cluster.get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


@contextmanager
def _noted(report: Report) -> Iterator[None]:
    """What fails inside goes into the report. That a phase fails must not hide what failed before it."""
    try:
        yield
    except (RuntimeError, OSError, DatabaseError) as error:
        report.failures.append(str(error))


@contextmanager
def _timed(report: Report, phase: str) -> Iterator[None]:
    started = time.monotonic()
    try:
        yield
    finally:
        report.seconds[phase] = time.monotonic() - started
