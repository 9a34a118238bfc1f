"""The API client: against a server that misbehaves on purpose, and against a real one."""

import json
import socket
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.cluster.client import ApiError, Client
from rehearsal.cluster.nodes import node_manifest
from rehearsal.errors import RehearsalError, UserError

CANARY = "canary-77ab21"
CORE = {
    "items": [
        {
            "metadata": {},
            "versions": [
                {
                    "version": "v1",
                    "resources": [
                        {
                            "resource": "configmaps",
                            "responseKind": {"kind": "ConfigMap"},
                            "scope": "Namespaced",
                            "verbs": ["get"],
                        }
                    ],
                }
            ],
        }
    ]
}
Answer = tuple[int, Any]
TAINT = {"key": "cl", "value": "test", "effect": "NoSchedule"}  # keeps the pods of other tests away


class FakeServer:
    """An API server that answers `/version` and discovery, and everything else from a script, one answer a request."""

    def __init__(self, folder: Path) -> None:
        self.version = {"gitVersion": "v1.35.4"}
        self.script: list[Answer] = []
        self.requests: list[tuple[str, str, str]] = []
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                fake.requests.append((self.command, self.path, self.headers.get("Authorization", "")))
                known = {"/version": fake.version, "/api": CORE, "/apis": {"items": []}}.get(self.path)
                status, body = (200, known) if known else fake.script.pop(0)
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.end_headers()
                self.wfile.write(content)

            do_PATCH = do_DELETE = do_POST = do_GET

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: pytest shows stderr."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.kubeconfig = write_kubeconfig(folder, self.url)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def asked(self, path: str) -> int:
        return sum(request[1].startswith(path) for request in self.requests)


def write_kubeconfig(folder: Path, server: str, user: dict[str, Any] | None = None) -> Path:
    file = folder / "kubeconfig"
    content = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", **({"user": "u"} if user else {})}}],
        "users": [{"name": "u", "user": user}] if user else [],
        "current-context": "c",
    }
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FakeServer]:
    fake = FakeServer(tmp_path)
    yield fake
    fake.close()


def status(code: int, reason: str, message: str = "no") -> Answer:
    return code, {"kind": "Status", "reason": reason, "message": message}


def item(name: str, version: str = "7") -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "resourceVersion": version}}


def listing(*names: str, version: str = "5") -> Answer:
    return 200, {"metadata": {"resourceVersion": version}, "items": [item(name) for name in names]}


def events(*lines: tuple[str, dict[str, Any]]) -> Answer:
    return 200, b"".join(json.dumps({"type": kind, "object": thing}).encode() + b"\n" for kind, thing in lines)


@pytest.mark.parametrize("error", [RehearsalError, UserError])
def test_a_cluster_that_is_not_there_is_one_message(tmp_path: Path, error: type[RehearsalError]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(error, match=rf"not reachable at {url}") as raised:
        Client(write_kubeconfig(tmp_path, url), error=error)
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is not a kubeconfig"),
        (f"token: [{CANARY}", "is not YAML"),
        ("clusters: []\ncontexts: []\ncurrent-context: gone", "Context 'gone' not found"),
        ("clusters: []\ncontexts: []", "No current context"),
        ("clusters: []", "incomplete or malformed near 'contexts'"),
        ("clusters: 5\ncontexts: []", "incomplete or malformed"),
    ],
)
def test_a_kubeconfig_that_is_wrong_is_one_message_that_names_it(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(content)
    with pytest.raises(UserError, match=said) as raised:
        Client(file, error=UserError)
    assert "mine.yaml" in str(raised.value)
    assert CANARY not in str(raised.value)


def test_a_kubeconfig_that_is_missing_is_one_message(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere\.yaml: can't be read"):
        Client(tmp_path / "nowhere.yaml", error=UserError)


def test_a_server_that_is_no_cluster_is_one_message(server: FakeServer) -> None:
    server.version = {"server": "nginx"}
    with pytest.raises(UserError, match="is no Kubernetes API server"):
        Client(server.kubeconfig, error=UserError)


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_credentials_plugin_is_asked_for_the_token(server: FakeServer, tmp_path: Path, version: str) -> None:
    plugin = {
        "apiVersion": f"client.authentication.k8s.io/{version}",
        "command": sys.executable,
        "args": ["-c", 'print(\'{"status": {"token": "t0ken"}}\')'],
    }
    Client(write_kubeconfig(tmp_path, server.url, {"exec": plugin}), error=UserError)
    assert server.requests[-1] == ("GET", "/version", "Bearer t0ken")


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("/no/such/aws", []),
        (sys.executable, ["-c", "raise SystemExit('no login')"]),
        (sys.executable, ["-c", "print('{}')"]),
    ],
)
def test_a_credentials_plugin_that_fails_is_the_kubeconfigs_fault(
    server: FakeServer, tmp_path: Path, command: str, arguments: list[str]
) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": command, "args": arguments}
    with pytest.raises(UserError, match="credentials plugin"):
        Client(write_kubeconfig(tmp_path, server.url, {"exec": plugin}), error=UserError)


@pytest.fixture
def fake(server: FakeServer) -> Iterator[Client]:
    with Client(server.kubeconfig) as client:
        yield client


def test_an_overloaded_server_is_asked_again(server: FakeServer, fake: Client) -> None:
    server.script = [status(429, "TooManyRequests"), status(503, "ServiceUnavailable"), (200, item("a"))]
    found = fake.get("v1", "ConfigMap", "a", "shop")
    assert found == item("a")
    assert server.asked("/api/v1/namespaces/shop/configmaps/a") == 3


def test_asking_again_has_an_end(server: FakeServer, fake: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    server.script = [status(503, "ServiceUnavailable", "overloaded")] * 50
    with pytest.raises(ApiError, match="ConfigMap shop/a: overloaded") as raised:
        fake.get("v1", "ConfigMap", "a", "shop")
    assert (raised.value.status, raised.value.reason) == (503, "ServiceUnavailable")


def test_a_refusal_is_not_asked_again(server: FakeServer, fake: Client) -> None:
    server.script = [status(403, "Forbidden", "quota exceeded")]
    with pytest.raises(ApiError, match="quota exceeded") as raised:
        fake.get("v1", "ConfigMap", "a", "shop")
    assert raised.value.reason == "Forbidden"
    assert server.asked("/api/v1/namespaces/shop/configmaps/a") == 1


def test_credentials_that_expired_are_one_message(server: FakeServer, fake: Client) -> None:
    server.script = [status(401, "Unauthorized")]
    with pytest.raises(RehearsalError, match="does not accept its credentials"):
        fake.get("v1", "ConfigMap", "a", "shop")


def test_a_long_list_comes_in_pages(server: FakeServer, fake: Client) -> None:
    first = {"metadata": {"resourceVersion": "5", "continue": "next"}, "items": [item("a")]}
    server.script = [(200, first), listing("b")]
    assert [found["metadata"]["name"] for found in fake.list("v1", "ConfigMap").items] == ["a", "b"]
    assert "continue=next" in server.requests[-1][1]


def test_a_watch_resumes_where_a_connection_ended(server: FakeServer, fake: Client) -> None:
    server.script = [
        listing("a"),
        events(("MODIFIED", item("a", "8"))),
        (200, b'{"type": "ADDED", "obj'),  # cut off within a line
        events(("BOOKMARK", item("", "11"))),
        events(("DELETED", item("a", "12"))),
    ]
    watch = fake.watch("v1", "ConfigMap", "shop")
    assert [next(watch).type for _ in range(4)] == ["ADDED", "SYNCED", "MODIFIED", "DELETED"]
    watches = [path for _, path, _ in server.requests if "watch=true" in path]
    versions = [path.split("resourceVersion=")[1].split("&")[0] for path in watches]
    assert versions == ["5", "8", "8", "11"]


@pytest.mark.parametrize("gone", [events(("ERROR", {"code": 410})), status(410, "Expired")])
def test_a_watch_that_lost_its_place_tells_what_vanished_meanwhile(
    server: FakeServer, fake: Client, gone: Answer
) -> None:
    server.script = [listing("a", "b"), gone, listing("b", "c", version="20")]
    watch = fake.watch("v1", "ConfigMap", "shop")
    told = [(event.type, event.object.get("metadata", {}).get("name")) for event in islice(watch, 7)]
    assert told == [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("SYNCED", None),
        ("DELETED", "a"),
        ("ADDED", "b"),
        ("ADDED", "c"),
        ("SYNCED", None),
    ]


def test_a_watch_stops_when_told(server: FakeServer, fake: Client) -> None:
    stop = threading.Event()
    server.script = [listing("a"), events(("MODIFIED", item("a", "8")), ("MODIFIED", item("a", "9")))]
    told = []
    for event in fake.watch("v1", "ConfigMap", stop=stop):
        told.append(event.type)
        if event.type == "MODIFIED":
            stop.set()
    assert told == ["ADDED", "SYNCED", "MODIFIED"]


def config_map(name: str, namespace: str, **data: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


@pytest.mark.cluster
class TestRealServer:
    def test_an_object_from_creation_to_deletion(self, client: Client, namespace: str) -> None:
        applied = client.apply(config_map("one", namespace, a="1"))
        assert client.get("v1", "ConfigMap", "one", namespace) == applied
        patched = client.patch("v1", "ConfigMap", "one", {"data": {"b": "2"}}, namespace)
        assert patched["data"] == {"a": "1", "b": "2"}
        listed = client.list("v1", "ConfigMap", namespace, fields="metadata.name=one").items
        assert listed == [patched]
        with pytest.raises(ApiError, match="precondition"):
            client.delete("v1", "ConfigMap", "one", namespace, uid="another")
        assert client.delete("v1", "ConfigMap", "one", namespace, uid=applied["metadata"]["uid"])
        assert not client.delete("v1", "ConfigMap", "one", namespace)
        assert client.get("v1", "ConfigMap", "one", namespace) is None

    def test_a_dry_run_does_nothing(self, client: Client, namespace: str) -> None:
        client.apply(config_map("one", namespace), dry_run=True)
        assert client.get("v1", "ConfigMap", "one", namespace) is None

    def test_creating_what_exists_is_a_conflict(self, client: Client, namespace: str) -> None:
        client.create(config_map("one", namespace))
        with pytest.raises(ApiError) as raised:
            client.create(config_map("one", namespace))
        assert (raised.value.status, raised.value.reason) == (409, "AlreadyExists")

    def test_a_missing_namespace_is_told_before_asking(self, client: Client) -> None:
        with pytest.raises(RehearsalError, match=r"metadata\.namespace is missing"):
            client.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})

    def test_a_secret_is_never_quoted(self, client: Client, namespace: str) -> None:
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": namespace}}
        for wrong in ({"data": {"password": f"{CANARY}!"}}, {"stringData": {f"{CANARY} key": CANARY}}):
            with pytest.raises(ApiError) as raised:
                client.apply({**secret, **wrong})
            assert CANARY not in str(raised.value).replace(f"{CANARY} key", "")

    def test_metadata_alone_can_be_listed(self, client: Client, namespace: str) -> None:
        client.apply(config_map("one", namespace, a="1"))
        (found,) = client.list("v1", "ConfigMap", namespace, fields="metadata.name=one", metadata_only=True).items
        assert (found["kind"], found["metadata"]["name"]) == ("ConfigMap", "one")
        assert "data" not in found

    def test_a_watch_tells_every_step(self, client: Client, namespace: str) -> None:
        watch = client.watch("v1", "ConfigMap", namespace, fields="metadata.name=one")
        assert next(watch).type == "SYNCED"
        client.apply(config_map("one", namespace))
        client.apply(config_map("one", namespace, a="1"))
        client.delete("v1", "ConfigMap", "one", namespace)
        assert [next(watch).type for _ in range(3)] == ["ADDED", "MODIFIED", "DELETED"]

    def test_an_eviction_respects_the_budget(self, client: Client, namespace: str) -> None:
        node = node_manifest(namespace, zone="eu-central-1a", instance_type="m7i.large", labels={}, taints=[TAINT])
        client.apply(node)
        metadata = {"name": "one", "namespace": namespace, "labels": {"app": "one"}}
        spec = {"nodeName": namespace, "tolerations": [TAINT], "containers": [{"name": "main", "image": "i"}]}
        budget = {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "one"}}}
        client.apply({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata, "spec": budget})
        client.apply({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        for event in client.watch("v1", "Pod", namespace):  # only of a running pod may there be too few
            if event.object.get("status", {}).get("phase") == "Running":
                break
        assert client.evict("one", namespace) is False
        client.delete("policy/v1", "PodDisruptionBudget", "one", namespace)
        assert client.evict("one", namespace) is True
        assert client.evict("another", namespace) is False
        client.delete("v1", "Node", namespace)
