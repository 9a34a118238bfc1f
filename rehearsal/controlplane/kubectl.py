"""kubectl against one plane: the control plane's own program, whatever kubectl may be installed."""

import os
import subprocess
from collections.abc import Sequence

from rehearsal.controlplane.boot import Plane


def kubectl(plane: Plane, arguments: Sequence[str]) -> int:
    """Run kubectl on this terminal; returns its exit code. Its caches stay in the plane's folder and go with it."""
    environment = os.environ | {
        "KUBECONFIG": str(plane.kubeconfig),
        "KUBECACHEDIR": str(plane.folder / "kubectl-cache"),
    }
    return subprocess.run([plane.binaries["kubectl"], *arguments], env=environment, check=False).returncode
