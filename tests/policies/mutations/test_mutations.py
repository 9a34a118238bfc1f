"""Every property of every shipped stack, made worse: what rules must catch they catch, and no harmless edit trips one.

`make test` looks at each caught pair once, on one stack, and asks only the rules that should catch it. The whole, in
which every rule is asked about every pair on every stack, is `make test-guardrails` (`--matrix`).
"""

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from guardrails.catalogue import RULES
from tests.policies.bench import bench
from tests.policies.direct import as_sent
from tests.policies.edits import Edit
from tests.policies.mutations import harmless, verdicts
from tests.policies.mutations.__main__ import look_at_all
from tests.policies.mutations.graph import Mutation, Pair, every
from tests.policies.mutations.lab import Lab
from tests.policies.mutations.survey import LAST
from tests.policies.shipped import STACKS


@cache
def lab(stack: str) -> Lab:
    return Lab(stack)


@cache
def _by_place(stack: str) -> dict[tuple[Pair, str], list[Mutation]]:
    found: dict[tuple[Pair, str], list[Mutation]] = {}
    for each in every(lab(stack)):
        found.setdefault((each.pair, f"{stack}/{each.role}"), []).append(each)
    return found


@pytest.mark.parametrize("stack", STACKS)
def test_what_rules_caught_they_still_catch(stack: str) -> None:
    """Each pair once, where caught.txt says; one operator of each place."""
    lost, seen = [], set()
    for pair, catch in verdicts.caught().items():
        if not catch.where.startswith(f"{stack}/") or pair[:2] in seen:
            continue
        seen.add(pair[:2])
        alike = _by_place(stack).get((pair, catch.where), [])
        if not any(lab(stack).judge(each.make(), catch.rules) for each in alike[:TRIES]):
            lost.append(f"{' | '.join(pair)} ({catch.where}): no more caught by {', '.join(sorted(catch.rules))}")
    assert not lost, "\n".join(lost)


TRIES = 8
"""Resources of a role that are tried: rules ask different things of tiers."""


@pytest.mark.parametrize("name", harmless.EDITS)
@pytest.mark.parametrize("stack", STACKS)
def test_harmless_edits_trip_nothing(stack: str, name: str) -> None:
    assert lab(stack).judge(harmless.change(lab(stack), harmless.EDITS[name])) == []


def test_every_verdict_names_rules_that_there_are() -> None:
    assert {rule for catch in verdicts.caught().values() for rule in catch.rules} <= set(RULES)


@pytest.mark.parametrize("stack", ["peak", "platform"])
def test_the_pack_itself_judges_as_the_lab_does(stack: str) -> None:
    """The lab leaves out the SDK: a sample goes through both."""
    pairs = [pair for pair, catch in sorted(verdicts.caught().items()) if catch.where.startswith(f"{stack}/")]
    for pair in pairs[:: max(1, len(pairs) // 12)]:
        mutation = _by_place(stack)[pair, verdicts.caught()[pair].where][0]
        told = bench(stack, "preview").judge(_edit(mutation)) or []
        assert {rule for rule, _ in told} == {rule for rule, _ in lab(stack).judge(mutation.make(), RULES)}, mutation


def _edit(mutation: Mutation) -> Edit:
    """The same mutation for the harness."""

    def apply(resources: dict[str, Any]) -> dict[str, Any]:
        changed = dict(resources)
        for urn, each in mutation.make().resources.items():
            if each is None:
                del changed[urn]
            else:
                made_from = {key: list(urns) for key, urns in each.made_from.items()}
                changed[urn] = replace(
                    changed[urn],
                    inputs=as_sent(each.inputs),
                    protect=each.protect,
                    property_dependencies=made_from,
                )
        return changed

    return Edit(str(mutation), apply)


@pytest.mark.whole
def test_every_pair_has_its_verdict() -> None:
    """Minutes: all of it. What it prints is what to look at."""
    survey = look_at_all(STACKS)
    LAST.append(survey)
    assert not list(survey.complaints(verdicts.caught(), verdicts.reviewed()))
