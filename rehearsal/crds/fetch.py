"""Copying the CRDs out of the operators' Go modules into the user's cache, once per set of pins."""

import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rehearsal.controlplane.locks import exclusive
from rehearsal.controlplane.toolchain import Go, find_go
from rehearsal.crds.modules import MODULES, Module
from rehearsal.crds.yaml_documents import crds_in
from rehearsal.errors import RehearsalError
from rehearsal.paths import cache_dir
from rehearsal.progress import Progress

# The first Go whose `go mod download` knows the toolchain lines in these modules' go.mod files.
_GO_NEEDED = (1, 21, 0)
# Changes whenever what is written to the cache changes its form.
_FORMAT = "json-1"


def fetched_crds(progress: Progress, modules: Sequence[Module] = MODULES) -> Path:
    """The folder of fetched CRDs, `<plural>.<group>.json` each; filled on the first call, offline from then on.

    JSON, because `kubectl apply` takes it as well and it reads twenty times as fast as YAML.
    A folder gets its name only when complete, and the second of two fetches waits, so it is never half there.
    Raises RehearsalError when a module can't be had or isn't the one that is pinned, UserError when there is no Go.
    """
    folder = cache_dir() / f"crds-{_digest(modules)}"
    if not folder.exists():
        with exclusive(cache_dir() / "crds.lock", "another rehearsal that fetches CRDs", progress):
            for stale in cache_dir().glob("crds-*.partial"):
                shutil.rmtree(stale)  # of a fetch that was killed: whoever fetches holds the lock
            if not folder.exists():
                _fetch(modules, folder, progress)
    return folder


def _digest(modules: Sequence[Module]) -> str:
    text = json.dumps([_FORMAT, *([str(module), module.sum, *module.files] for module in modules)])
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _fetch(modules: Sequence[Module], folder: Path, progress: Progress) -> None:
    go = find_go(_GO_NEEDED, progress)
    partial = folder.with_name(f"{folder.name}.partial")
    partial.mkdir(mode=0o700)
    try:
        with progress.step("fetching the operators' CRDs (once)") as step:
            for number, module in enumerate(modules):
                step.show(f"modules; {module}", done=number, total=len(modules))
                _copy_crds(module, _download(go, module, partial), partial)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _download(go: Go, module: Module, folder: Path) -> Path:
    """The module's folder in Go's module cache, after its hash was compared with the pin."""
    done = subprocess.run(
        [go.command, "mod", "download", "-json", str(module)],
        cwd=folder,
        env=go.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    answer = _answer(done.stdout)
    if done.returncode or "Dir" not in answer:
        last = answer.get("Error") or (done.stderr.strip().splitlines() or ["go said nothing"])[-1]
        raise RehearsalError(
            f"The CRDs of {module} can't be fetched: {' '.join(last.split())}\n"
            "Is the Go module registry reachable from here (GOPROXY, HTTPS_PROXY)? It is needed this once."
        )
    if answer.get("Sum") != module.sum:
        raise RehearsalError(
            f"{module} is not the module that is pinned: its hash is {answer.get('Sum')}, not {module.sum}.\n"
            "After a change of its version in retail/versions.py, put the new hash into rehearsal/crds/modules.py."
        )
    return Path(answer["Dir"])


def _answer(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except json.JSONDecodeError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _copy_crds(module: Module, source: Path, target: Path) -> None:
    for pattern in module.files:
        found = [crd for file in sorted(source.glob(pattern)) for crd in crds_in(file)]
        if not found:
            raise RehearsalError(f"{module} has no CRDs in {pattern}; rehearsal/crds/modules.py names the wrong folder")
        for crd in found:
            # "x": a kind that two modules define must not silently be the later one's.
            with (target / f"{crd['metadata']['name']}.json").open("x", encoding="utf-8") as stream:
                json.dump(crd, stream)
