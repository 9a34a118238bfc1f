"""Control planes come up, are repaired, and go without a trace."""

import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from rehearsal.controlplane import boot
from rehearsal.controlplane.boot import Plane
from rehearsal.controlplane.components import COMPONENTS, NODE_ANNOTATION
from rehearsal.controlplane.kubectl import kubectl
from rehearsal.controlplane.ports import free_ports, is_free
from rehearsal.errors import RehearsalError, UserError
from rehearsal.progress import QuietProgress

QUIET = QuietProgress()
CANARY = "canary-5f2c9e71"

# Brings up the plane named on the command line, as another command would.
START = """
import sys
from rehearsal.controlplane import boot
from rehearsal.progress import LineProgress
boot.start(sys.argv[1], LineProgress(sys.stderr))
"""


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """One control plane for the tests that leave it healthy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REHEARSAL_HOME", str(tmp_path_factory.mktemp("home")))
        yield boot.start("dev", QUIET)
        boot.stop("dev", QUIET)


@pytest.fixture
def name(home: Path) -> Iterator[str]:  # noqa: ARG001 - planes of the test lie in a home of their own
    """The name of a plane that is gone after the test."""
    yield "other"
    boot.stop("other", QUIET)


def ask(plane: Plane, *arguments: str, given: object = None) -> str:
    """What kubectl prints; objects to create go in as `given`."""
    command = [str(plane.binaries["kubectl"]), f"--kubeconfig={plane.kubeconfig}", *arguments]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.1)


def start_elsewhere(name: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.Popen([sys.executable, "-c", START, name], env=environment, stderr=subprocess.PIPE, text=True)


def marked(folder: Path) -> list[psutil.Process]:
    """Every process that mentions a plane's folder in its arguments."""
    return [each for each in psutil.process_iter(["cmdline"]) if str(folder) in " ".join(each.info["cmdline"] or ())]


def node(name: str) -> dict[str, Any]:
    room = {"cpu": "4", "memory": "16Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "annotations": dict([NODE_ANNOTATION])},
        "status": {"allocatable": room, "capacity": room},
    }


def workload(kind: str, name: str, **spec: object) -> dict[str, Any]:
    template = {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "image": "none"}], **spec},
    }
    deployment = {"replicas": 2, "selector": {"matchLabels": {"app": name}}}
    return {
        "apiVersion": "apps/v1" if kind == "Deployment" else "batch/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"template": template, **(deployment if kind == "Deployment" else {})},
    }


@pytest.mark.cluster
def test_pods_are_placed_and_ready_and_jobs_complete(plane: Plane) -> None:
    ask(plane, "create", "-f-", given=node("node-1"))
    ask(plane, "create", "-f-", given=workload("Deployment", "web"))
    ask(plane, "create", "-f-", given=workload("Job", "once", restartPolicy="Never"))
    ask(plane, "wait", "--for=condition=Ready", "node/node-1", "--timeout=60s")
    ask(plane, "rollout", "status", "deployment/web", "--timeout=60s")
    ask(plane, "wait", "--for=condition=Complete", "job/once", "--timeout=60s")


@pytest.mark.cluster
def test_clients_see_the_version_that_was_built(plane: Plane) -> None:
    versions = json.loads(ask(plane, "version", "-o", "json"))
    assert versions["serverVersion"]["gitVersion"] == versions["clientVersion"]["gitVersion"] == "v1.35.4"
    assert (versions["serverVersion"]["major"], versions["serverVersion"]["minor"]) == ("1", "35")


@pytest.mark.cluster
def test_second_start_changes_nothing(plane: Plane) -> None:
    assert boot.start("dev", QUIET) == boot.attach("dev") == plane
    assert boot.running("dev")
    assert boot.planes() == ["dev"]
    state = boot.status("dev")
    assert list(state) == list(COMPONENTS)
    assert all(each.pid and each.resident for each in state.values())


@pytest.mark.cluster
def test_secret_is_not_in_plain_text_on_disk(plane: Plane) -> None:
    ask(plane, "create", "secret", "generic", "canary", f"--from-literal=password={CANARY}")
    ask(plane, "create", "configmap", "canary", "--from-literal=plain=plain-7d31")
    on_disk = b"".join(path.read_bytes() for path in (plane.folder / "etcd").rglob("*") if path.is_file())
    assert b"plain-7d31" in on_disk  # so the search does find what is there
    assert CANARY.encode() not in on_disk
    assert ask(plane, "get", "secret", "canary", "-o", "go-template={{.data.password | base64decode}}") == CANARY


@pytest.mark.cluster
def test_nobody_gets_in_without_a_certificate(plane: Plane) -> None:
    for component in COMPONENTS[:2]:
        context = ssl._create_unverified_context()  # noqa: S323 - a stranger does not care who answers
        with (
            pytest.raises(OSError, match=r"certificate required|bad certificate|401"),
            socket.create_connection(("127.0.0.1", plane.ports[component])) as connection,
            context.wrap_socket(connection) as stranger,
        ):
            stranger.sendall(b"GET /version HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            raise OSError(stranger.recv(100).decode())


@pytest.mark.cluster
def test_pod_security_refuses(plane: Plane) -> None:
    label = {"pod-security.kubernetes.io/enforce": "restricted"}
    ask(
        plane,
        "create",
        "-f-",
        given={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strict", "labels": label}},
    )
    pod = {"metadata": {"name": "bad", "namespace": "strict"}, "spec": {"containers": [{"name": "a", "image": "b"}]}}
    with pytest.raises(AssertionError, match="violates PodSecurity"):
        ask(plane, "create", "-f-", given={"apiVersion": "v1", "kind": "Pod", **pod})


@pytest.mark.cluster
def test_kubectl_passes_its_exit_code_on(plane: Plane, capfd: pytest.CaptureFixture[str]) -> None:
    assert kubectl(plane, ["get", "namespace", "default", "-o", "name"]) == 0
    assert capfd.readouterr().out == "namespace/default\n"
    assert kubectl(plane, ["get", "nonsense"]) == 1


@pytest.mark.cluster
@pytest.mark.parametrize("component", COMPONENTS)
def test_killed_component_comes_back_and_the_others_stay(plane: Plane, component: str) -> None:
    before = {each: state.pid for each, state in boot.status("dev").items()}
    psutil.Process(before[component]).kill()
    eventually(lambda: not boot.running("dev"))
    after = boot.start("dev", QUIET)
    assert {each for each in COMPONENTS if after.processes[each] != before[each]} == {component}
    assert after.ports == plane.ports
    ask(after, "get", "namespaces")


@pytest.mark.cluster
def test_nodes_are_kept_alive_at_once_after_everything_was_killed(plane: Plane) -> None:
    ask(plane, "create", "-f-", given=node("node-2"))
    ask(plane, "wait", "--for=condition=Ready", "node/node-2", "--timeout=60s")
    for state in boot.status("dev").values():
        psutil.Process(state.pid).kill()
    eventually(lambda: not boot.running("dev"))
    after = boot.start("dev", QUIET)
    assert after.url == plane.url
    lease = "{.spec.holderIdentity}"
    eventually(lambda: ask(after, "get", "lease", "-n", "kube-node-lease", "-o", "name").count("node-2") == 1)
    assert ask(after, "get", "lease", "-n", "kube-node-lease", "node-2", "-o", f"jsonpath={lease}")
    ask(after, "create", "-f-", given=workload("Deployment", "later"))
    ask(after, "rollout", "status", "deployment/later", "--timeout=30s")


@pytest.mark.cluster
def test_stop_leaves_nothing(name: str, home: Path) -> None:
    plane = boot.start(name, QUIET)
    boot.register_process(plane, "standins", [sys.executable, "-c", "import time; time.sleep(600)", str(home)], {})
    boot.register_process(plane, "standins", [sys.executable, "-c", "import time; time.sleep(600)", str(home)], {})
    standins = psutil.Process(boot.status(name)["standins"].pid)
    # A process that has only just begun may be without an environment yet.
    eventually(lambda: standins.environ().get("KUBECONFIG") == str(plane.client_kubeconfig("standins")))
    assert len(marked(home)) == len(COMPONENTS) + 1
    assert boot.stop(name, QUIET)
    assert not marked(home)
    assert all(map(is_free, plane.ports.values()))
    assert not list(home.iterdir())
    assert not boot.stop(name, QUIET)
    assert not boot.status(name)


@pytest.mark.cluster
def test_interrupted_stop_is_repeated(name: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    boot.start(name, QUIET)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("rehearsal.controlplane.boot.shutil.rmtree", _interrupt)
        boot.stop(name, QUIET)
    assert boot.stop(name, QUIET)
    assert not list(home.iterdir())


@pytest.mark.cluster
def test_stop_ends_a_plane_whose_folder_was_deleted_by_hand(name: str, home: Path) -> None:
    boot.start(name, QUIET)
    shutil.rmtree(home)
    assert boot.stop(name, QUIET)
    assert not marked(home)
    assert not list(home.iterdir())


@pytest.mark.cluster
def test_taken_ports_are_gone_around(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first = boot.start(name, QUIET)
    for state in boot.status(name).values():
        psutil.Process(state.pid).kill()
    eventually(lambda: is_free(first.ports["etcd"]) and is_free(first.ports["kube-apiserver"]))
    racing = free_ports(1)[0]
    found = iter([[racing]])  # free when asked for, but another program is quicker
    monkeypatch.setattr(boot, "free_ports", lambda count: next(found, None) or free_ports(count))
    with (
        socket.create_server(("127.0.0.1", first.ports["etcd"])),
        socket.create_server(("127.0.0.1", first.ports["kube-apiserver"])),
        socket.create_server(("127.0.0.1", racing)),
    ):
        second = boot.start(name, QUIET)
        assert not {first.ports["etcd"], first.ports["kube-apiserver"], racing} & set(second.ports.values())
        ask(second, "get", "namespaces")


@pytest.mark.cluster
def test_component_that_can_not_start_is_shown_with_its_last_words(name: str) -> None:
    plane = boot.start(name, QUIET)
    boot_key = plane.folder / "pki" / "etcd.key"
    key = boot_key.read_bytes()
    psutil.Process(plane.processes["etcd"]).kill()
    boot_key.write_bytes(b"not a key")
    eventually(lambda: not boot.running(name))
    with pytest.raises(RehearsalError, match=r"(?s)etcd ended while starting.*tls: failed to find any PEM data"):
        boot.start(name, QUIET)
    boot_key.write_bytes(key)
    assert boot.start(name, QUIET).ports == plane.ports


@pytest.mark.cluster
def test_interrupted_start_is_finished_by_the_next(name: str) -> None:
    first = start_elsewhere(name)
    eventually(lambda: bool(boot.status(name)) and boot.status(name)["kube-apiserver"].pid is not None)
    first.send_signal(signal.SIGINT)
    assert first.wait(30) != 0
    boot.start(name, QUIET)
    assert boot.running(name)


@pytest.mark.cluster
def test_two_starts_at_once_make_one_plane(name: str, home: Path) -> None:
    commands = [start_elsewhere(name), start_elsewhere(name)]
    said = [command.communicate(timeout=120)[1] for command in commands]
    assert [command.returncode for command in commands] == [0, 0]
    assert sum(f"waiting for another rehearsal command at work on {name}" in each for each in said) == 1
    assert len(marked(home)) == len(COMPONENTS)


@pytest.mark.cluster
def test_two_planes_side_by_side_share_nothing(name: str) -> None:
    one, two = boot.start(name, QUIET), boot.start("second", QUIET)
    try:
        assert not set(one.ports.values()) & set(two.ports.values())
        ask(one, "create", "namespace", "only-here")
        with pytest.raises(AssertionError, match="not found"):
            ask(two, "get", "namespace", "only-here")
        with pytest.raises(AssertionError, match="x509"):
            ask(one, "--server", two.url, "get", "namespaces")
        assert boot.planes() == [name, "second"]
    finally:
        boot.stop("second", QUIET)
    assert boot.running(name)


@pytest.mark.parametrize("bad", ["", "../up", "a/b", ".hidden", "a b"])
@pytest.mark.usefixtures("home")
def test_name_that_is_no_folder_is_the_users_mistake(bad: str) -> None:
    with pytest.raises(UserError, match="can't name a control plane"):
        boot.start(bad, QUIET)


@pytest.mark.usefixtures("home")
def test_plane_that_does_not_run_can_not_be_attached_to() -> None:
    with pytest.raises(UserError, match=r"dev is not running \(running: none\)"):
        boot.attach("dev")


def test_nothing_there_is_no_error(home: Path) -> None:
    assert not boot.stop("dev", QUIET)
    assert not boot.running("dev")
    assert boot.status("dev") == {}
    assert boot.planes() == []
    assert not home.exists()


def _interrupt(*_arguments: object) -> None:
    raise KeyboardInterrupt
