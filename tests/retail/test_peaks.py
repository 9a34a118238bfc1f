from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from retail.peaks import PRESCALE_LEAD, Peak, Window, cron, overlapping, prescale_start

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
