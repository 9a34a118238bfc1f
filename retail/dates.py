"""Days and local times in a stack file."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator

_UTC = " +0000 UTC"
"""YAML reads an unquoted 2026-11-07 as a moment, and the pulumi CLI hands on Go's rendering of it:
`2026-11-07 00:00:00 +0000 UTC` (seen with 3.260)."""


def _as_written(given: Any) -> Any:
    return given.removesuffix(_UTC) if isinstance(given, str) else given


def _without_zone(given: Any) -> Any:
    """YAML takes `2026-11-27 18:00:00` for UTC, which this is not; which of the two was meant, nobody can tell."""
    if isinstance(given, str) and given.endswith(_UTC):
        raise ValueError("local time as 2026-11-27T18:00, or in quotes: YAML reads this as UTC")
    return given


Day = Annotated[date, BeforeValidator(_as_written)]
LocalTime = Annotated[datetime, BeforeValidator(_without_zone)]
