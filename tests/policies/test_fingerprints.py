"""Fingerprints: the same for what is the same, whatever the wire made of it, and different in exactly one place."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guardrails.fingerprints import OPEN, at, differences, fingerprint, listed, shown, within
from guardrails.reading import UNKNOWN

KEYS = st.sampled_from(["name", "a", "b.c", "image"])
SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3) | st.floats(-2, 2)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3))


def over_the_wire(value: Any) -> Any:
    """As the engine hands it over: numbers are floats."""
    if isinstance(value, dict):
        return {key: over_the_wire(item) for key, item in value.items()}
    if isinstance(value, list):
        return [over_the_wire(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_what_is_the_same_differs_nowhere(value: dict[str, Any]) -> None:
    assert list(differences(fingerprint(value), over_the_wire(copy.deepcopy(value)))) == []


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4), st.data())
def test_one_change_is_found_where_it_is(value: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(value)))
    found = list(differences(fingerprint(value), {**value, key: "another value"}))
    assert found and all(path[0] == key for path in found)


def test_an_item_more_shifts_no_other() -> None:
    before = fingerprint({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]})
    after = {"env": [{"name": "N", "value": "0"}, {"name": "A", "value": "1"}, {"name": "B", "value": "3"}]}
    assert {shown(path) for path in differences(before, after)} == {"env[B].value", "env[N]"}
    assert "A" not in str(before), "a name is a value"


def test_what_is_open_may_be_anything_but_gone() -> None:
    before = fingerprint({"password": {"$secret": True}, "arn": {"$unknown": True}, "list": [1, {"$unknown": True}]})
    assert before["password"] == OPEN
    assert list(differences(before, {"password": "x", "arn": UNKNOWN, "list": [1, "y"]})) == []
    assert list(differences(before, {"password": "x", "list": [1, "y"]})) == [("arn",)]


def test_what_was_known_and_is_not_differs() -> None:
    before = fingerprint({"spec": {"a": 1, "items": [1, 2]}})
    for after in ({"spec": UNKNOWN}, {"spec": {"a": UNKNOWN, "items": [1, 2]}}, {"spec": {"a": 1, "items": UNKNOWN}}):
        assert len(list(differences(before, after))) == 1


def test_nulls_and_what_a_provider_filled_in_are_not_given() -> None:
    before = fingerprint({"tags": {"a": "b"}, "spec": {"x": 1, "gone": None}})
    after = {
        "tags": {"a": "b", "__defaults": []},
        "spec": {"x": 1, "other": None, "__defaults": ["filled"], "filled": "by the provider"},
        "__defaults": ["region"],
        "region": "eu-central-1",
    }
    assert list(differences(before, after)) == []


@pytest.mark.parametrize(
    ("path", "patterns", "inside"),
    [
        (("spec", "limits", "cpu"), [("spec", "limits")], True),
        (("spec", "limits"), [("spec", "limits")], True),
        (("spec",), [("spec", "limits")], False),
        (("spec", "triggers", 2, "metadata", "query"), [("spec", "triggers", "*", "metadata", "query")], True),
        (("spec", "triggers"), [("spec", "triggers", "*")], False),
        (("spec",), [], False),
    ],
)
def test_what_a_pattern_names(path: Any, patterns: Any, inside: bool) -> None:
    assert within(path, patterns) is inside


def test_parts_are_compared_by_pattern() -> None:
    one = fingerprint({"containers": [{"name": "a", "image": "1"}], "x": {"y": 1}})
    two = fingerprint({"containers": [{"name": "a", "image": "2"}], "x": {"y": 1}})
    pattern = ("containers", "*", "image")
    assert at(one, pattern) != at(two, pattern)
    assert at(one, ("x", "y")) == at(two, ("x", "y"))


def test_messages_name_a_few() -> None:
    assert listed([("a", str(number)) for number in range(6)]) == "a.0, a.1, a.2, a.3 and 2 more"
    assert listed([("a", 0, "[b]", "c")]) == "a[0][b].c"
