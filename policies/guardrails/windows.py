"""Spans of time, as the contract gives them: local to the retailer, judged as instants."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from guardrails.reading import Node


@dataclass(frozen=True, order=True)
class Window:
    """From `start`, inside it, to `end`, outside it; both know their zone. `factor` is a peak's, 1 for a freeze."""

    start: datetime
    end: datetime
    name: str
    factor: float = 1

    def holds(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def __str__(self) -> str:
        return f"{self.name} ({self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} {self.start.tzname()})"


def window(node: Node, zone: ZoneInfo) -> Window:
    """The window that `node` (name, start, end, factor) describes in local time of `zone`."""
    start, end = (moment(node.at(key), zone) for key in ("start", "end"))
    if end <= start:
        raise node.unjudged("ends before it begins")
    return Window(start, end, node.text("name"), node.number("factor", 1))


def moment(node: Node, zone: ZoneInfo | None = None) -> datetime:
    """An ISO 8601 time; one without an offset is local to `zone`, and refused where there is none."""
    try:
        parsed = datetime.fromisoformat(node.text())
    except ValueError:
        raise node.unjudged("must be a time, as 2026-11-27T00:00") from None
    if parsed.tzinfo is None:
        if zone is None:
            raise node.unjudged("must have an offset, as 2026-11-27T00:00:00+01:00")
        return parsed.replace(tzinfo=zone)
    return parsed


def day(node: Node) -> date:
    try:
        return date.fromisoformat(node.text())
    except ValueError:
        raise node.unjudged("must be a day, as 2027-03-31") from None


def active(windows: Iterable[Window], at: datetime) -> Window | None:
    """The first of `windows` that holds `at`."""
    return next((each for each in sorted(windows) if each.holds(at)), None)
