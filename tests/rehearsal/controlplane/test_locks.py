"""Locks across processes."""

import subprocess
import sys
from pathlib import Path

from rehearsal.controlplane.locks import exclusive
from rehearsal.progress import QuietProgress

HOLD = "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print('held', flush=True); input()"


def test_holder_may_enter_again(tmp_path: Path) -> None:
    lock = tmp_path / "new" / "a.lock"
    with exclusive(lock, "itself", QuietProgress()), exclusive(lock, "itself", QuietProgress()) as held:
        assert held.is_locked


def test_killed_holder_leaves_no_lock(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate()
    with exclusive(lock, "nobody", QuietProgress()) as held:
        assert held.is_locked
