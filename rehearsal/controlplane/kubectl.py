"""kubectl against one plane: the control plane's own program, whatever kubectl may be installed."""

import os
import subprocess
from collections.abc import Sequence

from rehearsal.controlplane.boot import Plane


def kubectl(plane: Plane, arguments: Sequence[str]) -> int:
    """Run kubectl on this terminal; returns its exit code."""
    return subprocess.run([plane.binaries["kubectl"], *arguments], env=_environment(plane), check=False).returncode


def kubectl_output(plane: Plane, arguments: Sequence[str]) -> tuple[bool, str]:
    """Run kubectl unseen: whether it went well, and all that it said."""
    done = subprocess.run(
        [plane.binaries["kubectl"], *arguments],
        env=_environment(plane),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout


def _environment(plane: Plane) -> dict[str, str]:
    """Its caches stay in the plane's folder and go with it."""
    return os.environ | {
        "KUBECONFIG": str(plane.kubeconfig),
        "KUBECACHEDIR": str(plane.folder / "kubectl-cache"),
    }
