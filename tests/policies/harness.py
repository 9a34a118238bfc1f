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

import copy
import gc
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any, Final

import pytest
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer

from guardrails.catalogue import RULES
from guardrails.config import read_config
from guardrails.graph import Graph
from guardrails.pack import NAME, Guardrails
from guardrails.resource import Resource as Recorded
from guardrails.resource import family
from guardrails.rule import Rule
from rehearsal.engine import wire
from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import UNKNOWN, Evaluation, Resource
from rehearsal.engine.project import read_project
from rehearsal.guardrails.requests import analyze_request
from rehearsal.paths import PROJECT_DIR
from tests.policies.direct import asked, declared

STACKS: Final = tuple(read_project(PROJECT_DIR).stacks())
MODES: Final = ("preview", "up")

CLOCK: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""When tests judge, unless they say otherwise: before the freeze of the peak stack, which begins on 2026-11-23."""

Resources = dict[str, Resource]


@dataclass(frozen=True)
class Edit:
    """A change of a program. `apply` returns the resources as changed, or None where there is nothing to change."""

    name: str
    apply: Callable[[Resources], Resources | None]
    on: frozenset[str] | None = None
    trips: bool = True
    judged_at: datetime = CLOCK
    given: Mapping[str, Any] = field(default_factory=dict)

    def __add__(self, other: "Edit") -> "Edit":
        """Both changes."""

        def both(resources: Resources) -> Resources | None:
            first = self.apply(resources)
            return None if first is None else other.apply(first)

        return replace(self, name=f"{self.name}, {other.name}", apply=both)

    def configuration(self, evaluation: Evaluation) -> dict[str, Any]:
        """What the pack is given with it, for this evaluation of a stack."""
        return {key: value(evaluation) if callable(value) else value for key, value in self.given.items()}

    def at(self, moment: datetime) -> "Edit":
        """The same edit, judged at another time."""
        return replace(self, name=f"{self.name} at {moment:%Y-%m-%d %H:%M}", judged_at=moment)


NOTHING: Final = Edit("nothing", lambda resources: resources)


def fine(edit: Edit) -> Edit:
    """An edit under `absent` or `unknown` that the rule takes: a safe default, or skipped on purpose."""
    return replace(edit, trips=False)


def only(on: Iterable[str], edit: Edit) -> Edit:
    """An edit that trips the rule on these stacks alone."""
    return replace(edit, on=frozenset(on))


def given(edit: Edit, **configuration: Any) -> Edit:
    """The same edit, with more configuration for the pack; a value may be a function of the stack's evaluation."""
    return replace(edit, given={**edit.given, **configuration})


def put(what: str, path: str, value: Any) -> Edit:
    """Sets `path` of every resource that `what` names (see `chosen`); `value` may be a function of what is there."""

    def change(inputs: dict[str, Any]) -> bool:
        return _set(inputs, path, value)

    return Edit(f"{what} {path} = {value if not callable(value) else '...'}", _changing(what, change))


def drop(what: str, path: str) -> Edit:
    """Takes `path` away."""
    return Edit(f"{what} without {path}", _changing(what, lambda inputs: _set(inputs, path, _GONE)))


def forget(what: str, path: str) -> Edit:
    """Makes what is at `path` unknown, as an output of something not yet deployed."""
    return Edit(f"{what} {path} unknown", _changing(what, lambda inputs: _set(inputs, path, UNKNOWN)))


def delete(what: str) -> Edit:
    """Takes resources out of the program."""

    def change(resources: Resources) -> Resources | None:
        gone = set(chosen(resources, what))
        return {urn: each for urn, each in resources.items() if urn not in gone} if gone else None

    return Edit(f"no {what}", change)


def protect(what: str, protected: bool) -> Edit:
    """Sets the resource option."""

    def change(resources: Resources) -> Resources | None:
        urns = chosen(resources, what)
        changed = {urn: replace(resources[urn], protect=protected) for urn in urns}
        return {**resources, **changed} if urns else None

    return Edit(f"{what} protect={protected}", change)


def add(type_token: str, name: str, inputs: Mapping[str, Any], beside: str = "") -> Edit:
    """Adds a resource; only where `beside` is there, if given. Inputs may be a copy of another's with changes."""

    def change(resources: Resources) -> Resources | None:
        if beside and not chosen(resources, beside):
            return None
        stack = next(iter(resources)).split(":")[2]
        urn = f"urn:pulumi:{stack}::odoo-retail::{type_token}::{name}"
        return {**resources, urn: Resource(urn, type_token, name, "", True, dict(inputs), dict(inputs))}

    return Edit(f"added {type_token.rpartition(':')[2]} {name}", change)


def modify(name: str, what: str, change: Callable[[dict[str, Any]], Any]) -> Edit:
    """Any change of inputs: `change` edits its own copy in place."""

    def run(inputs: dict[str, Any]) -> bool:
        change(inputs)
        return True

    return Edit(name, _changing(what, run))


def unlink(what: str, key: str) -> Edit:
    """Takes away what an input was made from: it is written as a literal now."""

    def change(resources: Resources) -> Resources | None:
        urns = chosen(resources, what)
        changed = {
            urn: replace(
                resources[urn],
                property_dependencies={k: v for k, v in resources[urn].property_dependencies.items() if k != key},
            )
            for urn in urns
        }
        return {**resources, **changed} if urns else None

    return Edit(f"{what} {key} detached", change)


def chosen(resources: Resources, what: str) -> list[str]:
    """URNs of the resources named by a type token, with `::` and a part of the name behind it if not all are meant.

    A part that begins with `=` is the whole name of a Kubernetes object.
    """
    type_token, _, part = what.partition("::")
    wanted = family(type_token)
    found = []
    for urn, resource in resources.items():
        if family(resource.type) != wanted:
            continue
        metadata = resource.inputs.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else resource.name
        if part in resource.name or (part.startswith("=") and name == part[1:]):
            found.append(urn)
    return found


_GONE: Final = object()


def _changing(what: str, change: Callable[[dict[str, Any]], bool]) -> Callable[[Resources], Resources | None]:
    def apply(resources: Resources) -> Resources | None:
        changed = {}
        for urn in chosen(resources, what):
            inputs = copy.deepcopy(resources[urn].inputs)
            if change(inputs):
                changed[urn] = replace(resources[urn], inputs=inputs)
        return {**resources, **changed} if changed else None

    return apply


def _set(inputs: dict[str, Any], path: str, value: Any) -> bool:
    """Sets or takes away what is at a dotted path; `[0]`, `[*]` and `[name=X]` are items of lists.

    A key with dots in it stands in quotes: `metadata.labels."app.kubernetes.io/name"`. False where nothing is there to
    take away or to look into.
    """
    places: list[Any] = [inputs]
    *above, last = _keys(path)
    for key in above:
        deeper: list[Any] = []
        for place in places:
            if isinstance(place, list):
                deeper += [place[index] for index in _indexes(place, key)]
            elif isinstance(place, dict) and (key in place or value is not _GONE):
                deeper.append(place.setdefault(key, {}) if value is not _GONE else place[key])
        places = deeper
    changed = False
    for place in places:
        if isinstance(place, list):
            for index in _indexes(place, last):
                place[index] = _new(value, place[index])
                changed = True
            if value is _GONE:
                place[:] = [item for item in place if item is not _GONE]
        elif isinstance(place, dict):
            if value is _GONE:
                changed |= place.pop(last, _GONE) is not _GONE
            else:
                place[last] = _new(value, place.get(last))
                changed = True
    return changed


def _indexes(place: list[Any], key: str) -> list[int]:
    """`*` for all items, a number for one, `name=X` for those with that field."""
    name, equals, wanted = key.partition("=")
    if equals:
        return [index for index, item in enumerate(place) if isinstance(item, dict) and item.get(name) == wanted]
    return [index for index in range(len(place)) if key in ("*", str(index))]


def _new(value: Any, before: Any) -> Any:
    return value(before) if callable(value) else copy.deepcopy(value) if value is not _GONE else _GONE


def _keys(path: str) -> list[str]:
    keys: list[str] = []
    for number, part in enumerate(path.split('"')):
        if number % 2:
            keys.append(part)
        else:
            keys += [key for key in part.replace("[", ".").replace("]", "").split(".") if key]
    return keys


@cache
def shipped(stack: str, mode: str) -> Evaluation:
    """A shipped stack, evaluated once in a session."""
    return evaluate(PROJECT_DIR, stack, preview=mode == "preview")


class Bench:
    """A stack under the pack, in process and through the SDK's own servicer: the code path of production.

    The stack is shown to the pack once; an edit shows it only what it changes, judges, and puts it back: what is
    not edited keeps what resource rules said of it, whatever clock and configuration the edit brings. AnalyzeStack
    gets no properties at all, as in the preview of a new stack: rules live on what was recorded.
    """

    def __init__(self, evaluation: Evaluation, rules: Mapping[str, Rule] = RULES) -> None:
        self._evaluation = evaluation
        self._servicer: Any = _PolicyAnalyzerServicer(
            NAME, "0.0.1", Guardrails(rules, CLOCK).policies, EnforcementLevel.MANDATORY
        )
        self._alone = {urn: self._analyze(resource) for urn, resource in evaluation.resources.items()}
        self._resources = evaluation.resources

    def judge(self, edit: Edit | None = None) -> list[tuple[str, str]] | None:
        """Rule id and message of every violation after `edit`; None where there is nothing to edit."""
        changed = self._resources if edit is None else edit.apply(self._resources)
        if changed is None:
            return None
        given = (edit or NOTHING).configuration(self._evaluation)
        self._configure({**given, "now": (edit or NOTHING).judged_at.isoformat()})
        touched = [urn for urn, resource in changed.items() if resource is not self._resources.get(urn)]
        # The pack reads its configuration with a resource: where the edit is of the clock alone, one is shown again.
        touched = touched or [next(iter(changed))]
        try:
            alone = {urn: self._analyze(changed[urn]) for urn in touched}
            found = [each for urn in changed for each in alone.get(urn, self._alone.get(urn, []))]
            found += self._told(self._servicer.AnalyzeStack(_stack(changed), None))
        finally:
            self._configure({"now": CLOCK.isoformat()})
            for urn in touched:
                if urn in self._resources:
                    self._analyze(self._resources[urn])
        return found

    def changes(self, edit: Edit) -> list[tuple[str, str]] | None:
        """What `edit` adds to what the stack breaks already, which should be nothing (test_shipped.py)."""
        found = self.judge(edit)
        return None if found is None else [each for each in found if each not in self._already]

    @cached_property
    def _already(self) -> list[tuple[str, str]]:
        return self.judge() or []

    def _configure(self, given: Mapping[str, Any]) -> None:
        config = analyzer_pb2.PolicyConfig(
            enforcementLevel=analyzer_pb2.MANDATORY, properties=wire.to_struct(dict(given))
        )
        self._servicer.Configure(
            analyzer_pb2.ConfigureAnalyzerRequest(policyConfig={"mandatory-resource": config}), None
        )

    def _analyze(self, resource: Resource) -> list[tuple[str, str]]:
        return self._told(self._servicer.Analyze(analyze_request(resource, self._evaluation), None))

    @staticmethod
    def _told(answer: Any) -> list[tuple[str, str]]:
        # The SDK puts the policy's description on a line before each message.
        messages = [each.message.partition("\n")[2] or each.message for each in answer.diagnostics]
        return [(message.partition(" ")[0], message) for message in messages]


def _stack(resources: Resources) -> analyzer_pb2.AnalyzeStackRequest:
    listed = [
        analyzer_pb2.AnalyzerResource(
            type=each.type,
            urn=each.urn,
            name=each.name,
            parent=each.parent,
            options=analyzer_pb2.AnalyzerResourceOptions(protect=each.protect),
            dependencies=each.dependencies,
            propertyDependencies={
                key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
                for key, urns in each.property_dependencies.items()
            },
        )
        for each in resources.values()
    ]
    return analyzer_pb2.AnalyzeStackRequest(resources=listed)


@cache
def bench(stack: str, mode: str) -> Bench:
    """A shipped stack under the pack, kept for the session."""
    made = Bench(shipped(stack, mode))
    # What a bench keeps lives as long as the session: a quarter of the time went into looking for garbage in it.
    gc.collect()
    gc.freeze()
    return made


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
