"""How long `up` takes once everything is built, and how much memory the control plane has then."""

import os
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

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
                first = _up(home, stack, f"up {stack}, programs built", goal)
            with progress.step(f"up {stack} again"):
                again = _up(home, stack, f"up {stack}, nothing changed", None)
            return [*first, *again, *_memory(home, stack)]
        finally:
            _run(home, "down", stack)


def _up(home: str, stack: str, name: str, goal: float | None) -> list[Figure]:
    """Seconds that pass, and those that the command and the control plane compute: on a busy machine these say more."""
    computed = _cpu_seconds(home, stack)
    started = time.monotonic()
    ended = _run(home, "up", stack)
    seconds = time.monotonic() - started
    if ended.returncode:
        said = ended.stderr.strip().splitlines()
        reason = f"ended with {ended.returncode} after {seconds:.0f} s: {said[-1] if said else 'no message'}"
        return [Figure(stack, name, None, "s", goal, reason)]
    computed = _cpu_seconds(home, stack) - computed
    return [
        Figure(stack, name, seconds, "s", goal),
        Figure(stack, "  computing time of it", computed, "s", note="of the command and the control plane"),
    ]


def _cpu_seconds(home: str, stack: str) -> float:
    """CPU seconds used so far by our children and by the control plane of `stack`."""
    from rehearsal.controlplane.processes import ProcessTable

    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = usage.ru_utime + usage.ru_stime
    table = ProcessTable(Path(home) / stack)
    for pid in filter(None, map(table.pid, table.names())):
        with suppress(psutil.NoSuchProcess):  # it ended just now
            times = psutil.Process(pid).cpu_times()
            seconds += times.user + times.system
    return seconds


def _memory(home: str, stack: str) -> list[Figure]:
    """Resident memory of what runs for the stack: of the control plane, and of the stand-ins beside it."""
    from rehearsal.controlplane.components import COMPONENTS
    from rehearsal.controlplane.processes import ProcessTable

    sizes = {name: size / 2**20 for name, size in ProcessTable(Path(home) / stack).resident().items()}
    plane = {name: size for name, size in sizes.items() if name in COMPONENTS}
    if not plane:
        return []
    largest = sorted(plane.items(), key=lambda item: -item[1])
    parts = ", ".join(f"{name.removeprefix('kube-')} {size:.0f}" for name, size in largest)
    beside = sum(sizes.values()) - sum(plane.values())
    return [
        Figure(stack, "resident memory of the control plane", sum(plane.values()), "MiB", _MEMORY_GOAL, parts),
        Figure(stack, "resident memory of the stand-ins", beside, "MiB"),
    ]


def _run(home: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "REHEARSAL_HOME": home}
    argv = [sys.executable, "-m", "rehearsal", *arguments]
    return subprocess.run(argv, cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, check=False)
