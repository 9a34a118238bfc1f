"""The build into the cache: once, whole or not at all, one at a time."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from rehearsal.controlplane.build import PERSONALITIES, Sources, ensure_binaries
from rehearsal.errors import RehearsalError
from rehearsal.progress import LineProgress, QuietProgress
from retail.versions import KUBERNETES

FakeGo = Callable[..., Path]
QUIET = QuietProgress()

# Builds `sources` (as given on the command line) with plain-line progress.
BUILD = """
import sys
from pathlib import Path
from rehearsal.controlplane.build import Sources, ensure_binaries
from rehearsal.controlplane.interrupts import end_like_ctrl_c
from rehearsal.progress import LineProgress
end_like_ctrl_c()
ensure_binaries(LineProgress(sys.stderr), Sources(Path(sys.argv[1]), Path(sys.argv[2]), *sys.argv[3:5], ("node.yaml",)))
"""


def build_elsewhere(sources: Sources) -> subprocess.Popen[str]:
    arguments = [str(sources.kube), str(sources.kwok), sources.kwok_module, sources.kwok_package]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.Popen(
        [sys.executable, "-c", BUILD, *arguments], env=environment, stderr=subprocess.PIPE, text=True
    )


def wait_for(path: Path) -> str:
    """The content of a file that is about to be written."""
    deadline = time.monotonic() + 30
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < deadline, f"{path} never came"
        time.sleep(0.02)
    return path.read_text()


def test_kubernetes_is_the_one_the_program_pins() -> None:
    assert Sources().kubernetes_version().startswith(f"v{KUBERNETES}.")


def test_etcd_is_the_one_kubernetes_is_built_against() -> None:
    text = (Sources().kube / "go.mod").read_text()
    server, client = (
        next(line.split()[1] for line in text.splitlines() if line.strip().startswith(f"go.etcd.io/etcd/{part}/v3 v"))
        for part in ("server", "client")
    )
    assert server == client


def test_complete_build_has_every_personality_and_the_stages(cache: Path, fake_go: FakeGo, sources: Sources) -> None:
    fake_go()
    binaries = ensure_binaries(QUIET, sources)
    assert {binaries[name].read_text() for name in (*PERSONALITIES, "kwok")} == {"built\n"}
    assert binaries.kwok_stages.read_text() == "kind: Stage\n---\nkind: Stage\n"
    assert binaries.folder.parent == cache
    assert sorted(each.name for each in cache.iterdir()) == ["build.lock", binaries.folder.name]


@pytest.mark.usefixtures("cache")
def test_second_call_needs_no_go(fake_go: FakeGo, sources: Sources) -> None:
    command = fake_go()
    first = ensure_binaries(QUIET, sources)
    command.unlink()
    assert ensure_binaries(QUIET, sources) == first


@pytest.mark.usefixtures("cache")
def test_changed_sources_are_built_anew(fake_go: FakeGo, sources: Sources) -> None:
    fake_go()
    first = ensure_binaries(QUIET, sources)
    (sources.kube / "main.go").write_text("package main\n\nfunc main() {}\n")
    assert ensure_binaries(QUIET, sources) != first


def test_failed_build_shows_what_go_said_and_leaves_nothing(cache: Path, fake_go: FakeGo, sources: Sources) -> None:
    fake_go(build="echo 'main.go:3: undefined: x'; exit 1")
    with pytest.raises(RehearsalError, match="undefined: x") as caught:
        ensure_binaries(QUIET, sources)
    assert caught.value.exit_code == 1
    assert "GOPROXY" not in str(caught.value)
    assert [each.name for each in cache.iterdir()] == ["build.lock"]


@pytest.mark.usefixtures("cache")
def test_unreachable_registry_is_named_as_the_likely_cause(fake_go: FakeGo, sources: Sources) -> None:
    fake_go(build="echo 'go: x@v1: dial tcp 127.0.0.1:9: connect: connection refused'; exit 1")
    with pytest.raises(RehearsalError, match="Is the Go module registry reachable"):
        ensure_binaries(QUIET, sources)


def test_half_a_build_of_a_killed_command_is_removed(cache: Path, fake_go: FakeGo, sources: Sources) -> None:
    fake_go()
    half = cache / f"{sources.folder_name()}.partial"
    half.mkdir(parents=True)
    (half / "kubernetes").write_text("half")
    binaries = ensure_binaries(QUIET, sources)
    assert binaries["etcd"].read_text() == "built\n"
    assert not half.exists()


def test_second_of_two_builds_waits_and_says_so(cache: Path, tmp_path: Path, fake_go: FakeGo, sources: Sources) -> None:
    builds, go_on = tmp_path / "builds", tmp_path / "go-on"
    fake_go(build=f'echo build >> {builds}; while [ ! -e {go_on} ]; do sleep 0.05; done; echo built > "$output"')
    first = build_elsewhere(sources)
    wait_for(builds)
    second = build_elsewhere(sources)
    assert second.stderr is not None
    assert "waiting for another rehearsal that builds the control plane" in second.stderr.readline()
    go_on.touch()
    assert (first.wait(30), second.wait(30)) == (0, 0)
    assert builds.read_text() == "build\n" * 2  # Kubernetes and KWOK, each once
    assert len(list(cache.glob("controlplane-*"))) == 1


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_ends_compilers_and_leaves_nothing(
    cache: Path, tmp_path: Path, fake_go: FakeGo, sources: Sources, signum: signal.Signals
) -> None:
    pids = tmp_path / "pids"
    fake_go(build=f"sleep 600 & echo $$ $! > {pids}; wait")
    command = build_elsewhere(sources)
    go_and_compiler = [psutil.Process(int(pid)) for pid in wait_for(pids).split()]
    command.send_signal(signum)
    assert command.wait(30) != 0
    _gone, alive = psutil.wait_procs(go_and_compiler, timeout=10)
    assert not alive
    assert [each.name for each in cache.iterdir()] == ["build.lock"]
    fake_go()
    assert ensure_binaries(QUIET, sources)["kwok"].exists()


@pytest.mark.cluster
def test_real_go_builds_what_runs(cache: Path, sources: Sources, capfd: pytest.CaptureFixture[str]) -> None:
    binaries = ensure_binaries(LineProgress(sys.stderr), sources)
    shown = capfd.readouterr().err
    assert "building Kubernetes" in shown
    assert subprocess.run([binaries["kubectl"]], capture_output=True, text=True).stderr.endswith("kubectl\n")
    assert subprocess.run([binaries["kwok"]], capture_output=True, text=True).stderr == "kwok\n"
    assert not list(cache.glob("*.partial"))
