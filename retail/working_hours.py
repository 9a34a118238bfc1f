"""When a stack that is not production is awake: the same hours of the same days, every week, in local time."""

import re
from dataclasses import dataclass
from datetime import time

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
PATTERN = rf"^({'|'.join(DAYS)})(-({'|'.join(DAYS)}))? [0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"

CLOCK_CHANGES_END = time(5)
"""Clocks change before that hour, in every zone. A cron trigger whose minute a change skips stays open, or shut, until
the next one fires (docs/sources.md)."""


@dataclass(frozen=True)
class WorkingHours:
    """days: of the week, Monday is 0, in order from the first one. start and end: local, of the same day."""

    days: tuple[int, ...]
    start: time
    end: time

    @classmethod
    def parse(cls, text: str) -> "WorkingHours":
        """Out of `mon-fri 07:00-20:00`; days may run over the weekend (`sat-tue`). Raises ValueError."""
        if not re.fullmatch(PATTERN, text):
            raise ValueError("must be days and hours, as mon-fri 07:00-20:00")
        named, hours = text.split(" ")
        first, _, last = named.partition("-")
        begins, ends = DAYS.index(first), DAYS.index(last or first)
        days = tuple((begins + offset) % 7 for offset in range((ends - begins) % 7 + 1))
        start, end = (time.fromisoformat(each) for each in hours.split("-"))
        if end <= start:
            raise ValueError("must end later on the same day than they begin")
        if start < CLOCK_CHANGES_END:
            raise ValueError(f"must begin at {CLOCK_CHANGES_END:%H:%M} or later, when no clock changes any more")
        return cls(days, start, end)

    @property
    def crons(self) -> tuple[str, str]:
        """Cron expressions, local time, of when they begin and end. Numbers, Sunday 0: all that every cron reads."""
        days = ",".join(str(day) for day in sorted((day + 1) % 7 for day in self.days))
        start, end = (f"{each.minute} {each.hour} * * {days}" for each in (self.start, self.end))
        return start, end
