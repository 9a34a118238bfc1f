"""How a rule is tested: as edits of the shipped stacks.

    TESTS = {
        "db-04": RuleTests(
            on={"peak"},
            violating=[put(CLUSTER, "spec.postgresql.synchronous.number", 0)],
            absent=[drop(CLUSTER, "spec.postgresql.synchronous")],
            unknown=[forget(CLUSTER, "spec.postgresql.synchronous.number")],
            compliant=[put(CLUSTER, "spec.postgresql.synchronous.number", 2)],
        ),
    }
    test_edits, test_without, test_whole = rules_tested("db", TESTS)

`on` are the stacks that the rule applies to, all of the shipped ones unless said. Every edit is made on every shipped
stack that has what it edits, and the rule asked alone (direct.py): on those of `on` it must trip the rule (or with
`fine(...)`, and under `compliant`, must not), on the others it must not. On the largest of these stacks the whole pack
judges, through the SDK's own servicer: a violating edit may trip no rule beside this one and its declared `implies`, a
compliant one none. A violating edit must be caught after a first deployment as well; with a rule that says nothing its
test must fail. Each rule must have edits of all four kinds.

`only({"peak"}, edit)` narrows one edit to stacks; `edit.at(moment)` moves the clock, `given(edit, key=value)`
configures the pack; `+` joins edits. What is already broken in a stack (nothing should be: test_shipped.py) is not
counted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest

from guardrails.catalogue import RULES
from guardrails.config import read_config
from guardrails.graph import Graph
from guardrails.resource import Resource as Recorded
from rehearsal.engine.model import Resource
from tests.policies.bench import bench
from tests.policies.direct import asked, declared
from tests.policies.edits import Edit
from tests.policies.shipped import STACKS, shipped

CAUGHT: dict[str, dict[str, list[str]]] = {}
"""By rule and stack, the edits that tripped the rule there in this run."""


@dataclass(frozen=True)
class RuleTests:
    """What must trip one rule and what must not; see the module."""

    violating: list[Edit]
    absent: list[Edit]
    unknown: list[Edit]
    compliant: list[Edit]
    on: Iterable[str] = STACKS


@dataclass(frozen=True)
class Case:
    """One edit of one stack, and whether it must trip the rule there."""

    rule: str
    kind: str
    edit: Edit
    on: frozenset[str]

    def __str__(self) -> str:
        return f"{self.rule} {self.kind}: {self.edit.name}"


def cases(tests: Mapping[str, RuleTests]) -> list[Case]:
    """Every edit of every rule."""
    listed = []
    for rule_id, one in tests.items():
        for kind in ("violating", "absent", "unknown", "compliant"):
            for edit in getattr(one, kind):
                applies = frozenset(one.on if edit.on is None else edit.on)
                on = applies if edit.trips and kind != "compliant" else frozenset()
                listed.append(Case(rule_id, kind, edit, on))
    return listed


def rules_tested(area: str, tests: Mapping[str, RuleTests]) -> tuple[Any, Any, Any]:
    """The tests of an area: `test_edits, test_without, test_whole = rules_tested("db", TESTS)`."""

    @pytest.mark.parametrize("case", cases(tests), ids=str)
    def test_edits(case: Case) -> None:
        check(case)

    @pytest.mark.parametrize("rule_id", tests)
    def test_without(rule_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """With a rule that says nothing, each of its violating edits must fail its test."""
        monkeypatch.setitem(RULES, rule_id, replace(RULES[rule_id], check=lambda *_: iter(())))
        for case in cases({rule_id: tests[rule_id]}):
            if case.kind == "violating":
                with pytest.raises(AssertionError, match="trips on"):
                    check(case)

    def test_whole() -> None:
        declared = {rule_id for rule_id in RULES if RULES[rule_id].area == area}
        assert set(tests) == declared, "every rule of the area is tested, and nothing else"
        for rule_id, one in tests.items():
            for kind in ("violating", "absent", "unknown", "compliant"):
                assert getattr(one, kind), f"{rule_id} has no {kind} edit"

    return test_edits, test_without, test_whole


def check(case: Case) -> None:
    """Makes the edit on every shipped stack and compares what trips with what should."""
    reached = [stack for stack in STACKS if case.edit.apply(shipped(stack, "preview").resources) is not None]
    assert reached, "no shipped stack has what this edits"
    tripped = {stack for stack in reached if _trips(case, stack, "preview")}
    assert tripped == case.on, f"trips on {sorted(tripped)}, should on {sorted(case.on)}"
    largest = max(tripped or reached, key=_size)
    if case.kind == "violating":
        _check_violating(case, largest)
    elif case.kind == "compliant":
        found = bench(largest, "preview").changes(case.edit)
        assert not found, f"{largest}: nothing should be said: {found}"
    for stack in tripped:
        CAUGHT.setdefault(case.rule, {}).setdefault(stack, []).append(case.edit.name)


def _size(stack: str) -> int:
    return len(shipped(stack, "preview").resources)


def _trips(case: Case, stack: str, mode: str) -> bool:
    """Whether the rule, asked alone, has something to say after the edit."""
    resources = case.edit.apply(shipped(stack, mode).resources)
    assert resources is not None
    given = {**case.edit.configuration(shipped(stack, mode)), "now": case.edit.judged_at.isoformat()}
    graph = Graph([_recorded(stack, mode, each) for each in resources.values()], read_config(given))
    return any(asked(RULES[case.rule], graph))


def _recorded(stack: str, mode: str, resource: Resource) -> Recorded:
    """A resource as rules see it; what an edit leaves alone is read once in a session."""
    before, recorded = _kept(stack, mode).get(resource.urn, (None, None))
    return recorded if recorded is not None and before is resource else declared(resource).resource()


@cache
def _kept(stack: str, mode: str) -> dict[str, tuple[Resource, Recorded]]:
    return {urn: (each, declared(each).resource()) for urn, each in shipped(stack, mode).resources.items()}


def _check_violating(case: Case, stack: str) -> None:
    """The whole pack says that the rule is broken and nothing else; after a first deployment, when more is known, the
    rule says so as well."""
    found = bench(stack, "preview").changes(case.edit) or []
    assert case.rule in {rule_id for rule_id, _ in found}, f"{stack}: the pack says {found}"
    others = [message for rule_id, message in found if rule_id not in {case.rule, *RULES[case.rule].implies}]
    assert not others, f"{stack}: beside {case.rule} and what it implies: {others}"
    assert _trips(case, stack, "up"), f"{stack}: nothing is said after a first deployment"
