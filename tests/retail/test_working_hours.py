from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.standins.cron import Cron, active
from retail.working_hours import DAYS, WorkingHours

ZONES = ("Europe/Paris", "America/Santiago", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Tokyo")
TEXTS = st.builds(
    lambda days, begins, lasts: f"{days} {begins // 60:02}:{begins % 60:02}-{lasts // 60:02}:{lasts % 60:02}",
    st.builds("{}-{}".format, st.sampled_from(DAYS), st.sampled_from(DAYS)) | st.sampled_from(DAYS),
    st.integers(5 * 60, 12 * 60),
    st.integers(12 * 60 + 1, 24 * 60 - 1),
)


@given(TEXTS, st.integers(0, 366 * 24 * 60), st.sampled_from(ZONES))
def test_the_crons_are_open_in_the_hours_and_at_no_other_time(text: str, minutes: int, zone_name: str) -> None:
    """By KEDA's reading of them, on the days on which clocks change as on all others."""
    hours, zone = WorkingHours.parse(text), ZoneInfo(zone_name)
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    local = moment.astimezone(zone)
    start, end = (Cron.parse(each) for each in hours.crons)
    within = local.weekday() in hours.days and hours.start <= local.time() < hours.end
    assert active(start, end, moment, zone) is within
    assert start.weekly
    assert end.weekly


def test_days_may_run_over_the_weekend() -> None:
    hours = WorkingHours.parse("sat-tue 06:30-14:00")
    assert hours.days == (5, 6, 0, 1)
    assert (hours.start, hours.end) == (time(6, 30), time(14))
    assert hours.crons == ("30 6 * * 0,1,2,6", "0 14 * * 0,1,2,6")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("07:00-20:00", "must be days and hours, as mon-fri 07:00-20:00"),
        ("mon-friday 07:00-20:00", "must be days and hours"),
        ("mon-fri 7-20", "must be days and hours"),
        ("mon-fri 07:00-29:00", "hour"),
        ("mon-fri 20:00-07:00", "must end later on the same day"),
        ("mon-fri 07:00-07:00", "must end later on the same day"),
        ("mon-fri 02:30-12:00", "must begin at 05:00 or later, when no clock changes any more"),
    ],
)
def test_what_are_no_hours_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        WorkingHours.parse(text)
