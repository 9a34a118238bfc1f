"""Stacks of a few hand-made resources, one of them wrong."""

from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.conformance.model import Check, Mismatch, Outcome
from rehearsal.engine.model import Evaluation, Resource

Declared = tuple[str, dict[str, Any]]
StackOf = Callable[..., Evaluation]
OutcomeOf = Callable[..., Outcome]
FindingOf = Callable[..., Mismatch]


@pytest.fixture
def stack_of() -> StackOf:
    """A stack of resources given as (type token, inputs); they are named `one`, `two`, ..."""

    def make(*declared: Declared) -> Evaluation:
        resources = {}
        for name, (token, inputs) in zip(("one", "two", "three"), declared, strict=False):
            urn = f"urn:pulumi:test::odoo-retail::{token}::{name}"
            resources[urn] = Resource(urn, token, name, "", True, inputs, dict(inputs))
        return Evaluation("odoo-retail", "test", False, {}, frozenset(), resources, {}, {})

    return make


@pytest.fixture
def outcome_of(stack_of: StackOf) -> OutcomeOf:
    """Runs a check over hand-made resources; every outcome's sums add up."""

    def run(check: Check, *declared: Declared) -> Outcome:
        outcome = check.run(stack_of(*declared))
        assert outcome.total == outcome.checked + outcome.unchecked.total()
        return outcome

    return run


@pytest.fixture
def finding_of(outcome_of: OutcomeOf) -> FindingOf:
    """The one finding of a check in one resource; more or none fail the test."""

    def run(check: Check, declared: Declared) -> Mismatch:
        (finding,) = outcome_of(check, declared).findings
        assert finding.resource == f"{declared[0]} one"
        return finding

    return run
