"""Running the go command so that a person sees it move, and Ctrl-C leaves nothing of it behind."""

import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

from rehearsal.controlplane.interrupts import deferred
from rehearsal.controlplane.toolchain import Go
from rehearsal.errors import RehearsalError

_TAIL_LINES = 12


def run_go(go: Go, arguments: Sequence[str], folder: Path, scratch: Path, on_line: Callable[[str], None]) -> None:
    """Run `go arguments` in `folder`, handing each line it prints to `on_line`; work files go to `scratch`.

    Raises RehearsalError with the last lines when go fails. Compilers run in go's process group, which ends as a
    whole when this is interrupted.
    """
    tail: deque[str] = deque(maxlen=_TAIL_LINES)
    process = subprocess.Popen(
        [go.command, *arguments],
        cwd=folder,
        env=go.environment() | {"GOTMPDIR": str(scratch)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    try:
        for line in process.stdout or ():
            tail.append(line.rstrip())
            on_line(tail[-1])
        code = process.wait()
    except BaseException:
        with deferred():
            _end_group(process)
        raise
    if code:
        hint = "" if _has_network(tail) else "\nIs the Go module registry reachable from here (GOPROXY, HTTPS_PROXY)?"
        raise RehearsalError(f"go {arguments[0]} failed (exit code {code}):\n" + "\n".join(tail) + hint)


def _end_group(process: subprocess.Popen[str]) -> None:
    for signum, patience in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, signum)
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue
        except ProcessLookupError:
            return


def _has_network(lines: Sequence[str] | deque[str]) -> bool:
    signs = ("dial tcp", "no such host", "proxyconnect", "i/o timeout", "connection refused", "TLS handshake")
    return not any(sign in line for line in lines for sign in signs)
