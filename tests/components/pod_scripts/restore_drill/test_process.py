"""The drill as a process: its environment, the API server's answers, what it tells, and how it ends."""

import base64
import email.message
import io
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import types
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.pod_scripts.restore_drill import __main__ as process
from components.pod_scripts.restore_drill import database, kubernetes_api, metrics
from components.pod_scripts.restore_drill.report import Report

from .conftest import MANIFEST, START, PlayedClusters, PlayedPostgres


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> kubernetes_api.KubernetesApi:
    (tmp_path / "token").write_text("a-token")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(kubernetes_api, "ACCOUNT", tmp_path)
    monkeypatch.setattr(ssl, "create_default_context", lambda cafile: cafile)
    return kubernetes_api.KubernetesApi("acme-production-drill")


CLUSTERS = "https://10.0.0.1:443/apis/postgresql.cnpg.io/v1/namespaces/acme-production-drill/clusters"


@pytest.mark.parametrize(
    ("code", "method", "outcome"),
    [(404, "get", None), (403, "get", RuntimeError), (404, "create", RuntimeError), (503, "get", ConnectionError)],
)
def test_answers_of_the_api_server(
    api: kubernetes_api.KubernetesApi, monkeypatch: pytest.MonkeyPatch, code: int, method: str, outcome: Any
) -> None:
    asked = []

    def answer(request: Any, **_: Any) -> None:
        asked.append(request)
        raise urllib.error.HTTPError(request.full_url, code, "said so", email.message.Message(), None)

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    call: Callable[[], Any] = (
        (lambda: api.create_cluster(MANIFEST)) if method == "create" else (lambda: api.cluster("acme-drill"))
    )
    if outcome is None:
        assert call() is None
    else:
        with pytest.raises(outcome) as caught:
            call()
        assert "a-token" not in str(caught.value)
    assert asked[0].full_url == (CLUSTERS if method == "create" else f"{CLUSTERS}/acme-drill")
    assert asked[0].get_header("Authorization") == "Bearer a-token"


def test_a_secret_is_decoded(api: kubernetes_api.KubernetesApi, monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({"data": {"username": base64.b64encode(b"postgres").decode()}}).encode()
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: io.BytesIO(body))
    assert api.secret("acme-drill-superuser") == {"username": "postgres"}


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The process with everything around it played; `created` is the manifest that the drill sent."""
    seen: dict[str, Any] = {"postgres": PlayedPostgres(newest_commit=None), "log": tmp_path / "termination-log"}
    clusters = PlayedClusters()
    create = clusters.create_cluster

    def created(manifest: dict[str, Any]) -> None:
        seen["created"] = manifest
        create(manifest)

    monkeypatch.setattr(clusters, "create_cluster", created)
    (tmp_path / "cluster.json").write_text(json.dumps(MANIFEST))
    environment = {
        "DRILL_MANIFEST": str(tmp_path / "cluster.json"),
        "DRILL_TIMEOUT_SECONDS": "600",
        "DRILL_ALLOWED_AGE_SECONDS": "3900",
        "DRILL_DATABASE": "acme_production",
        "DRILL_BUCKET": "",
        "DRILL_PREFIX": "",
        "DRILL_SAMPLE": "50",
        "DRILL_LINGER_SECONDS": "90",
        "DRILL_JOB": "restore-drill-1",
        "DRILL_JOB_UID": "a-uid",
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(process, "TERMINATION_LOG", seen["log"])
    monkeypatch.setattr(process, "KubernetesApi", lambda _namespace: clusters)
    monkeypatch.setattr(process, "connect", lambda *given: seen["postgres"].connect(*given))
    monkeypatch.setattr(process, "serve", lambda report, seconds: seen.update(served=(report.proven, seconds)))
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    return seen


def test_the_outcome_is_told_in_three_ways(played: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert process.main() == 1
    played["postgres"].newest_commit = time.time() - 60
    assert process.main() == 0
    report = json.loads(played["log"].read_text())
    assert report["proven"] is True
    assert report["source"] == "acme-db-v18-1"
    assert json.loads(capsys.readouterr().out.splitlines()[-1]) == report
    assert played["served"] == (True, 90.0)


def test_the_scratch_cluster_belongs_to_the_job(played: dict[str, Any]) -> None:
    """So Kubernetes removes it with the job, whatever happened to the drill."""
    process.main()
    assert played["created"]["metadata"]["ownerReferences"] == [
        {"apiVersion": "batch/v1", "kind": "Job", "name": "restore-drill-1", "uid": "a-uid"}
    ]


def test_the_program_runs_as_it_is_mounted(tmp_path: Path) -> None:
    """`python3 -m restore_drill` out of a folder with nothing but its files: no import may need the repository."""
    (tmp_path / "restore_drill").mkdir()
    for file in Path(process.__file__).parent.glob("*.py"):
        (tmp_path / "restore_drill" / file.name).write_text(file.read_text())
    run = subprocess.run(
        [sys.executable, "-I", "-c", "import sys; sys.path.insert(0, '.'); import restore_drill.__main__"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, "")


def test_connections_are_encrypted_and_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    class Error(Exception):
        pass

    def connect(**arguments: Any) -> Any:
        given.update(arguments)
        if arguments["dbname"] == "gone":
            raise Error("no such database\n")
        return types.SimpleNamespace(autocommit=False)

    monkeypatch.setitem(sys.modules, "psycopg2", types.SimpleNamespace(connect=connect, Error=Error))
    assert database.connect("host", "acme", "postgres", "a-password").autocommit is True
    assert given["sslmode"] == "require"
    assert "default_transaction_read_only=on" in given["options"]
    with pytest.raises(database.DatabaseError, match=r"^gone: no such database$"):
        database.connect("host", "gone", "postgres", "a-password")


def report(**changes: Any) -> Report:
    given: dict[str, Any] = {"source": "s", "started": START, "seconds": {"restore": 20.0, "database": 2.0}, **changes}
    return Report(**given)


def test_metrics_are_in_prometheus_format() -> None:
    text = metrics.exposition(report(recovered_to=START - 60, size=4096))
    sample = re.compile(r'^restore_drill_[a-z_]+(\{phase="[a-z]+"\})? [0-9.]+$')
    assert all(line.startswith("# ") or sample.match(line) for line in text.splitlines())
    for line in (
        'restore_drill_duration_seconds{phase="restore"} 20.0',
        "restore_drill_data_age_seconds 60.0",
        "restore_drill_checks_failed 0.0",
        f"restore_drill_success_timestamp_seconds {START + 22}",
        f"restore_drill_recovered_to_timestamp_seconds {START - 60}",
    ):
        assert line in text.splitlines()


def test_a_failure_has_no_success_timestamp() -> None:
    text = metrics.exposition(report(failures=["no", "no"]))
    assert "restore_drill_checks_failed 2.0" in text
    assert "success_timestamp" not in text and "recovered_to" not in text


def test_metrics_are_served_for_a_while() -> None:
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    server = threading.Thread(target=metrics.serve, args=(report(), 1.0, port))
    server.start()
    for _ in range(50):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
                body = answer.read().decode()
            break
        except OSError:
            threading.Event().wait(0.02)
    assert "restore_drill_duration_seconds" in body
    server.join(timeout=5)
    assert not server.is_alive()
