"""Odd input: every property in turn unknown, null, or of another type. No rule crashes, and none falls silent on it."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

import pytest

from guardrails.catalogue import RULES
from guardrails.resource import family
from rehearsal.engine.model import UNKNOWN
from tests.policies.harness import Edit, Resources, bench, shipped

STACK: Final = "peak"
ODD: Final[dict[str, Any]] = {
    "unknown": UNKNOWN,
    "null": None,
    "text": "odd",
    "number": 3.5,
    "list": ["odd", None],
    "mapping": {"odd": None},
}
JUDGED: Final = sorted({family(kind) for rule in RULES.values() for kind in rule.of} | {"retail:platform:Retailer"})


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place inside `value`, the outermost first."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


def replaced(urn: str, path: tuple[Any, ...], value: Any) -> Edit:
    def apply(resources: Resources) -> Resources:
        inputs = copy.deepcopy(resources[urn].inputs)
        place = inputs
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = value
        return {**resources, urn: replace(resources[urn], inputs=inputs)}

    return Edit(".".join(map(str, path)), apply)


@pytest.mark.parametrize("kind", JUDGED)
def test_no_rule_crashes_on_odd_properties(kind: str) -> None:
    """One resource of each judged kind, its places in turn; odd values go round so that each kind meets all of them."""
    resources = shipped(STACK, "preview").resources
    urn = next((urn for urn, each in resources.items() if family(each.type) == kind), None)
    if urn is None:
        pytest.skip(f"{STACK} has no {kind}")
    found = list(places(resources[urn].inputs))
    step = max(1, len(found) // 24)
    for number, path in enumerate(found[::step]):
        name, value = list(ODD.items())[number % len(ODD)]
        told = bench(STACK, "preview").judge(replaced(urn, path, value)) or []
        crashes = [message for _, message in told if "report this rule" in message]
        assert not crashes, f"{'.'.join(map(str, path))} is {name}: {crashes}"
