"""A cache of its own for each test, and a go command that does as it is told."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.controlplane.build import Sources


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty user cache."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("REHEARSAL_CACHE", str(folder))
    return folder


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for control planes."""
    folder = tmp_path / "home"
    monkeypatch.setenv("REHEARSAL_HOME", str(folder))
    return folder


@pytest.fixture
def path_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first folder on PATH, with no real go behind it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}/usr/bin{os.pathsep}/bin")
    return folder


@pytest.fixture
def fake_go(path_folder: Path) -> Callable[..., Path]:
    """Puts a go command on PATH: it knows its version, lists two packages, and builds as the shell lines given say.

    In those lines $output is the file to write.
    """

    def make(version: str = "go1.26.0", build: str = 'echo built > "$output"') -> Path:
        command = path_folder / "go"
        command.write_text(
            f"""#!/bin/sh
case "$1" in
version) echo "go version {version} linux/amd64" ;;
list) if [ "$2" = -m ]; then pwd; else echo first; echo second; fi ;;
build)
  while [ "$1" != -o ]; do shift; done
  output="$2"
  {build}
  ;;
esac
"""
        )
        command.chmod(command.stat().st_mode | stat.S_IXUSR)
        return command

    return make


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    """Two tiny Go modules in the place of Kubernetes and KWOK."""
    kubernetes = tmp_path / "sources" / "kubernetes"
    kube = tmp_path / "sources" / "kube"
    kwok = tmp_path / "sources" / "kwok"
    for folder in (kubernetes, kube, kwok):
        folder.mkdir(parents=True)
    (kubernetes / "go.mod").write_text("module k8s.io/kubernetes\n\ngo 1.25.0\n")
    (kube / "go.mod").write_text(
        "module kube\n\ngo 1.25.0\n\nrequire (\n\tk8s.io/kubernetes v1.35.4\n)\n\n"
        "replace k8s.io/kubernetes => ../kubernetes\n"
    )
    (kube / "main.go").write_text('package main\n\nimport "os"\n\nfunc main() { println(os.Args[0]) }\n')
    (kwok / "go.mod").write_text("module kwok.test\n\ngo 1.26.0\n")
    (kwok / "main.go").write_text('package main\n\nfunc main() { println("kwok") }\n')
    (kwok / "node.yaml").write_text("kind: Stage\n")
    (kwok / "pod.yaml").write_text("kind: Stage\n")
    return Sources(kube, kwok, "kwok.test", "kwok.test", ("node.yaml", "pod.yaml"))
