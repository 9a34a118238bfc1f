"""`up` asks the guardrails before it does anything."""

from pathlib import Path
from typing import Any

import pytest

from rehearsal import session
from rehearsal.controlplane import boot
from rehearsal.errors import RehearsalError
from rehearsal.progress import QuietProgress
from rehearsal.session import Request
from tests.rehearsal.guardrails.conftest import MakePack, program

PACK = """
from pulumi_policy import *

def check(args, report):
    report(f"az-01 ConfigMap {args.name}: rehearsal is {args.get_config().get('rehearsal')}. Fix: mend it")

PolicyPack("p", [ResourceValidationPolicy("mandatory-resource", "d", check, EnforcementLevel.%s,
    PolicyConfigSchema({"rehearsal": {"type": "boolean", "default": False}}))])
"""


class ReachedPlaneError(Exception):
    """What comes after the gate."""


@pytest.fixture(autouse=True)
def _no_plane(monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(*_: Any) -> None:
        raise ReachedPlaneError

    monkeypatch.setattr(session, "_evaluate", lambda *_: program("one"))
    monkeypatch.setattr(boot, "plane_lock", reached)


def test_a_mandatory_violation_stops_up_before_anything_is_started(pack_of: MakePack) -> None:
    pack = pack_of(PACK % "MANDATORY")
    with pytest.raises(RehearsalError) as refused:
        session.up(Request("test", project_dir=pack.parent), QuietProgress())
    assert "refuse test, 1 rules are broken:\n  - az-01 ConfigMap one: rehearsal is True" in str(refused.value)
    assert "check test" in str(refused.value)


@pytest.mark.parametrize("level", ["ADVISORY", None])
def test_advice_and_a_project_without_guardrails_stop_nothing(
    pack_of: MakePack, tmp_path: Path, level: str | None
) -> None:
    if level:
        pack_of(PACK % level)
    with pytest.raises(ReachedPlaneError):
        session.up(Request("test", project_dir=tmp_path), QuietProgress())
