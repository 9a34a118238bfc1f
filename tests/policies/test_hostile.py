"""Odd input to the pack: no rule crashes, and none falls silent.

Which places rules look at their own reads tell (mutations/reads.py), what is not there among them. Each in turn is
unknown and of another type than it should be, on the first stack that has its kind: a violation must follow where one
follows from a mutation (mutations/caught.txt) or where nothing stands yet, or mutations/tolerated.yaml says why none
does. `make test` looks at some of them, `make test-guardrails` at all.
"""

import re
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from guardrails.catalogue import RULES
from rehearsal.engine.model import Secret
from tests.policies.bench import bench
from tests.policies.direct import Declared
from tests.policies.edits import Edit, Resources
from tests.policies.mutations import verdicts
from tests.policies.mutations.lab import Change, Lab
from tests.policies.mutations.oddities import ODD, Place, read_places, with_odd, wrong_for
from tests.policies.shipped import STACKS

HOMES = ("peak", *(stack for stack in STACKS if stack != "peak"))
"""Stacks in the order in which a kind is looked for."""

SHARE = 5
"""One in so many places is looked at by `make test`."""

CRASH = re.compile(r"can't be judged: \w+ in \w+\.py:\d+")
JUDGED = sorted({kind for rule in RULES.values() for kind in rule.of})


@cache
def lab(stack: str) -> Lab:
    return Lab(stack)


@cache
def places(stack: str) -> list[Place]:
    """Those that rules look at, of kinds that no stack before this one has."""
    before = HOMES[: HOMES.index(stack)]
    return read_places(lab(stack), frozenset(kind for each in before for kind in lab(each).kinds))


@pytest.fixture
def share(request: pytest.FixtureRequest) -> int:
    return 1 if request.config.getoption("--matrix", default=False) else SHARE


@pytest.mark.parametrize("stack", HOMES)
def test_nothing_odd_falls_silent(stack: str, share: int) -> None:
    tolerated = verdicts.reviewed(verdicts.TOLERATED)
    matters = {(kind, pattern) for kind, pattern, _ in verdicts.caught()}
    silent = []
    for place in places(stack)[::share]:
        if not place.missing and (place.kind, place.pattern) not in matters:
            continue
        if verdicts.verdict_of((place.kind, place.pattern, ""), tolerated):
            continue
        for odd in (ODD["unknown"], wrong_for(place.value)):
            change = with_odd(lab(stack), place, odd)
            if change and not lab(stack).judge(change):
                silent.append(f"{place} is {odd!r}")
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize("stack", HOMES)
def test_no_rule_crashes_on_anything_odd(stack: str, share: int) -> None:
    """What stands there goes round, so that each kind meets all of it."""
    crashes = []
    odd = list(ODD.items())
    for number, place in enumerate(places(stack)[:: 2 * share]):
        for name, value in odd if share == 1 else (odd[number % len(odd)],):
            change = with_odd(lab(stack), place, value)
            told = lab(stack).judge(change) if change else []
            crashes += [f"{place} is {name}: {what}" for _, what in told if CRASH.search(what)]
    assert not crashes, "\n".join(crashes)


@pytest.mark.parametrize("kind", JUDGED)
def test_a_resource_that_is_nothing_but_odd_crashes_no_rule(kind: str) -> None:
    """Of kinds too that no shipped stack has."""
    stack = lab("training")
    for name, odd in ODD.items():
        shapes: list[dict[str, Any]] = [{}, {"metadata": odd, "spec": odd}, {"spec": {"template": odd, "rules": odd}}]
        for number, inputs in enumerate(shapes):
            urn = f"urn:pulumi:training::odoo-retail::{kind}::odd-{number}"
            declared = Declared(urn, kind, f"odd-{number}", inputs, False, "", "", ())
            told = stack.judge(Change({urn: declared}))
            assert not [what for _, what in told if CRASH.search(what)], f"{name}, shape {number}"


@pytest.mark.parametrize("stack", STACKS)
def test_numbers_as_floats_and_texts_as_secrets_change_nothing(stack: str) -> None:
    """Through the SDK: its wire has floats only, and marks what is secret."""

    def marked(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: marked(item) for key, item in value.items()}
        if isinstance(value, list):
            return [marked(item) for item in value]
        if isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        return Secret(value) if isinstance(value, str) else value

    def everywhere(resources: Resources) -> Resources:
        return {urn: replace(each, inputs=marked(each.inputs)) for urn, each in resources.items()}

    assert bench(stack, "preview").changes(Edit("all is secret", everywhere)) == []


def test_among_five_thousand_resources_no_rule_crashes_and_each_stranger_is_seen() -> None:
    """Other retailers' objects beside the stack's own. What it costs is measured by `make bench`."""
    stack = lab("training")
    strangers: dict[str, Declared | None] = {}
    number = 0
    while len(strangers) < 5000:
        number += 1
        for urn, each in stack.declared.items():
            if not each.type.startswith(("retail:", "pulumi:")):
                strangers[f"{urn}-{number}"] = replace(
                    each,
                    urn=f"{urn}-{number}",
                    name=f"{each.name}-{number}",
                    inputs=_of(each.inputs, f"stranger-{number}"),
                    made_from={key: tuple(f"{urn}-{number}" for urn in urns) for key, urns in each.made_from.items()},
                )
    told = stack.judge(Change(strangers))
    assert not [what for _, what in told if CRASH.search(what)]
    seen = {rule_id + name for rule_id, what in told for name in re.findall(r"stranger-\d+", what)}
    assert {f"iso-04stranger-{each}" for each in range(1, number + 1)} <= seen


def _of(value: Any, other: str) -> Any:
    """The same for another retailer."""
    if isinstance(value, dict):
        return {_of(key, other): _of(item, other) for key, item in value.items()}
    if isinstance(value, list):
        return [_of(item, other) for item in value]
    return value.replace("grand-bazar", other).replace("grand_bazar", other) if isinstance(value, str) else value
