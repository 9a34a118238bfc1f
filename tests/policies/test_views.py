"""What rules read through: quantities, durations, cron, selectors, IAM documents, zones, odoo.conf."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.aws.iam import statements
from guardrails.aws.machines import architecture, gib_per_vcpu
from guardrails.kubernetes.cron import read_cron
from guardrails.kubernetes.durations import postgres_seconds, retention_days, seconds
from guardrails.kubernetes.quantities import postgres_bytes, quantity
from guardrails.kubernetes.selectors import matches, tolerates
from guardrails.reading import UNKNOWN, Node, Unjudged
from guardrails.sums import Sum

PARIS = ZoneInfo("Europe/Paris")


def node(value: Any) -> Node:
    return Node(None, "", value)


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(UNKNOWN),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "c.d"]), inner, max_size=3),
    max_leaves=8,
)


@given(ODD, st.sampled_from(["", "a", "a.b", "b.a.b"]))
def test_reading_gives_the_type_that_was_asked_for_or_says_why_not(value: Any, path: str) -> None:
    for method, kinds in (
        ("text", str),
        ("number", int | float),
        ("flag", bool),
        ("items", list),
        ("entries", dict),
        ("texts", dict),
        ("words", list),
    ):
        try:
            read = getattr(node(value), method)(path)
        except Unjudged as told:
            assert str(told)
        else:
            assert isinstance(read, kinds)
            assert not isinstance(read, bool) or kinds is bool


@pytest.mark.parametrize("value", ["s3cret", ["s3cret"], {"s3cret": "s3cret"}])
def test_what_says_why_not_shows_no_value(value: Any) -> None:
    for method in ("text", "number", "flag", "items", "entries"):
        try:
            getattr(node(value), method)()
        except Unjudged as told:
            assert "s3cret" not in str(told)


def test_a_default_is_for_what_is_absent_and_for_nothing_else() -> None:
    assert node({"a": None}).number("a", 7) == node({}).number("a", 7) == node({}).number("a.b.c", 7) == 7
    odd: list[Any] = [UNKNOWN, "x", [], {"b": 1}]
    for value in odd:
        with pytest.raises(Unjudged):
            node({"a": value}).number("a", 7)


@pytest.mark.parametrize(
    ("text", "number"),
    [("1800m", 1.8), ("2", 2), (3, 3), ("3100Mi", 3100 * 2**20), ("1.5Gi", 1.5 * 2**30), ("12e3", 12000), ("1k", 1000)],
)
def test_quantities(text: Any, number: float) -> None:
    assert quantity(node(text)) == number


@pytest.mark.parametrize("text", ["", "Mi", "1MiB", "-1", "1 Gi", "much"])
def test_what_is_no_quantity(text: str) -> None:
    with pytest.raises(Unjudged):
        quantity(node(text))


def test_postgres_counts_in_a_parameter_s_own_unit() -> None:
    assert postgres_bytes(node("512"), "MB") == postgres_bytes(node("512MB"), "kB") == 512 * 2**20
    assert postgres_bytes(node("16384"), "8kB") == 128 * 2**20
    assert postgres_seconds(node("600000"), "ms") == postgres_seconds(node("10min"), "s") == 600


@pytest.mark.parametrize(
    ("machine", "processors", "gib"),
    [
        ("c7i.xlarge", "amd64", 2),
        ("m7g.2xlarge", "arm64", 4),
        ("r8gd.large", "arm64", 8),
        ("c7i-flex.large", "amd64", 2),
        ("g5.xlarge", "amd64", None),
        ("x2gd.metal", "arm64", None),
    ],
)
def test_machines_by_their_name(machine: str, processors: str, gib: int | None) -> None:
    assert (architecture(machine), gib_per_vcpu(machine)) == (processors, gib)


def test_durations() -> None:
    assert seconds(node("1h30m")) == 5400
    assert seconds(node("0.5s")) == 0.5
    assert retention_days(node("4w")) == 28
    for wrong in ("90", "1d", "h"):
        with pytest.raises(Unjudged):
            seconds(node(wrong))


DAY = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "fires"),
    [
        ("0 2,8 * * *", ["02:00", "08:00"]),
        ("*/20 3 * * *", ["03:00", "03:20", "03:40"]),
        ("30 4 20 11 *", ["04:30"]),
        ("30 4 21 11 *", []),
        ("0 5 * * 5", ["05:00"]),
        ("0 5 * * fri", ["05:00"]),
        ("0 5 * * 7", []),
        ("0 5 1 * fri", ["05:00"]),
        ("0 5 * dec *", []),
        ("10-12 1 * * *", ["01:10", "01:11", "01:12"]),
        ("@daily", ["00:00"]),
    ],
)
def test_when_cron_fires(text: str, fires: list[str]) -> None:
    found = read_cron(node(text)).fires(DAY, DAY + timedelta(days=1), ZoneInfo("UTC"))
    assert [f"{moment:%H:%M}" for moment in found] == fires


def test_cron_is_by_the_clock_of_its_zone_through_a_change_of_it() -> None:
    fires = read_cron(node("0 9 * * *")).fires(
        datetime(2026, 10, 24, tzinfo=UTC), datetime(2026, 10, 27, tzinfo=UTC), PARIS
    )
    assert [moment.astimezone(UTC).hour for moment in fires] == [7, 8, 8]


def test_six_fields_have_seconds_first() -> None:
    assert read_cron(node("0 0 2 * * *"), seconds=True).hours == {2}
    for text, six in (("0 2 * * *", True), ("0 0 2 * * *", False)):
        with pytest.raises(Unjudged, match="fields"):
            read_cron(node(text), seconds=six)


@pytest.mark.parametrize("text", ["60 * * * *", "* 24 * * *", "* * 0 * *", "a * * * *", "*/0 * * * *", "5-1 * * * *"])
def test_what_is_no_cron_expression(text: str) -> None:
    with pytest.raises(Unjudged):
        read_cron(node(text))


def test_the_longest_gap_between_fires() -> None:
    assert read_cron(node("0 4 1 1,3,6,9,11 *")).longest_gap(DAY, 366, PARIS).days == 92


@pytest.mark.parametrize(
    ("selector", "takes"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, True),
        ({"matchExpressions": [{"key": "b", "operator": "NotIn", "values": ["1"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
    ],
)
def test_selectors(selector: Any, takes: bool) -> None:
    assert matches(node(selector), {"a": "1"}) is takes


def test_tolerations() -> None:
    exact = [node({"key": "pool", "value": "web", "effect": "NoSchedule"})]
    assert tolerates(exact, "pool", "web", "NoSchedule")
    assert not tolerates(exact, "pool", "data", "NoSchedule")
    assert not tolerates(exact, "pool", "web", "NoExecute")
    assert tolerates([node({"operator": "Exists"})], "any", "thing", "NoExecute")


def test_iam_statements_as_aws_reads_them() -> None:
    text = '{"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*", "Principal": {"AWS": "x"}}}'
    [one] = statements(node(text))
    assert one.allows and one.takes("s3:getobject") and not one.takes("s3:PutObject") and one.principals == ("x",)
    [other] = statements(node({"Statement": [{"Effect": "Deny", "NotAction": ["iam:*"], "Resource": ["a"]}]}))
    assert not other.allows and other.takes("s3:GetObject") and not other.takes("iam:PassRole")
    for wrong in ("{", UNKNOWN):
        with pytest.raises(Unjudged):
            statements(node(wrong))


def test_a_sum_shows_every_term() -> None:
    total = Sum()
    total.add("storefront", (3, "pods"), (5, "processes"))
    total.add("reserved", (2.5, "connections"))
    assert (total.total, str(total)) == (
        17.5,
        "storefront 15 (3 pods x 5 processes) + reserved 2.5 (2.5 connections) = 17.5",
    )
