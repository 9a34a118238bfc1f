"""Baselines as the command writes them: beside the rest, one line a resource, and closing an emergency change."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from rehearsal.engine.evaluate import evaluate
from rehearsal.errors import RehearsalError, UserError
from rehearsal.guardrails.baseline import freeze_at, keep_baseline, make_baseline
from rehearsal.guardrails.configuration import read_configuration, write_configuration
from rehearsal.guardrails.repository import Repository
from rehearsal.paths import PROJECT_DIR
from rehearsal.progress import QuietProgress

STACK: Final = "training"
FREEZE: Final = {
    "freezes": '[{"name": "sales", "start": "2025-11-24T00:00", "end": "2026-01-19T00:00"}]',
    "access-review-due": "2026-03-31",
}
"""Over: the clock of who runs this is not in it."""
NOW: Final = "2025-11-28T10:00:00+00:00"
RELEASED: Final = datetime(2025, 11, 20, 12, tzinfo=UTC)
EMERGENCY: Final = {
    "ticket": "INC-7",
    "reason": "payments fail",
    "author": "a@x.example",
    "approver": "b@x.example",
    "opened": "2025-11-28T08:00:00+00:00",
    "until": "2025-11-29T08:00:00+00:00",
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
    baseline = make_baseline(evaluate(PROJECT_DIR, STACK, preview=True, overrides=FREEZE), "normal", RELEASED)
    write_configuration(
        file,
        {
            "now": NOW,
            "baseline-days": 100000,
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


def test_in_a_freeze_nothing_is_released(tmp_path: Path) -> None:
    start, end = (datetime.now(UTC) + timedelta(days=days) for days in (-2, 2))
    lasting = [{"name": "now", "start": f"{start:%Y-%m-%dT%H:%M}", "end": f"{end:%Y-%m-%dT%H:%M}"}]
    file = tmp_path / "training.json"
    with pytest.raises(RehearsalError, match=rf"training is in a freeze \(now, until {end:%Y-%m-%d %H:%M}\)"):
        keep(file, freezes=json.dumps(lasting))
    assert not file.exists()


@pytest.mark.parametrize(
    ("moment", "frozen"),
    [
        (datetime(2025, 11, 23, 22, 59, tzinfo=UTC), False),
        (datetime(2025, 11, 23, 23, 0, tzinfo=UTC), True),
        (datetime(2026, 1, 18, 22, 59, tzinfo=UTC), True),
        (datetime(2026, 1, 18, 23, 0, tzinfo=UTC), False),
    ],
)
def test_a_freeze_is_local_time(moment: datetime, frozen: bool) -> None:
    calendar = {"timeZone": "Europe/Paris", "freezes": json.loads(FREEZE["freezes"])}
    assert bool(freeze_at({"calendar": calendar}, moment)) is frozen


def test_a_ticket_that_there_is_none_of(file: Path) -> None:
    with pytest.raises(UserError, match=r"no emergency change 'INC-8'; open are: INC-7"):
        keep(file, closes="INC-8")
