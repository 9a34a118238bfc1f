"""The retail calendar: peaks that multiply the load, freezes in which nothing changes, and how both become schedules.

Times in a stack file are local to the retailer (`time-zone`); schedulers that know no time zone (Karpenter's budgets)
get UTC from `quiet_windows`.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, model_validator

from retail.dates import Day, LocalTime

PRESCALE_LEAD = timedelta(minutes=45)
"""How long before a peak its floor applies. A cold scale-out takes 2.5-5 minutes (facts, Odoo §10) and a large one
many rounds of it; at least 30 minutes is the field's practice."""


class Window(BaseModel):
    """A span of local time, without a zone in it: `start` is inside, `end` is not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9-]*$", description="short name, lower case")
    start: LocalTime = Field(description="local time, as 2026-11-27T00:00")
    end: LocalTime = Field(description="local time, after start")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "Window":
        if self.start.tzinfo or self.end.tzinfo:
            raise ValueError("start and end are local times: leave out the UTC offset, `time-zone` says it")
        if self.end <= self.start:
            raise ValueError(
                f"{self.name} ends ({self.end:%Y-%m-%dT%H:%M}) before it begins ({self.start:%Y-%m-%dT%H:%M})"
            )
        return self

    def in_utc(self, time_zone: str) -> tuple[datetime, datetime]:
        """The window as two UTC instants."""
        zone = ZoneInfo(time_zone)
        return self.start.replace(tzinfo=zone).astimezone(UTC), self.end.replace(tzinfo=zone).astimezone(UTC)


class Peak(Window):
    """A commercial peak: the load in it is `factor` times that of an ordinary busy hour."""

    factor: float = Field(gt=1, le=20, description="load in the peak / load of an ordinary busy hour")
    rehearsed: Day | None = Field(default=None, description="day of the load rehearsal for it, done or planned")

    @model_validator(mode="after")
    def _is_rehearsed_before(self) -> "Peak":
        if self.rehearsed and self.rehearsed > self.start.date():
            raise ValueError(f"{self.name} is rehearsed ({self.rehearsed}) after it has begun ({self.start:%Y-%m-%d})")
        return self


def prescale_start(peak: Peak) -> datetime:
    """When the peak's floor begins, local time."""
    return peak.start - PRESCALE_LEAD


def floor_crons(peak: Peak, time_zone: str) -> tuple[str, str]:
    """Cron expressions, local time, of when the peak's floor begins and ends.

    The lead is counted in real time, and both are minutes that the clocks show: a schedule for a minute that summer
    time skips doesn't fire until next year, and the floor's window would be open until then, or not at all. A minute
    that is shown twice would begin the window the second time only; so it begins an hour earlier.
    """
    zone = ZoneInfo(time_zone)
    start, end = peak.in_utc(time_zone)
    begins = (start - PRESCALE_LEAD).astimezone(zone)
    if begins.replace(fold=0).utcoffset() != begins.replace(fold=1).utcoffset():
        begins = (start - PRESCALE_LEAD - timedelta(hours=1)).astimezone(zone)
    return cron(begins), cron(end.astimezone(zone))


def months_without(peaks: Sequence[Peak]) -> tuple[int, ...]:
    """Months of the year on no day of which there is a peak, 1 to 12. Peaks come back every year, and so do these."""
    busy: set[int] = set()
    for peak in peaks:
        first, last = (each.year * 12 + each.month - 1 for each in (peak.start, peak.end))
        busy |= {month % 12 + 1 for month in range(first, last + 1)}
    return tuple(month for month in range(1, 13) if month not in busy)


def cron(moment: datetime) -> str:
    """A five-field cron expression for that minute of that day and month; it fires every year, as peaks do."""
    return f"{moment.minute} {moment.hour} {moment.day} {moment.month} *"


class QuietWindow(NamedTuple):
    """A span in UTC in which nothing is taken away that runs: five-field cron of its start, and its length in minutes.

    It comes back every year at the same UTC time. Where the clocks change on other days than in the year it was written
    for, that is an hour off: the calendar of the new year says it exactly.
    """

    schedule: str
    minutes: int

    @property
    def duration(self) -> str:
        """The length as Karpenter takes it: hours and minutes, nothing longer (NodePool CRD, pattern of `duration`)."""
        return f"{self.minutes // 60}h{self.minutes % 60}m"


def quiet_windows(peaks: Sequence[Peak], freezes: Sequence[Window], time_zone: str) -> tuple[QuietWindow, ...]:
    """Freezes and peaks, these from their pre-scaling on, in UTC and in order; what overlaps or touches is one window.

    Both ends are converted on their own, so a window over a clock change has its true length.
    """
    spans = [window.in_utc(time_zone) for window in freezes]
    spans += [(start - PRESCALE_LEAD, end) for start, end in (peak.in_utc(time_zone) for peak in peaks)]
    merged: list[tuple[datetime, datetime]] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(QuietWindow(cron(start), math.ceil((end - start).total_seconds() / 60)) for start, end in merged)


def overlapping(windows: Sequence[Window]) -> list[tuple[Window, Window]]:
    """Pairs of windows that share time, in the order of their start."""
    ordered = sorted(windows, key=lambda window: window.start)
    return [
        (earlier, later)
        for index, earlier in enumerate(ordered)
        for later in ordered[index + 1 :]
        if later.start < earlier.end
    ]
