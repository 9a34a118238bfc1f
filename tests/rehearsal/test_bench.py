"""The bench's own logic. What it measures is nowhere tested: that would time the machine."""

import pytest
from rich.console import Console

from rehearsal.bench.__main__ import GROUPS, chosen
from rehearsal.bench.figures import Figure, growth_ratio, paired_ratio, to_json, to_table
from rehearsal.errors import UserError


def test_the_ratio_is_the_median_of_pairs_so_that_one_disturbed_pair_says_nothing() -> None:
    assert paired_ratio([(1.0, 2.0), (1.0, 1.5), (10.0, 15.0), (1.0, 40.0), (2.0, 3.2)]) == pytest.approx(1.6)


def test_growth_compares_the_ends() -> None:
    assert growth_ratio([1.0] * 20) == 1
    assert growth_ratio([1.0] * 10 + [7.0] * 30 + [2.0] * 10) == 2
    with pytest.raises(ValueError, match="19 measurements"):
        growth_ratio([1.0] * 19)


@pytest.mark.parametrize(
    ("value", "goal", "met"),
    [(1.9, 2.0, True), (2.0, 2.0, True), (2.1, 2.0, False), (1.0, None, None), (None, 2.0, None)],
)
def test_a_goal_is_met_up_to_its_very_value(value: float | None, goal: float | None, met: bool | None) -> None:
    assert Figure("group", "name", value, "x", goal).met is met


def test_the_table_says_what_was_measured_and_whether_the_goal_is_met() -> None:
    figures = [
        Figure("growth", "a stack", 0.61, "s", 1.0, "CPU"),
        Figure("growth", "memory", 1234.5, "MiB", 1024.0),
        Figure("dev", "up dev", None, "s", 30.0, "ended with 1"),
    ]
    console = Console(width=120)
    with console.capture() as captured:
        console.print(to_table(figures))
    lines = captured.get().splitlines()

    def row(name: str) -> str:
        return " ".join(next(line for line in lines if name in line).split())

    assert row("a stack") == "growth a stack 0.61 s ≤ 1 s met CPU"
    assert row("memory") == "memory 1234 MiB ≤ 1024 MiB not met"
    assert row("up dev") == "dev up dev - ≤ 30 s ended with 1"


def test_json_holds_every_figure_whole() -> None:
    [entry] = to_json([Figure("growth", "a stack", 0.612345, "s", 1.0, "CPU")])

    assert entry == {
        "group": "growth",
        "name": "a stack",
        "value": 0.612345,
        "unit": "s",
        "goal": 1.0,
        "met": True,
        "note": "CPU",
    }


def test_groups_are_chosen_in_their_own_order() -> None:
    assert chosen([]) == list(GROUPS)
    assert chosen(["peak", "evaluation", "peak"]) == ["evaluation", "peak"]


def test_every_unknown_group_is_named_with_what_there_is() -> None:
    with pytest.raises(UserError, match=r"one of evaluation, growth, guardrails, dev, peak, given up, down"):
        chosen(["up", "growth", "down"])
