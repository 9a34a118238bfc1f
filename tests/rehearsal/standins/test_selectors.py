from typing import Any

import pytest

from rehearsal.standins.selectors import fits_labels, requirement_holds, selects, tolerates

LABELS = {"zone": "a", "cpu": "8"}


@pytest.mark.parametrize(
    ("key", "operator", "values", "holds"),
    [
        ("zone", "In", ["a", "b"], True),
        ("zone", "In", ["b"], False),
        ("none", "In", ["b"], False),
        ("zone", "NotIn", ["b"], True),
        ("none", "NotIn", ["b"], True),
        ("zone", "NotIn", ["a"], False),
        ("zone", "Exists", [], True),
        ("none", "Exists", [], False),
        ("none", "DoesNotExist", [], True),
        ("cpu", "Gt", ["7"], True),
        ("cpu", "Gt", ["8"], False),
        ("cpu", "Lt", ["16"], True),
        ("none", "Lt", ["16"], False),
    ],
)
def test_requirements(key: str, operator: str, values: list[str], holds: bool) -> None:
    assert requirement_holds({"key": key, "operator": operator, "values": values}, LABELS) is holds


def test_an_unknown_operator_is_an_error() -> None:
    with pytest.raises(ValueError, match="Around"):
        requirement_holds({"key": "zone", "operator": "Around"}, LABELS)


def test_label_selectors() -> None:
    assert selects({"matchLabels": {"zone": "a"}}, LABELS)
    assert not selects({"matchLabels": {"zone": "a", "x": "y"}}, LABELS)
    assert not selects({"matchLabels": {"zone": "a"}, "matchExpressions": [{"key": "x", "operator": "Exists"}]}, LABELS)
    assert selects({}, LABELS)
    assert not selects(None, LABELS)


TAINT = {"key": "retail/pool", "value": "web", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "retail/pool", "value": "web", "effect": "NoSchedule"}, True),
        ({"key": "retail/pool", "value": "web"}, True),
        ({"key": "retail/pool", "operator": "Exists"}, True),
        ({"operator": "Exists"}, True),
        ({"key": "retail/pool", "value": "jobs"}, False),
        ({"key": "retail/pool", "value": "web", "effect": "NoExecute"}, False),
        ({"key": "other", "operator": "Exists"}, False),
    ],
)
def test_tolerations(toleration: dict[str, Any], tolerated: bool) -> None:
    assert tolerates([toleration], [TAINT]) is tolerated


def test_every_taint_needs_its_toleration_but_a_preference_none() -> None:
    other = {**TAINT, "key": "other"}
    assert not tolerates([{"key": "retail/pool", "operator": "Exists"}], [TAINT, other])
    assert tolerates([], [{**TAINT, "effect": "PreferNoSchedule"}])


def test_node_terms_are_alternatives_and_the_selector_holds_in_each() -> None:
    def spec(*values: str) -> dict[str, Any]:
        terms = [{"matchExpressions": [{"key": "zone", "operator": "In", "values": [value]}]} for value in values]
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
        return {"nodeSelector": {"cpu": "8"}, "affinity": {"nodeAffinity": required}}

    assert fits_labels(spec("b", "a"), LABELS)
    assert not fits_labels(spec("b", "c"), LABELS)
    assert not fits_labels(spec("a"), {"zone": "a", "cpu": "4"})
    assert fits_labels({}, LABELS)
