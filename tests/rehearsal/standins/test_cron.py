from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.standins.cron import Cron, active

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
# Around both of 2026's clock changes in Europe and America, and around a year's end.
MOMENTS = st.one_of(
    *(
        st.datetimes(min_value=start, max_value=start + timedelta(days=3), timezones=st.just(UTC))
        for start in (
            datetime(2026, 3, 7),
            datetime(2026, 3, 28),
            datetime(2026, 4, 4),
            datetime(2026, 10, 24),
            datetime(2026, 10, 31),
            datetime(2026, 12, 30),
        )
    )
)


def schedules() -> st.SearchStrategy[str]:
    minute = st.sampled_from(["0", "30", "15,45", "*/20"])
    hour = st.sampled_from(["*", "0", "2", "1-3", "22", "*/6"])
    day = st.sampled_from([("*", "*"), ("*", "1-5"), ("29", "*"), ("1", "0"), ("*", "sat,sun")])
    return st.builds(lambda m, h, d: f"{m} {h} {d[0]} * {d[1]}", minute, hour, day)


@given(schedules(), MOMENTS, ZONES)
def test_the_next_fire_time_is_the_first_minute_that_matches(schedule: str, moment: datetime, zone_name: str) -> None:
    cron, zone = Cron.parse(schedule), ZoneInfo(zone_name)
    fire = cron.next_after(moment, zone)
    assert fire is not None

    def matches(minute: datetime) -> bool:
        wall = minute.astimezone(zone)
        return wall.minute in cron.minutes and wall.hour in cron.hours and cron.matches_day(wall.date())

    assert matches(fire)
    minute = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    end = min(fire, minute + timedelta(days=3))
    while minute < end:
        assert not matches(minute), f"{minute} was passed over"
        minute += timedelta(minutes=1)


@given(schedules(), MOMENTS, ZONES)
def test_the_last_fire_time_is_followed_by_none_until_now(schedule: str, moment: datetime, zone_name: str) -> None:
    cron, zone = Cron.parse(schedule), ZoneInfo(zone_name)
    last = cron.last_before(moment, zone, within=timedelta(days=2))
    if last is None:
        upcoming = cron.next_after(moment - timedelta(days=2), zone)
        assert upcoming is None or upcoming > moment
    else:
        assert moment - timedelta(days=2) < last <= moment
        following = cron.next_after(last, zone)
        assert following is not None
        assert following > moment


@pytest.mark.parametrize(
    ("wall", "opened"),
    [
        ("2026-11-27T05:59", False),
        ("2026-11-27T06:00", True),
        ("2026-11-27T21:59", True),
        ("2026-11-27T22:00", False),
    ],
)
def test_a_window_is_open_from_its_start_up_to_its_end(wall: str, opened: bool) -> None:
    moment = datetime.fromisoformat(wall).replace(tzinfo=BERLIN)
    assert active(Cron.parse("0 6 * * *"), Cron.parse("0 22 * * *"), moment, BERLIN) is opened


@pytest.mark.parametrize(("hour", "opened"), [(21, False), (22, True), (23, True), (0, True), (5, True), (6, False)])
def test_a_window_over_midnight(hour: int, opened: bool) -> None:
    moment = datetime(2026, 11, 27, hour, tzinfo=BERLIN)
    assert active(Cron.parse("0 22 * * *"), Cron.parse("0 6 * * *"), moment, BERLIN) is opened


def test_a_window_of_days_that_crosses_the_year() -> None:
    start, end = Cron.parse("0 0 20 12 *"), Cron.parse("0 0 7 1 *")
    assert active(start, end, datetime(2026, 12, 31, 23, 59, tzinfo=UTC), UTC)
    assert active(start, end, datetime(2027, 1, 6, tzinfo=UTC), UTC)
    assert not active(start, end, datetime(2027, 1, 7, tzinfo=UTC), UTC)


def test_a_minute_the_clocks_skip_does_not_fire() -> None:
    # 29 March 2026, 02:00 CET: the clocks go on to 03:00.
    fire = Cron.parse("30 2 * * *").next_after(datetime(2026, 3, 28, 12, tzinfo=UTC), BERLIN)
    assert fire == datetime(2026, 3, 30, 2, 30, tzinfo=BERLIN)


def test_a_minute_the_clocks_repeat_fires_twice() -> None:
    # 25 October 2026, 03:00 CEST: the clocks go back to 02:00.
    cron = Cron.parse("30 2 * * *")
    first = cron.next_after(datetime(2026, 10, 24, 12, tzinfo=UTC), BERLIN)
    assert first == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert first is not None
    assert cron.next_after(first, BERLIN) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_days_and_weekdays_are_alternatives_when_both_are_restricted() -> None:
    cron = Cron.parse("0 0 13 * fri")
    assert cron.matches_day(datetime(2026, 12, 13).date())  # a Sunday
    assert cron.matches_day(datetime(2026, 12, 18).date())  # a Friday
    assert not cron.matches_day(datetime(2026, 12, 14).date())


def test_a_schedule_that_never_fires_has_no_next() -> None:
    assert Cron.parse("0 0 31 2 *").next_after(datetime(2026, 1, 1, tzinfo=UTC), UTC) is None


@pytest.mark.parametrize(
    "text", ["0 0 * *", "0 0 0 * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 7", "a * * * *",
             "*/0 * * * *", "5-1 * * * *", "0 0 2 * * *"]
)  # fmt: skip
def test_what_is_no_schedule_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="cron schedule"):
        Cron.parse(text)


def test_macros_and_names() -> None:
    assert Cron.parse("@daily") == Cron.parse("0 0 * * *")
    assert Cron.parse("0 8 * nov-dec mon-fri") == Cron.parse("0 8 * 11-12 1-5")
