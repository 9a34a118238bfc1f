"""What every test relies on: no colours, no colliding folders, and one control plane for those that need it."""

import os

import pytest
from hypothesis import HealthCheck, settings

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
