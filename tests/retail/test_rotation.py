"""The schedule of rotations: out of freezes, within 90 days, and close before each freeze."""

import itertools
from datetime import date, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from retail.peaks import Peak, Window
from retail.rotation import HOUR, MAX_GAP_DAYS, NoRotationDay, rotation_schedule

DAYS = [date(2027, 1, 1) + timedelta(days=number) for number in range(3 * 365 + 1)]


def freeze(start: str, end: str) -> Window:
    return Window(name="freeze", start=datetime.fromisoformat(start), end=datetime.fromisoformat(end))


def fires(expression: str) -> list[date]:
    """The days on which a five-field cron fires, read as Kubernetes does."""
    _, hour, days, months, weekday = expression.split()
    assert (int(hour), weekday) == (HOUR, "*")
    return [
        day
        for day in DAYS
        if str(day.day) in days.split(",") and (months == "*" or str(day.month) in months.split(","))
    ]


def touches(window: Window, day: date) -> bool:
    """Whether the window, moved to any year, has a part of that day."""
    for year in range(day.year - 2, day.year + 2):
        shift = year - window.start.year
        start, end = (_moved(moment, shift) for moment in (window.start, window.end))
        if start < datetime.combine(day + timedelta(days=1), datetime.min.time()) and end > datetime.combine(
            day, datetime.min.time()
        ):
            return True
    return False


def _moved(moment: datetime, years: int) -> datetime:
    try:
        return moment.replace(year=moment.year + years)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year + years, day=28)


windows = st.builds(
    lambda start, hours: Window(name="freeze", start=start, end=start + timedelta(hours=hours)),
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).filter(
        lambda moment: (moment.month, moment.day) != (2, 29)
    ),
    st.integers(1, 70 * 24),
)


@given(st.lists(windows, max_size=3))
def test_no_run_on_a_day_of_a_freeze_and_none_older_than_90_days(freezes: list[Window]) -> None:
    assume(not any(_spans_leap_day(each) for each in freezes))
    try:
        runs = fires(rotation_schedule(freezes).cron("acme"))
    except NoRotationDay:
        return
    assert not [run for run in runs if any(touches(each, run) for each in freezes)]
    assert max((later - earlier).days for earlier, later in itertools.pairwise(runs)) <= MAX_GAP_DAYS


def _spans_leap_day(window: Window) -> bool:
    """Moved by years such a window changes its length, which the test's own arithmetic doesn't follow."""
    turn_of_the_year = window.start.year < window.end.year and window.end.month >= 2
    return window.start.month <= 2 <= window.end.month or turn_of_the_year


@given(windows)
def test_a_single_freeze_of_up_to_nine_weeks_is_never_refused(window: Window) -> None:
    assume(window.end - window.start <= timedelta(days=63))
    rotation_schedule([window])


@settings(max_examples=15)
@given(windows)
def test_no_other_day_of_the_month_would_come_closer_before_the_freeze(window: Window) -> None:
    assume(not _spans_leap_day(window))
    try:
        chosen = rotation_schedule([window])
    except NoRotationDay:
        return

    def wait(runs: list[date]) -> int:
        begins = [date(year, window.start.month, window.start.day) for year in (2028, 2029)]
        return max((begin - max(run for run in runs if run <= begin)).days for begin in begins)

    def widest(runs: list[date]) -> int:
        return max((later - earlier).days for earlier, later in itertools.pairwise(runs))

    for day in range(1, 32):
        months = [
            month
            for month in range(1, 13)
            if not any(touches(window, each) for each in DAYS if (each.month, each.day) == (month, day))
        ]
        runs = [each for each in DAYS if each.day == day and each.month in months]
        if len(runs) > 2 and widest(runs) <= MAX_GAP_DAYS:
            assert len(chosen.days) == 1
            assert wait(fires(chosen.cron("acme"))) <= wait(runs)


def test_the_last_run_is_on_the_eve_of_the_freeze() -> None:
    """The shipped calendar of `peak`: 23 November to 18 January, back every year."""
    schedule = rotation_schedule([freeze("2026-11-23T00:00", "2027-01-18T00:00")])
    runs = fires(schedule.cron("grand-bazar-production"))
    assert schedule.days == (22,) and 12 not in schedule.months and 11 in schedule.months
    assert date(2028, 11, 22) in runs  # years later as well
    assert max(run for run in runs if run < date(2027, 11, 23)) == date(2027, 11, 22)


def test_a_freeze_that_ends_at_midnight_leaves_that_day_open() -> None:
    eve = Window(name="eve", start=datetime(2026, 3, 1), end=datetime(2026, 3, 31))
    assert 31 in {run.day for run in fires(rotation_schedule([eve, *_all_but_the_31st()]).cron("a"))}
    a_minute_more = eve.model_copy(update={"end": datetime(2026, 3, 31, 0, 1)})
    runs = fires(rotation_schedule([a_minute_more, *_all_but_the_31st(except_in=5)]).cron("a"))
    assert not [run for run in runs if (run.month, run.day) == (3, 31)]


def _all_but_the_31st(except_in: int = 0) -> list[Window]:
    """Freezes on every day but the last of the months that have 31 days (and March, which the test closes itself)."""
    return [
        Window(name="month", start=datetime(2026, month, 1), end=datetime(2026, month, 31))
        for month in (1, 5, 7, 8, 10, 12)
        if month != except_in
    ]


def test_two_days_of_the_month_where_one_is_not_enough() -> None:
    """1 November to 18 January: with one day the months left out are three months apart."""
    schedule = rotation_schedule([freeze("2026-11-01T00:00", "2027-01-18T00:00")])
    runs = fires(schedule.cron("acme"))
    assert len(schedule.days) == 2
    assert date(2027, 10, 31) in runs
    assert max((later - earlier).days for earlier, later in itertools.pairwise(runs)) <= MAX_GAP_DAYS


def test_a_peak_is_avoided_where_that_is_possible() -> None:
    december = Peak(name="christmas", start=datetime(2026, 12, 1), end=datetime(2026, 12, 24), factor=2)
    assert not [run for run in fires(rotation_schedule([], [december]).cron("a")) if touches(december, run)]
    half_a_year = Peak(name="season", start=datetime(2026, 4, 1), end=datetime(2026, 10, 1), factor=2)
    assert len(rotation_schedule([], [half_a_year]).months) == 12


def test_a_refusal_says_the_dates() -> None:
    with pytest.raises(NoRotationDay, match=r"summer \(01 May to 15 Sep\)") as refused:
        rotation_schedule([Window(name="summer", start=datetime(2026, 5, 1), end=datetime(2026, 9, 15))])
    assert "30 Apr" in str(refused.value) and "90 are allowed" in str(refused.value)
    with pytest.raises(NoRotationDay, match="no day of the year"):
        rotation_schedule([Window(name="always", start=datetime(2026, 1, 1), end=datetime(2027, 6, 1))])


def test_retailers_do_not_all_run_at_the_same_minute() -> None:
    schedule = rotation_schedule([])
    assert len({schedule.cron(f"retailer-{number}") for number in range(20)}) > 5
    assert schedule.cron("acme") == schedule.cron("acme")
