"""One at a time, across processes: the second waits, and says for what."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from rehearsal.progress import Progress


@contextmanager
def exclusive(lock_file: Path, waiting_for: str, progress: Progress) -> Generator[BaseFileLock]:
    """Hold the lock of that file. The kernel frees it when its holder dies, so no lock is ever stale.

    Re-entrant within a process: who holds it already passes.
    """
    lock_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = FileLock(lock_file, mode=0o600, is_singleton=True)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        with progress.step(f"waiting for {waiting_for}"):
            lock.acquire(poll_interval=0.1)
    try:
        yield lock
    finally:
        lock.release()
