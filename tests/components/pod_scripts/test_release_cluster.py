"""The release's questions to the API server, against a server that keeps what it is told."""

import http.server
import json
import threading
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.pod_scripts import release_cluster
from components.pod_scripts.release_cluster import Api, checkpoint, main, outdated, quiesce

OLD, NEW = "registry.example/odoo@sha256:" + "0" * 64, "registry.example/odoo@sha256:" + "1" * 64


class Server(http.server.ThreadingHTTPServer):
    """Deployments with their pods, and Backups that go through `phases`, one at each look."""

    def __init__(self, phases: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.images: dict[str, str] = {}
        self.replicas: dict[str, int] = {}
        self.scaled: dict[str, dict[str, str]] = {}
        self.ending = 3
        self.phases = phases
        self.backups: dict[str, Any] = {}
        self.outages = 0
        self.tokens: set[str] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server, url = self.server, urllib.parse.urlparse(self.path)
        server.tokens.add(self.headers["Authorization"])
        what = url.path.partition("/namespaces/acme/")[2]
        kind, _, name = what.partition("/")
        if server.outages:
            server.outages -= 1
            self.answer(503, {})
        elif kind == "deployments" and name in server.images:
            container = {"name": "odoo", "image": server.images[name]}
            self.answer(200, {"spec": {"template": {"spec": {"containers": [container]}}}})
        elif kind == "scaledobjects" and name in server.scaled:
            self.answer(200, {"metadata": {"annotations": server.scaled[name]}})
        elif kind == "pods":
            (selector,) = urllib.parse.parse_qs(url.query)["labelSelector"]
            assert selector == "retail/tier in (scheduled,jobrunner)"
            running = sum(server.replicas.values())
            server.ending -= running == 0
            left = running or max(0, server.ending)
            self.answer(200, {"items": [{"metadata": {"name": f"pod-{number}"}} for number in range(left)]})
        elif kind == "backups" and name in server.backups:
            phase = server.phases.pop(0)
            self.answer(200, {"status": {"phase": phase, "error": "the bucket is away"}})
        else:
            self.answer(404, {})

    def do_POST(self) -> None:
        manifest = self.body()
        self.server.backups[manifest["metadata"]["name"]] = manifest
        self.answer(201, manifest)

    def do_PATCH(self) -> None:
        assert self.headers["Content-Type"] == "application/merge-patch+json"
        kind, name = self.path.removesuffix("/scale").split("/")[-2:]
        if kind == "scaledobjects":
            self.server.scaled[name] |= self.body()["metadata"]["annotations"]
            assert name not in self.server.replicas, "KEDA would undo it"
        else:
            assert self.path.endswith("/scale")
            self.server.replicas[name] = self.body()["spec"]["replicas"]
        self.answer(200, {})

    def body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, code: int, value: Any) -> None:
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(value).encode())

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


@pytest.fixture()
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(release_cluster, "POLL_SECONDS", 0.01)
    with Server(["running", "completed"]) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture()
def api(server: Server, tmp_path: Path) -> Api:
    (tmp_path / "namespace").write_text("acme")
    (tmp_path / "token").write_text("first")
    return Api(server.url, tmp_path)


def test_only_what_exists_and_runs_another_image_is_outdated(server: Server, api: Api) -> None:
    names = ["scheduled", "jobrunner"]
    assert outdated(api, names, NEW) == [], "a first deployment"
    server.images = {"scheduled": OLD, "jobrunner": NEW}
    assert outdated(api, names, NEW) == ["scheduled"]


def test_quiet_is_when_the_last_pod_has_ended(server: Server, api: Api) -> None:
    server.replicas = {"scheduled": 2, "jobrunner": 2}
    quiesce(api, ["scheduled", "jobrunner"])
    assert server.replicas == {"scheduled": 0, "jobrunner": 0}
    assert server.ending == 0, "it did not wait for pods that were finishing their work"


def test_what_keda_owns_is_paused_first(server: Server, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELEASE_QUIESCED", "scheduled,jobrunner")
    monkeypatch.setenv("RELEASE_IMAGE", NEW)
    monkeypatch.setattr(Api, "of_pod", lambda: api)
    server.images = {"scheduled": OLD, "jobrunner": OLD}
    server.scaled = {"scheduled": {"autoscaling.keda.sh/paused": "false"}}
    main("quiesce", "paused")
    assert server.scaled == {"scheduled": {"autoscaling.keda.sh/paused": "true"}}
    assert server.replicas == {"scheduled": 0, "jobrunner": 0}


def test_a_checkpoint_is_waited_for(server: Server, api: Api) -> None:
    checkpoint(api, "acme-db", "barman-cloud.cloudnative-pg.io", "release-1")
    assert server.phases == []
    manifest = server.backups["release-1"]
    assert manifest["spec"]["cluster"] == {"name": "acme-db"}
    assert manifest["spec"]["method"] == "plugin"


def test_a_failed_checkpoint_ends_the_release(server: Server, api: Api) -> None:
    server.phases = ["running", "failed"]
    with pytest.raises(RuntimeError, match="release-1 failed: the bucket is away"):
        checkpoint(api, "acme-db", "plugin", "release-1")


def test_an_api_server_that_is_being_replaced_is_waited_for(
    server: Server, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    created = api.create

    def create_and_go_away(*what: Any) -> None:
        created(*what)
        server.outages = 2

    monkeypatch.setattr(api, "create", create_and_go_away)
    checkpoint(api, "acme-db", "plugin", "release-1")
    assert (server.outages, server.phases) == (0, [])


def test_the_token_is_the_newest(server: Server, api: Api, tmp_path: Path) -> None:
    outdated(api, ["scheduled"], NEW)
    (tmp_path / "token").write_text("second")
    outdated(api, ["scheduled"], NEW)
    assert server.tokens == {"Bearer first", "Bearer second"}
