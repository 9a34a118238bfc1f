import asyncio
import os
import sys
import threading
from pathlib import Path

import pytest

from rehearsal.engine.isolation import environment, project_environment, run_in_fresh_loop, settled


def test_executors_run_at_once_and_in_this_thread() -> None:
    seen: list[object] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(None, lambda: seen.append(threading.current_thread()))
        assert future.done()
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(None, lambda: 1 / 0)

    run_in_fresh_loop(main)

    assert seen == [threading.current_thread()]


def test_a_failure_ends_all_that_still_runs() -> None:
    ended: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("forever")

    async def main() -> None:
        task = asyncio.create_task(forever())
        await asyncio.sleep(0)
        assert not task.done()
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        run_in_fresh_loop(main)
    assert ended == ["forever"]


def test_settled_waits_for_what_tasks_begin_in_their_turn() -> None:
    done: list[int] = []

    async def chain(left: int) -> None:
        await asyncio.sleep(0)
        if left:
            begun.append(asyncio.create_task(chain(left - 1)))
        done.append(left)

    begun: list[asyncio.Task[None]] = []

    async def main() -> None:
        begun.append(asyncio.create_task(chain(5)))
        await settled()
        assert sorted(done) == [0, 1, 2, 3, 4, 5]

    run_in_fresh_loop(main)


def test_settled_does_not_wait_for_what_a_failure_left_hanging() -> None:
    async def fail() -> None:
        raise ValueError

    async def main() -> None:
        tasks = [asyncio.create_task(fail()), asyncio.create_task(asyncio.Event().wait())]
        await settled()
        assert [task.done() for task in tasks] == [True, False]

    run_in_fresh_loop(main)


def test_the_environment_is_put_back_even_after_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REHEARSAL_TEST_OLD", "before")
    monkeypatch.delenv("REHEARSAL_TEST_NEW", raising=False)

    with pytest.raises(RuntimeError), environment({"REHEARSAL_TEST_OLD": "now", "REHEARSAL_TEST_NEW": "now"}):
        assert (os.environ["REHEARSAL_TEST_OLD"], os.environ["REHEARSAL_TEST_NEW"]) == ("now", "now")
        raise RuntimeError

    assert os.environ["REHEARSAL_TEST_OLD"] == "before"
    assert "REHEARSAL_TEST_NEW" not in os.environ


def test_what_is_installed_below_a_project_is_not_its_own(tmp_path: Path) -> None:
    project = tmp_path.resolve()
    installed = project / ".venv" / "lib" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "installed_thing.py").write_text("")
    (project / "own_thing.py").write_text("")
    sys.path.insert(0, str(installed))
    try:
        with project_environment(project):
            __import__("installed_thing")
            __import__("own_thing")
        assert "installed_thing" in sys.modules
        assert "own_thing" not in sys.modules
    finally:
        sys.path.remove(str(installed))
        sys.modules.pop("installed_thing", None)


def test_our_own_package_is_never_taken_away(tmp_path: Path) -> None:
    (tmp_path / "rehearsal").mkdir()
    (tmp_path / "rehearsal" / "x.py").write_text("")
    ours = sys.modules["rehearsal"]

    with project_environment(tmp_path.resolve()):
        assert sys.modules["rehearsal"] is ours
