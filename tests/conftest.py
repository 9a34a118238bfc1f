"""What every test relies on: no colours, no colliding folders, and one control plane for those that need it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from rehearsal.controlplane.boot import Plane

# An f-string over an Output must fail a test, not print a warning into a resource.
os.environ["PULUMI_ERROR_OUTPUT_STRING"] = "1"

# Examples share the session's pure fixtures; deadlines would time the machine, not the code.
settings.register_profile(
    "retail", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("retail")


@pytest.fixture(autouse=True)
def _plain_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Plane]":
    """The control plane that tests share, each in namespaces and on nodes of its own.

    It serves no CRDs: who needs some installs those. All of the operators' would double the API server's memory.
    """
    # Late, as most test runs need no control plane.
    from rehearsal.controlplane import boot
    from rehearsal.progress import QuietProgress

    folder = tmp_path_factory.mktemp("shared")
    try:
        with _home(folder):
            started = boot.start("shared", QuietProgress())
        yield started
    finally:
        with _home(folder):
            boot.stop("shared", QuietProgress())


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    """Control planes live in `folder`, but only for now: other tests have homes of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REHEARSAL_HOME", str(folder))
        yield
