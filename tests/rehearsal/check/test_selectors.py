from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.check.selectors import could_select, described
from rehearsal.engine.model import UNKNOWN

LABELS = {"app": "web", "tier": "pos"}
words = st.sampled_from(["app", "tier", "web", "pos", "till"])
labels = st.dictionaries(words, words)
expressions = st.fixed_dictionaries(
    {
        "key": words,
        "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
        "values": st.lists(words, max_size=3),
    }
)
selectors = st.fixed_dictionaries({"matchLabels": labels, "matchExpressions": st.lists(expressions, max_size=3)})


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "tier": "web"}}, False),
        ({"matchLabels": {"zone": "a"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "till"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_as_kubernetes_does(selector: dict[str, Any], fits: bool) -> None:
    assert could_select(selector, LABELS) is fits


@given(selectors, labels, words)
def test_an_unknown_value_never_rules_out_what_a_known_one_allows(
    selector: dict[str, Any], known: dict[str, str], key: str
) -> None:
    if key in known and could_select(selector, known):
        assert could_select(selector, known | {key: UNKNOWN})


@given(selectors, labels)
def test_a_narrower_selector_selects_no_more(selector: dict[str, Any], known: dict[str, str]) -> None:
    if could_select(selector, known):
        assert could_select({"matchLabels": selector["matchLabels"]}, known)
        assert could_select({"matchExpressions": selector["matchExpressions"]}, known)


def test_an_unknown_selector_could_select_anything() -> None:
    assert could_select(UNKNOWN, LABELS)
    assert could_select({"matchLabels": {"app": UNKNOWN}}, LABELS)
    assert not could_select(None, LABELS)


def test_in_words() -> None:
    selector = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [{"key": "a", "operator": "In", "values": ["b", "c"]}],
    }
    assert described(selector) == "app=web, a In (b,c)"
    assert described({}) == "{}"
