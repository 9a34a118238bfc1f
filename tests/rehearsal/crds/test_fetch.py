"""Fetching is tried with a go command of our own, so that modules, versions and failures can be chosen."""

import json
import multiprocessing
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.crds.fetch import fetched_crds
from rehearsal.crds.modules import MODULES, Module
from rehearsal.errors import RehearsalError
from rehearsal.progress import QuietProgress

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: things.example.org}
spec:
  names: {kind: Thing}
  operators: [=, "!="]
---
kind: ClusterRole
"""
MODULE = Module("example.org/things", "1.2.3", "h1:right", ("crds/*.yaml",))

FakeGo = Callable[..., None]


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGo:
    """Puts a `go` on PATH that answers `go mod download` as told; each call adds a line to `calls`."""
    monkeypatch.setenv("REHEARSAL_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "module" / "crds"
    source.mkdir(parents=True)
    (source / "things.yaml").write_text(CRD)

    def install(answer: dict[str, str] | None = None, code: int = 0, wait: float = 0) -> None:
        answer = {"Dir": str(source.parent), "Sum": "h1:right"} if answer is None else answer
        script = tmp_path / "bin" / "go"
        script.parent.mkdir(exist_ok=True)
        script.write_text(
            f"#!{sys.executable}\nimport sys, time\n"
            "if sys.argv[1] == 'version':\n    print('go version go1.99.0 linux/amd64'); sys.exit()\n"
            f"open({str(tmp_path / 'calls')!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n"
            f"time.sleep({wait})\nprint({json.dumps(answer)!r})\nsys.exit({code})\n"
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")

    return install


def calls(tmp_path: Path) -> list[str]:
    return (tmp_path / "calls").read_text().splitlines()


def test_crds_are_copied_once_and_other_documents_are_not(go: FakeGo, tmp_path: Path) -> None:
    go()
    folder = fetched_crds(QuietProgress(), [MODULE])
    assert [file.name for file in folder.iterdir()] == ["things.example.org.json"]
    # A bare `=` is a value of its own in YAML 1.1; Prometheus' CRDs have one.
    assert json.loads((folder / "things.example.org.json").read_text())["spec"]["operators"] == ["=", "!="]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    go(code=1)  # from here on there is no registry
    assert fetched_crds(QuietProgress(), [MODULE]) == folder
    assert calls(tmp_path) == ["mod download -json example.org/things@v1.2.3"]


def test_another_version_gets_another_folder(go: FakeGo) -> None:
    go()
    newer = Module(MODULE.path, "1.2.4", MODULE.sum, MODULE.files)
    assert fetched_crds(QuietProgress(), [MODULE]) != fetched_crds(QuietProgress(), [newer])


def test_a_module_with_another_hash_is_refused(go: FakeGo, tmp_path: Path) -> None:
    go({"Dir": str(tmp_path / "module"), "Sum": "h1:wrong"})
    with pytest.raises(RehearsalError, match="h1:wrong, not h1:right"):
        fetched_crds(QuietProgress(), [MODULE])
    assert not list((tmp_path / "cache").glob("crds-*"))


def test_no_registry_is_one_clear_message_and_leaves_nothing(go: FakeGo, tmp_path: Path) -> None:
    go({"Error": "example.org/things@v1.2.3: dial tcp: no such host\n\tmore"}, code=1)
    with pytest.raises(
        RehearsalError, match=r"example.org/things@v1.2.3 can't be fetched: .*no such host more"
    ) as caught:
        fetched_crds(QuietProgress(), [MODULE])
    assert "GOPROXY" in str(caught.value)
    assert not list((tmp_path / "cache").glob("crds-*"))
    go()
    assert fetched_crds(QuietProgress(), [MODULE]).is_dir()


def test_a_folder_without_crds_is_our_mistake_and_says_so(go: FakeGo) -> None:
    go()
    with pytest.raises(RehearsalError, match="elsewhere"):
        fetched_crds(QuietProgress(), [Module(MODULE.path, MODULE.version, MODULE.sum, ("elsewhere/*.yaml",))])


def test_a_killed_fetch_is_cleared_away(go: FakeGo, tmp_path: Path) -> None:
    stale = tmp_path / "cache" / "crds-0123.partial"
    stale.mkdir(parents=True)
    go()
    fetched_crds(QuietProgress(), [MODULE])
    assert not stale.exists()


def fetch_in_own_process(answers: "multiprocessing.Queue[str]") -> None:
    answers.put(str(fetched_crds(QuietProgress(), [MODULE])))


def test_two_at_once_fetch_once(go: FakeGo, tmp_path: Path) -> None:
    go(wait=0.5)
    context = multiprocessing.get_context("fork")
    answers: multiprocessing.Queue[str] = context.Queue()
    both = [context.Process(target=fetch_in_own_process, args=(answers,)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join(30)
    assert answers.get(timeout=5) == answers.get(timeout=5)
    assert len(calls(tmp_path)) == 1


def test_every_module_is_pinned_by_hash() -> None:
    assert all(module.sum.startswith("h1:") and len(module.sum) == 47 for module in MODULES)
