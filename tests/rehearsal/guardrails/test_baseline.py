"""Baselines as the command writes them: beside the rest, one line a resource, and closing an emergency change."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from rehearsal.errors import RehearsalError, UserError
from rehearsal.guardrails.baseline import keep_baseline
from rehearsal.guardrails.configuration import read_configuration, write_configuration
from rehearsal.guardrails.repository import Repository
from rehearsal.progress import QuietProgress

STACK: Final = "training"
FREEZE: Final = {"freezes": '[{"name": "sales", "start": "2026-11-23T00:00", "end": "2027-01-18T00:00"}]'}
EMERGENCY: Final = {
    "ticket": "INC-7",
    "reason": "payments fail",
    "author": "a@x.example",
    "approver": "b@x.example",
    "opened": "2026-11-27T08:00:00+00:00",
    "until": "2026-11-28T08:00:00+00:00",
    "resources": ["stack"],
}


class NoRepository(Repository):
    commit = ""


def keep(file: Path, closes: str = "", **overrides: str) -> dict[str, Any]:
    keep_baseline(
        STACK, {**FREEZE, **overrides}, file, QuietProgress(), closes=closes, repository=NoRepository(file.parent)
    )
    return read_configuration(file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A release of before the freeze, and an emergency change that is open in it."""
    file = tmp_path / "guardrails" / f"{STACK}.json"
    kept = keep(file)
    baseline = kept["baseline"]
    write_configuration(
        file,
        {
            "now": "2026-11-27T10:00:00+00:00",
            "baseline": baseline,
            "emergencies": [{**EMERGENCY, "rollback": baseline["digest"]}],
        },
    )
    return file


def test_each_resource_is_one_line_of_the_file(file: Path) -> None:
    baseline = read_configuration(file)["baseline"]
    lines = file.read_text().splitlines()
    for urn, resource in baseline["resources"].items():
        [line] = [line for line in lines if line.lstrip().startswith(json.dumps(urn))]
        assert json.loads("{" + line.strip().removesuffix(",") + "}") == {urn: resource}


def test_an_emergency_is_closed_into_the_baseline_that_holds_what_it_changed(file: Path) -> None:
    before = read_configuration(file)
    kept = keep(file, closes="INC-7")
    assert kept["emergencies"] == []
    assert kept["baseline"]["emergencies"] == before["emergencies"]
    assert kept["baseline"]["digest"] != before["baseline"]["digest"]


def test_what_an_emergency_does_not_cover_is_not_closed_with_it(file: Path) -> None:
    before = file.read_text()
    with pytest.raises(RehearsalError, match=r"(?s)INC-7 can't be closed:\n.*frz-01 .*, in sales") as refused:
        keep(file, closes="INC-7", **{"restore-gib-per-minute": "8"})
    assert refused.value.exit_code == 1
    assert file.read_text() == before


def test_a_ticket_that_there_is_none_of(file: Path) -> None:
    with pytest.raises(UserError, match=r"no emergency change 'INC-8'; open are: INC-7"):
        keep(file, closes="INC-8")
