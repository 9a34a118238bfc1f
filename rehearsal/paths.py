"""Where the rehearsal keeps things: built binaries in the user's cache, running planes beside the project.

`REHEARSAL_CACHE` and `REHEARSAL_HOME` override both, so that tests and CI can have folders of their own.
"""

import os
from pathlib import Path

import platformdirs

PROJECT_DIR = Path(__file__).resolve().parent.parent


def cache_dir() -> Path:
    """The folder of what is built or fetched once per user: binaries, CRDs, the Go toolchain."""
    override = os.environ.get("REHEARSAL_CACHE")
    return _private(Path(override) if override else platformdirs.user_cache_path("retail-rehearsal"))


def home_dir() -> Path:
    """The folder that holds one folder per control plane; in the project, so that two clones never meet."""
    override = os.environ.get("REHEARSAL_HOME")
    return Path(override) if override else PROJECT_DIR / ".rehearsal"


def plane_dir(plane: str) -> Path:
    """The folder of one control plane, named by the stack that owns the EKS cluster. It may not exist yet."""
    return home_dir() / plane


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
