"""Certificates and freezes: none is in need of renewal while nothing may change."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.edge_certificate import LIFETIME, MARGIN, MOST_PERCENT, renew_before_percent
from rehearsal.standins.certificates import renewal_time
from retail.peaks import Window

START = datetime(2026, 11, 23)


def freeze(days: int) -> Window:
    return Window(name="year-end", start=START, end=START + timedelta(days=days))


@given(age=st.integers(0, 89), days=st.integers(1, 60))
def test_a_certificate_outlasts_a_freeze_in_which_no_renewal_works(age: int, days: int) -> None:
    """Whatever its age when the freeze begins, unless it is due by then and so renewed before."""
    percent = renew_before_percent([freeze(days)])
    issued = START - timedelta(days=age)
    due = renewal_time({"renewBeforePercentage": percent}, issued, issued + LIFETIME)
    if due >= START:
        assert issued + LIFETIME >= freeze(days).end + MARGIN


def test_it_is_renewed_thirty_days_before_its_end_at_least() -> None:
    assert LIFETIME * renew_before_percent([]) / 100 >= timedelta(days=30)


@pytest.mark.parametrize("life", [90, 64, 45])
@given(days=st.integers(1, 300))
def test_no_calendar_makes_it_be_renewed_all_the_time(life: int, days: int) -> None:
    """Let's Encrypt issues five equal certificates a week, and shorter ones from 2027 on: a fixed `renewBefore` of a
    long freeze would be longer than their life."""
    between = timedelta(days=life) * (100 - renew_before_percent([freeze(days)])) / 100
    assert between >= timedelta(days=7)
    assert renew_before_percent([freeze(days)]) <= MOST_PERCENT
