"""When passwords are replaced: on a day of the month that no freeze ever touches, and at least every 90 days.

Kubernetes' cron knows no exceptions, so a freeze is avoided by leaving out the months in which the day falls into one.
A freeze returns every year: the schedule of a stack stays the same from one to the next.
"""

import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations, pairwise

from retail.peaks import Peak, Window

MAX_GAP_DAYS = 90
"""Between two rotations (policy sec-02)."""

HOUR = 5
"""Local time: after the night's batch, before stores open; no hour that a change of summer time skips or repeats."""

YEARS = (2027, 2028, 2029)
"""Three years with a 29th of February and a turn of the year on both sides of it: all that gaps can depend on."""


class NoRotationDay(ValueError):
    """No schedule stays out of the freezes and within 90 days. The message says how far the best one is from it."""


@dataclass(frozen=True)
class RotationSchedule:
    """days: of the month; two where one isn't enough. months: those in which all of them are outside every freeze."""

    days: tuple[int, ...]
    months: tuple[int, ...]

    def cron(self, name: str) -> str:
        """Five fields, local time. The minute is `name`'s own, so that many retailers don't call AWS at once."""
        months = "*" if len(self.months) == 12 else ",".join(map(str, self.months))
        return f"{zlib.crc32(name.encode()) % 60} {HOUR} {','.join(map(str, self.days))} {months} *"

    def runs(self) -> list[date]:
        """Every run in YEARS. A month that hasn't got the day has no run."""
        return sorted(_dates((month, day) for month in self.months for day in self.days))

    def widest_gap(self) -> tuple[date, date]:
        """The two runs that are furthest apart."""
        return max(pairwise(self.runs()), key=lambda gap: gap[1] - gap[0])


def rotation_schedule(freezes: Sequence[Window], peaks: Sequence[Peak] = ()) -> RotationSchedule:
    """The schedule whose last run before each freeze is closest to it.

    A rotation restarts every pod, so peaks are avoided as well where the 90 days allow it. Raises NoRotationDay.
    """
    frozen = _closed(freezes)
    best: RotationSchedule | None = None
    for closed in (frozen | _closed(peaks), frozen):
        for count in (1, 2):
            schedules = list(_schedules(closed, count))
            fitting = [schedule for schedule in schedules if _gap_days(schedule) <= MAX_GAP_DAYS]
            if fitting:
                return min(fitting, key=lambda each: (_waits(each, freezes), _gap_days(each), each.days))
            best = min([*schedules, *([best] if best else [])], key=_gap_days, default=None)
    names = ", ".join(f"{freeze.name} ({freeze.start:%d %b} to {freeze.end:%d %b})" for freeze in freezes)
    if best is None:
        raise NoRotationDay(f"leave no day of the year for the rotation of passwords: {names}")
    before, after = best.widest_gap()
    raise NoRotationDay(
        f"leave passwords {(after - before).days} days without rotation, from {before:%d %b} to {after:%d %b} at best,"
        f" and {MAX_GAP_DAYS} are allowed: {names}; shorten them"
    )


def _schedules(closed: set[tuple[int, int]], count: int) -> Iterator[RotationSchedule]:
    """Every choice of `count` days of the month that gives at least two runs."""
    for days in combinations(range(1, 32), count):
        months = tuple(month for month in range(1, 13) if not any((month, day) in closed for day in days))
        schedule = RotationSchedule(days, months)
        if len(schedule.runs()) > 1:
            yield schedule


def _closed(windows: Sequence[Window]) -> set[tuple[int, int]]:
    """(month, day) of every day that a window touches, in any year."""
    touched = set()
    for window in windows:
        day, last = window.start.date(), (window.end - timedelta(microseconds=1)).date()
        last = min(last, day + timedelta(days=366))
        while day <= last:
            touched.add((day.month, day.day))
            day += timedelta(days=1)
    return touched


def _gap_days(schedule: RotationSchedule) -> int:
    before, after = schedule.widest_gap()
    return (after - before).days


def _waits(schedule: RotationSchedule, freezes: Sequence[Window]) -> tuple[int, int]:
    """Days from the last run to the beginning of each freeze: the longest, and all together."""
    runs = schedule.runs()
    waits = [
        (begins - max(run for run in runs if run <= begins)).days
        for freeze in freezes
        for begins in _dates([(freeze.start.month, freeze.start.day)])
        if begins.year > YEARS[0]
    ]
    return max(waits, default=0), sum(waits)


def _dates(days: Iterator[tuple[int, int]] | Sequence[tuple[int, int]]) -> list[date]:
    """Those (month, day) that exist, in each of YEARS."""
    found = []
    for month, day in days:
        for year in YEARS:
            try:
                found.append(date(year, month, day))
            except ValueError:
                continue
    return found
