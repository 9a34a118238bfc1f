from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from rehearsal.standins.cron import Cron, active
from retail.peaks import (
    PRESCALE_LEAD,
    Peak,
    Window,
    cron,
    floor_crons,
    months_without,
    overlapping,
    prescale_start,
    quiet_windows,
)

moments = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1))


def window(start: datetime, hours: int, name: str = "window") -> Window:
    return Window(name=name, start=start, end=start + timedelta(hours=hours))


def test_utc_follows_daylight_saving_time() -> None:
    over_the_change = Window(name="sales", start=datetime(2026, 10, 24, 12), end=datetime(2026, 10, 26, 12))
    assert over_the_change.in_utc("Europe/Paris") == (
        datetime(2026, 10, 24, 10, tzinfo=UTC),
        datetime(2026, 10, 26, 11, tzinfo=UTC),
    )


@given(start=moments, factor=st.floats(1.1, 20))
def test_prescaling_begins_before_the_peak_and_its_cron_names_that_minute(start: datetime, factor: float) -> None:
    peak = Peak(name="peak", start=start, end=start + timedelta(hours=1), factor=factor)
    begins = prescale_start(peak)
    assert peak.start - begins == PRESCALE_LEAD >= timedelta(minutes=30)
    minute, hour, day, month, weekday = cron(begins).split()
    assert (int(minute), int(hour), int(day), int(month)) == (begins.minute, begins.hour, begins.day, begins.month)
    assert weekday == "*"


@given(start=moments, hours=st.integers(1, 100), gap=st.integers(0, 100))
def test_windows_overlap_exactly_when_they_share_time(start: datetime, hours: int, gap: int) -> None:
    first, second = window(start, hours, "first"), window(start + timedelta(hours=gap), 5, "second")
    assert bool(overlapping([second, first])) == (gap < hours)


ZONES = ("Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Tokyo")
AROUND_CLOCK_CHANGES = [
    datetime(2026, month, day, hour, minute)
    for month, day in ((3, 8), (3, 29), (4, 5), (10, 4), (10, 25), (11, 1))
    for hour in range(5)
    for minute in (0, 15, 45)
]


@example(start=datetime(2026, 3, 29, 3, 15), hours=5, zone="Europe/Paris")
@example(start=datetime(2026, 3, 8, 3, 15), hours=5, zone="America/New_York")
@example(start=datetime(2026, 10, 25, 2, 45), hours=1, zone="Europe/Paris")
@given(
    start=moments | st.sampled_from(AROUND_CLOCK_CHANGES), hours=st.integers(1, 24 * 60), zone=st.sampled_from(ZONES)
)
def test_the_floor_holds_from_three_quarters_of_an_hour_ahead_to_the_end(
    start: datetime, hours: int, zone: str
) -> None:
    """By KEDA's reading of the two schedules. A start in the hour that summer time skips would hold it for a year."""
    peak = Peak(name="peak", start=start, end=start + timedelta(hours=hours), factor=2)
    opens, closes = map(Cron.parse, floor_crons(peak, zone))
    begins, ends = peak.in_utc(zone)
    minute = timedelta(minutes=1)
    local = ZoneInfo(zone)
    if any(moment.astimezone(local).strftime("%m%d") == "0229" for moment in (begins - PRESCALE_LEAD, ends)):
        return  # comes back only in four years
    assert active(opens, closes, begins - PRESCALE_LEAD + minute, local)
    assert active(opens, closes, begins, local)
    assert not active(opens, closes, ends + timedelta(hours=2), local)
    assert not active(opens, closes, begins - PRESCALE_LEAD - timedelta(hours=3), local)


def test_quiet_windows_are_in_utc_begin_with_prescaling_and_have_their_true_length() -> None:
    over_the_change = Window(name="freeze", start=datetime(2026, 10, 24, 12), end=datetime(2026, 10, 26, 12))
    peak = Peak(name="sales", start=datetime(2026, 12, 1), end=datetime(2026, 12, 1, 23, 59), factor=2)
    freeze, sales = quiet_windows([peak], [over_the_change], "Europe/Paris")
    assert (freeze.schedule, freeze.duration) == ("0 10 24 10 *", "49h0m"), "25 hours long is the day of the change"
    assert (sales.schedule, sales.duration) == ("15 22 30 11 *", "24h44m")


windows = st.lists(st.tuples(moments, st.integers(1, 200)), max_size=6)


@given(freezes=windows, peaks=windows, zone=st.sampled_from(["Europe/Paris", "America/New_York", "Asia/Kolkata"]))
def test_quiet_windows_cover_every_minute_of_freezes_and_peaks_and_no_other(
    freezes: list[tuple[datetime, int]], peaks: list[tuple[datetime, int]], zone: str
) -> None:
    frozen = [window(start.replace(second=0, microsecond=0), hours) for start, hours in freezes]
    commercial = [
        Peak(**window(start.replace(second=0, microsecond=0), hours).model_dump(), factor=2) for start, hours in peaks
    ]
    spans = [(*each.in_utc(zone), timedelta(0)) for each in frozen]
    spans += [(*each.in_utc(zone), PRESCALE_LEAD) for each in commercial]
    quiet = quiet_windows(commercial, frozen, zone)
    minutes = {
        start - lead + timedelta(minutes=minute)
        for start, end, lead in spans
        for minute in range(int((end - start + lead).total_seconds() // 60))
    }
    assert sum(each.minutes for each in quiet) == len(minutes)
    begins = {cron(minute) for minute in minutes}
    assert {each.schedule for each in quiet} <= begins


def test_months_without_a_peak_are_those_that_none_touches() -> None:
    sales = Peak(name="sales", start=datetime(2026, 11, 30, 23), end=datetime(2027, 1, 2), factor=2)
    assert months_without([sales]) == (2, 3, 4, 5, 6, 7, 8, 9, 10)
    assert months_without([]) == tuple(range(1, 13))
    year = Peak(name="year", start=datetime(2026, 3, 1), end=datetime(2027, 3, 1), factor=2)
    assert months_without([year]) == ()
