"""How long `up` takes once everything is built, and how much memory the control plane has then."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rehearsal.bench.figures import Figure
from rehearsal.paths import PROJECT_DIR
from rehearsal.progress import Progress

_MEMORY_GOAL = 1024.0


def measure_up(stack: str, goal: float, progress: Progress) -> list[Figure]:
    """`up` from nothing, again with nothing changed, memory, `down`: as a user runs them, in a folder of its own."""
    from rehearsal.controlplane.build import ensure_binaries
    from rehearsal.crds.catalogue import load_crds

    ensure_binaries(progress)
    load_crds(progress)
    with tempfile.TemporaryDirectory(prefix="rehearsal-bench-", ignore_cleanup_errors=True) as home:
        try:
            with progress.step(f"up {stack}"):
                first = _timed(home, f"up {stack}", goal, "up", stack)
            with progress.step(f"up {stack} again"):
                again = _timed(home, f"up {stack}, nothing changed", None, "up", stack)
            return [first, again, *_memory(home, stack)]
        finally:
            _run(home, "down", stack)


def _timed(home: str, name: str, goal: float | None, *arguments: str) -> Figure:
    group = " ".join(arguments)
    started = time.monotonic()
    ended = _run(home, *arguments)
    seconds = time.monotonic() - started
    if ended.returncode:
        said = ended.stderr.strip().splitlines()
        reason = f"ended with {ended.returncode} after {seconds:.0f} s: {said[-1] if said else 'no message'}"
        return Figure(group, name, None, "s", goal, reason)
    return Figure(group, name, seconds, "s", goal, "wall clock, binaries and CRDs in the cache")


def _memory(home: str, stack: str) -> list[Figure]:
    """Resident memory of what runs for the stack: of the control plane, and of the stand-ins beside it."""
    from rehearsal.controlplane.components import COMPONENTS
    from rehearsal.controlplane.processes import ProcessTable

    sizes = {name: size / 2**20 for name, size in ProcessTable(Path(home) / stack).resident().items()}
    plane = {name: size for name, size in sizes.items() if name in COMPONENTS}
    if not plane:
        return []
    parts = ", ".join(f"{name} {size:.0f}" for name, size in sorted(plane.items(), key=lambda item: -item[1]))
    group = f"up {stack}"
    beside = sum(sizes.values()) - sum(plane.values())
    return [
        Figure(group, "resident memory of the control plane", sum(plane.values()), "MiB", _MEMORY_GOAL, parts),
        Figure(group, "resident memory of the stand-ins", beside, "MiB"),
    ]


def _run(home: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "REHEARSAL_HOME": home}
    argv = [sys.executable, "-m", "rehearsal", *arguments]
    return subprocess.run(argv, cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, check=False)
