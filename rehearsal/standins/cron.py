"""Five-field cron schedules in a time zone, by KEDA's and Karpenter's reading (robfig/cron).

A fire time is a moment whose local wall-clock minute the fields match. Minutes that a clock change skips do not fire;
minutes that it repeats fire twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_HORIZON = timedelta(days=5 * 366)
"""As far as robfig/cron looks for a fire time: 29 February is within it."""


@dataclass(frozen=True)
class Cron:
    """A parsed schedule. Days fire when either day field matches, if both are restricted (cron's old rule)."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @classmethod
    def parse(cls, text: str) -> "Cron":
        """Raises ValueError, naming the schedule and the field that is wrong."""
        fields = _MACROS.get(text.strip().lower(), text).split()
        if len(fields) != 5:
            raise ValueError(f"cron schedule {text!r} has {len(fields)} fields, not the five of minute to weekday")
        try:
            return cls(
                minutes=_field(fields[0], 0, 59),
                hours=_field(fields[1], 0, 23),
                days=_field(fields[2], 1, 31),
                months=_field(fields[3].lower(), 1, 12, _MONTHS),
                weekdays=_field(fields[4].lower(), 0, 6, _DAYS),
                any_day=fields[2] in ("*", "?"),
                any_weekday=fields[4] in ("*", "?"),
            )
        except ValueError as problem:
            raise ValueError(f"cron schedule {text!r}: {problem}") from None

    @property
    def weekly(self) -> bool:
        """Whether it fires on the same days of every week, and on no others."""
        return self.any_day and not self.any_weekday and len(self.months) == 12

    def matches_day(self, day: date) -> bool:
        by_day, by_weekday = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        matched = (by_day and by_weekday) if self.any_day or self.any_weekday else (by_day or by_weekday)
        return matched and day.month in self.months

    def next_after(self, moment: datetime, zone: tzinfo) -> datetime | None:
        """The first fire time after `moment` (aware), in UTC; None when there is none within five years."""
        # A day early: on the day of a clock change, later wall-clock minutes may be earlier moments.
        day = moment.astimezone(zone).date() - timedelta(days=1)
        last = day + _HORIZON
        while day <= last:
            if self.matches_day(day):
                upcoming = [fire for fire in self._fires_on(day, zone) if fire > moment]
                if upcoming:
                    return min(upcoming)
            day += timedelta(days=1)
        return None

    def last_before(self, moment: datetime, zone: tzinfo, within: timedelta) -> datetime | None:
        """The latest fire time at or before `moment` and less than `within` ago, in UTC."""
        day = moment.astimezone(zone).date() + timedelta(days=1)
        first = (moment - within).astimezone(zone).date() - timedelta(days=1)
        while day >= first:
            if self.matches_day(day):
                passed = [fire for fire in self._fires_on(day, zone) if moment - within < fire <= moment]
                if passed:
                    return max(passed)
            day -= timedelta(days=1)
        return None

    def _fires_on(self, day: date, zone: tzinfo) -> Iterator[datetime]:
        for hour in self.hours:
            for minute in self.minutes:
                wall = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                first = wall.astimezone(UTC)
                if first.astimezone(zone).replace(fold=0) != wall:
                    continue  # the clock change skips this minute
                yield first
                second = wall.replace(fold=1).astimezone(UTC)
                if second != first:
                    yield second


def active(start: Cron, end: Cron, moment: datetime, zone: tzinfo) -> bool:
    """Whether a window that opens at `start` and closes at `end` is open: its next end comes before its next start.

    This is KEDA's rule; windows over midnight, and over the end of a year, need nothing more.
    """
    opens, closes = start.next_after(moment, zone), end.next_after(moment, zone)
    return closes is not None and (opens is None or closes <= opens)


def _field(text: str, low: int, high: int, names: list[str] | None = None) -> frozenset[int]:
    values: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, dash, final = span.partition("-")
        if first in ("*", "?"):
            start, stop = low, high
        else:
            start = _value(first, low, names)
            stop = _value(final, low, names) if dash else (high if step else start)
        every = int(step) if step.isdigit() else 0 if step else 1
        if every < 1 or not low <= start <= stop <= high:
            raise ValueError(f"{part!r} is not within {low}-{high}")
        values.update(range(start, stop + 1, every))
    return frozenset(values)


def _value(text: str, low: int, names: list[str] | None) -> int:
    if names and text in names:
        return names.index(text) + low
    if not text.isdigit():
        raise ValueError(f"{text!r} is not a number")
    return int(text)
