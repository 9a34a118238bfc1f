"""What a measurement says, and how it is shown. It does not judge: a goal missed is a line in the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured number. `value` is None where it could not be measured; then `note` says why.

    `unit` is `x` for ratios, else `s` or `MiB`; `goal` is the most it may be.
    """

    group: str
    name: str
    value: float | None
    unit: str
    goal: float | None = None
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None without a goal or a value."""
        return None if self.goal is None or self.value is None else self.value <= self.goal


def paired_ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """The median of second over first: what disturbs the machine for a while disturbs both of a pair."""
    return median(second / first for first, second in pairs)


def growth_ratio(costs: Sequence[float], window: int = 10) -> float:
    """The median of the last `window` costs over that of the first: 1 where cost does not grow.

    Raises ValueError for fewer than two windows.
    """
    if len(costs) < 2 * window:
        raise ValueError(f"{len(costs)} measurements are too few for two windows of {window}")
    return median(costs[-window:]) / median(costs[:window])


def to_json(figures: Sequence[Figure]) -> list[dict[str, Any]]:
    """The figures as plain data."""
    return [
        {
            "group": figure.group,
            "name": figure.name,
            "value": figure.value,
            "unit": figure.unit,
            "goal": figure.goal,
            "met": figure.met,
            "note": figure.note,
        }
        for figure in figures
    ]


def to_table(figures: Sequence[Figure]) -> "Table":
    """The figures as a table, a section for each group."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("", "what", "measured", "goal", "", "how"):
        table.add_column(column, justify="right" if column in ("measured", "goal") else "left", overflow="fold")
    last = ""
    for figure in figures:
        if last and figure.group != last:
            table.add_section()
        verdict = {True: Text("met", "green"), False: Text("not met", "red"), None: Text("")}[figure.met]
        group = figure.group if figure.group != last else ""
        goal = "" if figure.goal is None else f"≤ {_number(figure.goal)} {figure.unit}"
        value = "-" if figure.value is None else f"{_number(figure.value)} {figure.unit}"
        table.add_row(group, figure.name, value, goal, verdict, Text(figure.note))
        last = figure.group
    return table


def _number(value: float) -> str:
    """Three digits that mean something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
