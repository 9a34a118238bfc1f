"""Cron expressions: what they mean, and when they fire inside a window.

Five fields, or six with seconds first (CloudNativePG's form). As in Vixie cron, a day matches either of day-of-month
and day-of-week where both are restricted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from guardrails.reading import Node

_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_SHORT: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True)
class Cron:
    """The values each field takes. Sundays are 0."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @property
    def weekly(self) -> bool:
        """Whether it is the same in every week of the year."""
        return self.any_day and len(self.months) == 12

    def on(self, day: date) -> bool:
        """Whether it fires on that day at all."""
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return in_month and in_week if self.any_day or self.any_weekday else in_month or in_week

    def fires(self, start: datetime, end: datetime, zone: ZoneInfo) -> Iterator[datetime]:
        """Every time it fires from `start` to before `end`, by the clock of `zone`, in order.

        A time that a clock change leaves out fires when the clock has passed it, as schedulers catch up.
        """
        day = start.astimezone(zone).date()
        while day <= end.astimezone(zone).date():
            if self.on(day):
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        moment = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                        if start <= moment < end:
                            yield moment
            day += timedelta(days=1)

    def longest_gap(self, start: datetime, days: int, zone: ZoneInfo) -> timedelta:
        """The longest time between two fires in `days` from `start`; all of them if it fires less than twice."""
        end = start + timedelta(days=days)
        fires = list(self.fires(start, end, zone))
        if len(fires) < 2:
            return end - start
        return max(later - earlier for earlier, later in pairwise(fires))


def read_cron(node: Node, *, seconds: bool = False) -> Cron:
    """The expression at `node`; with `seconds` it must have six fields. Unjudged if it is none."""
    text = node.text().strip()
    fields = _SHORT.get(text, text).lower().split()
    if seconds:
        if len(fields) != 6:
            raise node.unjudged(f"must have six fields, seconds first; it has {len(fields)}")
        second, *fields = fields
    else:
        second = "0"
    if len(fields) != 5:
        raise node.unjudged(f"must have five fields; it has {len(fields)}")
    try:
        _values(second, 0, 59, {})
        minute, hour, day, month, weekday = fields
        return Cron(
            minutes=_values(minute, 0, 59, {}),
            hours=_values(hour, 0, 23, {}),
            days=_values(day, 1, 31, {}),
            months=_values(month, 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
            weekdays=frozenset(
                value % 7 for value in _values(weekday, 0, 7, {name: number for number, name in enumerate(_DAYS)})
            ),
            any_day=day.startswith(("*", "?")),
            any_weekday=weekday.startswith(("*", "?")),
        )
    except ValueError as error:
        raise node.unjudged(f"is no cron expression: {error}") from None


def _values(field: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    values: set[int] = set()
    for part in field.split(","):
        span, _, step_text = part.partition("/")
        step = int(step_text) if step_text else 1
        if step < 1:
            raise ValueError(f"step {step}")
        if span in ("*", "?"):
            first, last = low, high
        else:
            begin, dash, finish = span.partition("-")
            first = _value(begin, names)
            last = _value(finish, names) if dash else high if step_text else first
        if not low <= first <= last <= high:
            raise ValueError(f"{part} is not between {low} and {high}")
        values.update(range(first, last + 1, step))
    return frozenset(values)


def _value(text: str, names: dict[str, int]) -> int:
    return names[text] if text in names else int(text)
