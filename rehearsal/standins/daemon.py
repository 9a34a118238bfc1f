"""Has the stand-ins run beside their control plane, as one of its daemons."""

import sys
from pathlib import Path

from rehearsal.controlplane.boot import Plane, register_process
from rehearsal.paths import PROJECT_DIR

PROCESS = "standins"
"""The daemon's name, its log's, and its client certificate's."""


def ensure_running(plane: Plane) -> None:
    """Starts the stand-ins of a running control plane, or leaves them be; `controlplane.boot.stop` ends them."""
    register_process(plane, PROCESS, command(plane.folder, plane.client_kubeconfig(PROCESS)), environment())


def command(folder: Path, kubeconfig: Path) -> list[str]:
    return [sys.executable, "-m", "rehearsal.standins", "--plane-dir", str(folder), "--kubeconfig", str(kubeconfig)]


def environment() -> dict[str, str]:
    """What the process needs that a daemon does not inherit: the project, as it runs in the plane's folder."""
    return {"PYTHONPATH": str(PROJECT_DIR)}
