"""The verdict: what fails a drill, and what does not."""

from dataclasses import replace

import pytest

from rehearsal.drills.results import Level, ZoneLoss

KEPT = Level("shop", "pos", "critical", needed=6, before=9, lowest=8, after=9, ceiling=17, scaled_to=17)
LOSS = ZoneLoss("peak", "eu-central-1a", (KEPT,), 20.0, refused=(), violated={}, pending=())


def test_a_zone_that_is_borne() -> None:
    assert LOSS.ok
    assert LOSS.data()["ok"] is True and LOSS.data()["fell"] == []


@pytest.mark.parametrize("short", [{"lowest": 5}, {"after": 5}, {"scaled_to": 16}])
def test_a_critical_workload_that_falls_short_fails_it(short: dict[str, int]) -> None:
    loss = replace(LOSS, levels=(replace(KEPT, **short),))  # type: ignore[arg-type]  # only integers are replaced
    assert not loss.ok
    assert loss.data()["fell"] == ["pos"]


def test_an_important_one_does_not() -> None:
    assert replace(LOSS, levels=(replace(KEPT, workload_class="important", lowest=0),)).ok


@pytest.mark.parametrize("trouble", [{"refused": ("Pod shop/db-1",)}, {"violated": {"shop/pos": "5 healthy of 8"}}])
def test_evictions_refused_and_budgets_violated_fail_it(trouble: dict[str, object]) -> None:
    assert not replace(LOSS, **trouble).ok  # type: ignore[arg-type]  # each of its field's type
