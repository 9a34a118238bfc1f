"""The table of daemons: started once, found again, ended without a trace."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from rehearsal.controlplane.files import write_private
from rehearsal.controlplane.processes import ProcessTable
from rehearsal.errors import RehearsalError

SLEEPER = [sys.executable, "-c", "import time; print('awake', flush=True); time.sleep(600)"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "plane"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def table(folder: Path) -> Iterator[ProcessTable]:
    table = ProcessTable(folder)
    yield table
    table.stop()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def running(table: ProcessTable, name: str) -> psutil.Process:
    pid = table.pid(name)
    assert pid is not None
    return psutil.Process(pid)


def test_daemon_is_detached_and_logs_to_its_file(table: ProcessTable) -> None:
    assert table.ensure("one", SLEEPER, {})
    process = running(table, "one")
    assert os.getsid(process.pid) == process.pid
    eventually(lambda: table.log_tail("one") == "awake")
    assert stat.S_IMODE(table.log("one").stat().st_mode) == 0o600
    assert table.resident()["one"] > 0


def test_same_again_changes_nothing_even_for_another_command(table: ProcessTable, folder: Path) -> None:
    table.ensure("one", SLEEPER, {"A": "1"})
    before = running(table, "one")
    assert not ProcessTable(folder).ensure("one", SLEEPER, {"A": "1"})
    assert running(table, "one") == before


def test_other_arguments_environment_or_inputs_start_it_anew(table: ProcessTable, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("a")
    table.ensure("one", SLEEPER, {}, [config])
    seen = [running(table, "one")]
    config.write_text("b")
    for argv, env in ((SLEEPER, {}), ([*SLEEPER, "more"], {}), (SLEEPER, {"A": "1"})):
        assert table.ensure("one", argv, env, [config])
        seen.append(running(table, "one"))
        assert not seen[-2].is_running()
    assert len(set(seen)) == 4


def test_killed_daemon_is_not_running_and_starts_again(table: ProcessTable) -> None:
    table.ensure("one", SLEEPER, {})
    first = running(table, "one")
    first.kill()
    eventually(lambda: table.pid("one") is None)
    called = []
    assert table.ensure("one", SLEEPER, {}, before_start=lambda: called.append(table.pid("one")))
    assert called == [None]
    assert running(table, "one") != first


def test_reused_pid_is_not_taken_for_the_daemon(table: ProcessTable, folder: Path) -> None:
    table.ensure("one", SLEEPER, {})
    table.stop()
    record = {"pid": os.getpid(), "began": psutil.Process().create_time() - 60, "identity": "x"}
    (folder / "processes" / "one.json").write_text(json.dumps(record))
    assert table.pid("one") is None
    table.stop()  # and this very process lives on
    assert table.names() == []


def test_environment_can_not_configure_a_daemon(table: ProcessTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ETCD_NAME", "surprise")
    table.ensure("one", SLEEPER, {"OURS": "1"})
    eventually(lambda: table.log_tail("one") == "awake")  # right after exec the kernel shows none at all
    environment = running(table, "one").environ()
    assert "ETCD_NAME" not in environment
    assert environment["OURS"] == "1"


def test_stop_ends_one_and_leaves_the_other(table: ProcessTable) -> None:
    for name in ("one", "two"):
        table.ensure(name, SLEEPER, {})
    one, two = running(table, "one"), running(table, "two")
    table.stop(["one"])
    assert not one.is_running()
    assert two.is_running()
    assert table.names() == ["two"]


def test_stop_ends_children_even_in_sessions_of_their_own(table: ProcessTable, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    child = f"subprocess.Popen({SLEEPER!r}, start_new_session=True)"
    script = f"import pathlib, subprocess; pathlib.Path({str(pid_file)!r}).write_text(str({child}.pid))"
    table.ensure("parent", [sys.executable, "-c", script], {})
    eventually(lambda: pid_file.exists() and bool(pid_file.read_text()))
    orphan = psutil.Process(int(pid_file.read_text()))
    eventually(lambda: table.pid("parent") is None)
    table.stop(["parent"])
    psutil.wait_procs([orphan], timeout=10)
    assert not orphan.is_running()


def test_stop_kills_what_does_not_listen(table: ProcessTable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rehearsal.controlplane.processes._GRACE", 0.5)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True)"
    table.ensure("deaf", [sys.executable, "-c", f"{deaf}; time.sleep(600)"], {})
    process = running(table, "deaf")
    eventually(lambda: table.log_tail("deaf") == "deaf")
    table.stop()
    assert not process.is_running()


def test_daemon_without_a_record_is_found_and_ended(table: ProcessTable, folder: Path) -> None:
    table.ensure("one", SLEEPER, {})
    process = running(table, "one")
    (folder / "processes" / "one.json").unlink()
    assert table.pid("one") is None
    table.ensure("one", SLEEPER, {})
    assert not process.is_running()
    stray = running(table, "one")
    (folder / "processes" / "one.json").unlink()
    table.stop()
    assert not stray.is_running()


def test_stop_leaves_the_daemons_of_other_planes(table: ProcessTable, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = ProcessTable(tmp_path / "other")
    other.ensure("one", SLEEPER, {})
    table.ensure("one", SLEEPER, {})
    table.stop()
    assert other.pid("one") is not None
    other.stop()


def test_interrupt_between_start_and_record_is_held_back(table: ProcessTable, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(path: Path, content: bytes) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        write_private(path, content)

    monkeypatch.setattr("rehearsal.controlplane.processes.write_private", interrupted)
    with pytest.raises(KeyboardInterrupt):
        table.ensure("one", SLEEPER, {})
    assert table.pid("one") is not None


def test_missing_program_is_one_clear_error(table: ProcessTable) -> None:
    with pytest.raises(RehearsalError, match=r"one can't be started: /nowhere: No such file"):
        table.ensure("one", ["/nowhere"], {})
    assert table.names() == []


def test_daemon_outlives_the_command_that_started_it(table: ProcessTable, folder: Path) -> None:
    script = (
        f"from rehearsal.controlplane.processes import ProcessTable as T; from pathlib import Path as P; "
        f"T(P({str(folder)!r})).ensure('one', {SLEEPER!r}, {{}})"
    )
    root = str(Path(__file__).parents[3])
    subprocess.run([sys.executable, "-c", script], check=True, env=os.environ | {"PYTHONPATH": root})
    assert running(table, "one").is_running()
