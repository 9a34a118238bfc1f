"""The control plane's programs, built once from their Go modules into the user's cache.

Two modules: `go/` is one multi-call program that is etcd, kube-apiserver, kube-controller-manager, kube-scheduler or
kubectl by its own name; `kwok/` is KWOK, on its own because it wants newer Kubernetes libraries than ours.
Seen with Go 1.26 on 2 cores: 7 minutes and 2.4 GB at most from an empty Go cache, 190 MB on disk.
"""

import hashlib
import platform
import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rehearsal.controlplane.golang import run_go
from rehearsal.controlplane.locks import exclusive
from rehearsal.controlplane.toolchain import Go, find_go, needed_version
from rehearsal.errors import RehearsalError
from rehearsal.paths import cache_dir
from rehearsal.progress import Progress

_HERE = Path(__file__).resolve().parent
PERSONALITIES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl")

# What KWOK's nodes and pods do, from KWOK's own module: without Stage objects it exits with "no stages found".
KWOK_STAGES = (
    "kustomize/stage/node/fast/node-initialize.yaml",
    "kustomize/stage/node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "kustomize/stage/pod/fast/pod-ready.yaml",
    "kustomize/stage/pod/fast/pod-complete.yaml",
    "kustomize/stage/pod/fast/pod-delete.yaml",
)


@dataclass(frozen=True)
class Sources:
    """The two Go modules to build from; another folder in tests."""

    kube: Path = _HERE / "go"
    kwok: Path = _HERE / "kwok"
    kwok_module: str = "sigs.k8s.io/kwok"
    kwok_package: str = "sigs.k8s.io/kwok/cmd/kwok"
    stages: tuple[str, ...] = KWOK_STAGES

    def kubernetes_version(self) -> str:
        """The Kubernetes version of go.mod, such as `v1.35.4`."""
        match = re.search(r"^\s*k8s\.io/kubernetes (v\S+)", (self.kube / "go.mod").read_text(), re.MULTILINE)
        if match is None:
            raise RehearsalError(f"{self.kube / 'go.mod'} requires no k8s.io/kubernetes")
        return match[1]

    def folder_name(self) -> str:
        """The name of the cache folder: everything that makes a difference to what is in it."""
        digest = hashlib.sha256()
        for source in sorted((*self.kube.iterdir(), *self.kwok.iterdir())):
            digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
        for text in (*_link_flags(self.kubernetes_version()), *self.stages):
            digest.update(text.encode() + b"\0")
        target = f"{platform.system()}-{platform.machine()}".lower()
        return f"controlplane-{self.kubernetes_version()}-{target}-{digest.hexdigest()[:12]}"


@dataclass(frozen=True)
class Binaries:
    """A complete build."""

    folder: Path

    def __getitem__(self, personality: str) -> Path:
        """The program of that name: one of PERSONALITIES, or `kwok`."""
        return self.folder / personality

    @property
    def kwok_stages(self) -> Path:
        """A YAML file with KWOK's Stage objects."""
        return self.folder / "kwok-stages.yaml"


def ensure_binaries(progress: Progress, sources: Sources | None = None) -> Binaries:
    """The programs, built now if they are not in the cache yet.

    A build happens in a folder of its own, which gets its name only when complete; the second of two builds waits.
    Raises RehearsalError with go's last words when it fails.
    """
    sources = sources or Sources()
    folder = cache_dir() / sources.folder_name()
    if not folder.exists():
        with exclusive(cache_dir() / "build.lock", "another rehearsal that builds the control plane", progress):
            for stale in cache_dir().glob("controlplane-*.partial"):
                shutil.rmtree(stale)  # of a build that was killed: whoever builds holds the lock
            if not folder.exists():
                _build(sources, folder, progress)
    return Binaries(folder)


def _build(sources: Sources, folder: Path, progress: Progress) -> None:
    go = find_go(needed_version(sources.kube / "go.mod", sources.kwok / "go.mod"), progress)
    partial = folder.with_name(f"{folder.name}.partial")
    scratch = partial / "scratch"
    scratch.mkdir(mode=0o700, parents=True)
    try:
        flags = _link_flags(sources.kubernetes_version())
        _compile(go, sources.kube, ".", flags, partial / "kubernetes", scratch, "Kubernetes", progress)
        _compile(go, sources.kwok, sources.kwok_package, flags[:2], partial / "kwok", scratch, "KWOK", progress)
        for name in PERSONALITIES:
            (partial / name).symlink_to("kubernetes")
        _write_stages(go, sources, partial / "kwok-stages.yaml")
        shutil.rmtree(scratch)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _compile(
    go: Go,
    module: Path,
    package: str,
    flags: Iterable[str],
    output: Path,
    scratch: Path,
    title: str,
    progress: Progress,
) -> None:
    with progress.step(f"building {title} (once; minutes with a cold cache)") as step:
        fetched = 0

        def on_fetch(line: str) -> None:
            nonlocal fetched
            if line.startswith("go: downloading"):
                fetched += 1
                step.show("Go modules fetched", done=fetched)
            else:
                packages.append(line)

        packages: list[str] = []
        run_go(go, ["list", "-deps", package], module, scratch, on_fetch)
        compiled = 0

        def on_package(_line: str) -> None:
            nonlocal compiled
            compiled += 1
            step.show(
                "packages compiled" if compiled < len(packages) - 1 else "packages compiled, linking",
                done=compiled,
                total=len(packages),
            )

        options = ["-trimpath", "-buildvcs=false", "-v", "-ldflags", " ".join(flags)]
        run_go(go, ["build", *options, "-o", str(output), package], module, scratch, on_package)


def _link_flags(kubernetes_version: str) -> tuple[str, ...]:
    """No symbol tables, and the version clients are told (`v0.0.0-master` otherwise)."""
    major, minor, _patch = kubernetes_version.removeprefix("v").split(".")
    stamp = "-X k8s.io/component-base/version."
    return (
        "-s",
        "-w",
        f"{stamp}gitVersion={kubernetes_version}",
        f"{stamp}gitMajor={major}",
        f"{stamp}gitMinor={minor}",
    )


def _write_stages(go: Go, sources: Sources, target: Path) -> None:
    module = subprocess.run(
        [go.command, "list", "-m", "-f", "{{.Dir}}", sources.kwok_module],
        cwd=sources.kwok,
        env=go.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if module.returncode:
        raise RehearsalError(f"go list -m {sources.kwok_module} failed:\n{module.stderr.strip()}")
    folder = Path(module.stdout.strip())
    target.write_text("---\n".join((folder / stage).read_text() for stage in sources.stages))
