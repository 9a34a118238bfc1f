"""The frame around the rules: nothing crashes, nothing passes silently, levels and waivers do what they say."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer

from guardrails.catalogue import RULES
from guardrails.config import read_config
from guardrails.graph import Graph
from guardrails.kinds import POSTGRES_CLUSTER
from guardrails.pack import CONFIGURED, NAME, Guardrails
from guardrails.resource import Resource
from guardrails.rule import DECLARED, Level, Protects, Rule, Severity, Violation
from rehearsal.engine import wire
from rehearsal.engine.model import UNKNOWN
from tests.policies.shipped import CLOCK

Told = list[tuple[str, int]]
MANDATORY, ADVISORY = analyzer_pb2.MANDATORY, analyzer_pb2.ADVISORY


def rule(check: Any, *, rule_id: str = "az-77", of: tuple[str, ...] = (), alone: bool = False, **more: Any) -> Rule:
    made = Rule(rule_id, Severity.HIGH, "says", "why", "fix it", "scenario", (), None, of, alone, check)
    return replace(made, **more)


@pytest.fixture(autouse=True)
def _declared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules of these tests are declared as long as a test runs."""
    for rule_id in ("az-77", "az-78"):
        monkeypatch.setitem(DECLARED, rule_id, rule(list, rule_id=rule_id))


class Engine:
    """One pack of these rules, driven through the SDK's servicer."""

    def __init__(self, *rules: Rule, config: Mapping[str, Any] | None = None, policy: str = CONFIGURED) -> None:
        pack = Guardrails({each.id: each for each in rules}, CLOCK)
        servicer: Any = _PolicyAnalyzerServicer
        self.servicer = servicer(NAME, "0.0.1", pack.policies, EnforcementLevel.MANDATORY)
        if config is not None:
            one = analyzer_pb2.PolicyConfig(
                enforcementLevel=MANDATORY, properties=wire.to_struct({"now": CLOCK.isoformat(), **config})
            )
            request = analyzer_pb2.ConfigureAnalyzerRequest(policyConfig={policy: one})
            self.servicer.Configure(request, None)

    def show(self, inputs: Mapping[str, Any], kind: str = POSTGRES_CLUSTER, name: str = "db") -> Told:
        request = analyzer_pb2.AnalyzeRequest(
            type=kind, urn=f"urn::{name}", name=name, properties=wire.to_struct(dict(inputs))
        )
        return told(self.servicer.Analyze(request, None))

    def finish(self, *names: str, outputs: Mapping[str, Any] | None = None, kind: str = POSTGRES_CLUSTER) -> Told:
        resources = [
            analyzer_pb2.AnalyzerResource(
                type=kind, urn=f"urn::{name}", name=name, properties=wire.to_struct(dict(outputs or {}))
            )
            for name in names or ("db",)
        ]
        return told(self.servicer.AnalyzeStack(analyzer_pb2.AnalyzeStackRequest(resources=resources), None))


def told(answer: Any) -> Told:
    return [(each.message.partition("\n")[2], each.enforcementLevel) for each in answer.diagnostics]


def instances(cluster: Resource, _: Graph) -> Iterable[Violation]:
    if cluster.number("spec.instances") < 3:
        yield Violation(cluster, f"{cluster.number('spec.instances')} instances")


INSTANCES = rule(instances, of=(POSTGRES_CLUSTER,))


def test_stack_rules_judge_what_was_recorded_and_not_the_empty_outputs_of_a_preview() -> None:
    engine = Engine(INSTANCES)
    engine.show({"spec": {"instances": 2}})
    assert engine.finish() == [("az-77 Cluster db: 2 instances. Fix: fix it", MANDATORY)]


def test_the_latest_inputs_count() -> None:
    engine = Engine(INSTANCES)
    engine.show({"spec": {"instances": 2}})
    engine.show({"spec": {"instances": 3}})
    assert engine.finish() == []


def test_what_was_left_out_of_a_targeted_update_is_judged_by_its_state() -> None:
    assert Engine(INSTANCES).finish(outputs={"spec": {"instances": 1}}) != []


def test_what_is_deleted_is_judged_no_more() -> None:
    engine = Engine(INSTANCES)
    engine.show({"spec": {"instances": 2}}, name="old")
    engine.show({"spec": {"instances": 3}}, name="new")
    assert engine.finish("new") == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (UNKNOWN, "spec.instances is not known before the deployment; it must be a literal"),
        (None, "spec.instances is missing"),
        ("three", "spec.instances must be a number, is another text"),
        (True, "spec.instances must be a number, is a boolean"),
        ([], "spec.instances must be a number, is a list"),
    ],
)
def test_what_cannot_be_judged_is_a_mandatory_violation(value: Any, problem: str) -> None:
    engine = Engine(INSTANCES)
    engine.show({"spec": {"instances": value}})
    [(message, level)] = engine.finish()
    assert (message, level) == (f"az-77 Cluster db: can't be judged: {problem}. Fix: fix it", MANDATORY)


@pytest.mark.parametrize("above", [UNKNOWN, None, "text", [1]])
def test_nor_can_what_is_below_something_odd(above: Any) -> None:
    engine = Engine(INSTANCES)
    engine.show({"spec": above})
    [(message, _)] = engine.finish()
    assert message.startswith("az-77 Cluster db: can't be judged: spec")


def test_one_resource_that_cannot_be_judged_hides_no_other() -> None:
    engine = Engine(INSTANCES)
    engine.show({"spec": {"instances": UNKNOWN}}, name="first")
    engine.show({"spec": {"instances": 1}}, name="second")
    assert [message.partition(":")[0] for message, _ in engine.finish("first", "second")] == [
        "az-77 Cluster first",
        "az-77 Cluster second",
    ]


def test_an_error_in_a_rule_is_a_violation_that_quotes_no_value() -> None:
    def broken(cluster: Resource, _: Graph) -> Iterable[Violation]:
        yield Violation(cluster, "one thing")
        int("canary-secret")

    engine = Engine(rule(broken, of=(POSTGRES_CLUSTER,)))
    engine.show({"spec": {}})
    messages = [message for message, _ in engine.finish()]
    assert messages[0] == "az-77 Cluster db: one thing. Fix: fix it"
    assert "can't be judged: ValueError in " in messages[1]
    assert "canary" not in "".join(messages)


def test_a_rule_about_one_resource_speaks_before_it_is_made() -> None:
    def check(cluster: Resource, _: Any) -> Iterable[Violation]:
        yield Violation(cluster, "seen", "do that")

    engine = Engine(rule(check, of=(POSTGRES_CLUSTER,), alone=True))
    assert engine.show({"spec": {}}) == [("az-77 Cluster db: seen. Fix: do that", MANDATORY)]
    assert engine.show({}, kind="kubernetes:core/v1:Service") == []


@pytest.mark.parametrize("kind", ["v2:Cluster", "v1:ClusterPatch"])
def test_another_api_version_or_a_patch_is_no_way_around_a_rule(kind: str) -> None:
    engine = Engine(INSTANCES)
    engine.show({"spec": {"instances": 1}}, kind=f"kubernetes:postgresql.cnpg.io/{kind}")
    assert engine.finish(kind=f"kubernetes:postgresql.cnpg.io/{kind}") != []


# Levels


def test_configuration_moves_a_rule_with_a_reason() -> None:
    engine = Engine(INSTANCES, config={"levels": {"az-77": {"level": "advisory", "reason": "until March"}}})
    engine.show({"spec": {"instances": 1}})
    assert engine.finish() == [("az-77 Cluster db: 1 instances. Fix: fix it", ADVISORY)]


@pytest.mark.parametrize(
    ("level", "problem"),
    [
        ({"level": "advisory", "reason": " "}, "levels.az-77.reason is empty"),
        ({"level": "off", "reason": "x"}, "levels.az-77.level must be mandatory or advisory"),
        ({"reason": "x"}, "levels.az-77.level is missing"),
    ],
)
def test_a_move_that_cannot_be_read_leaves_the_rule_where_it_was_and_says_so(level: Any, problem: str) -> None:
    engine = Engine(INSTANCES, config={"levels": {"az-77": level}})
    engine.show({"spec": {"instances": 1}})
    messages = dict(engine.finish())
    assert messages["az-77 Cluster db: 1 instances. Fix: fix it"] == MANDATORY
    assert messages[f"config stack: {problem}. Fix: correct the configuration of mandatory-resource"] == MANDATORY


def test_what_protects_data_stays_mandatory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DECLARED, "az-77", replace(INSTANCES, protects=Protects.DATA))
    config = read_config({"levels": {"az-77": {"level": "advisory", "reason": "x"}}}, CLOCK)
    assert config.level("az-77") is Level.MANDATORY
    assert config.problems == ("levels.az-77 stays mandatory: it protects data",)


def test_configuration_belongs_to_one_policy_and_given_to_another_is_a_violation() -> None:
    engine = Engine(INSTANCES, config={}, policy="mandatory-stack")
    engine.show({"spec": {"instances": 3}})
    assert [message for message, _ in engine.finish()] == [
        "config stack: mandatory-stack was given configuration. Fix: correct the configuration of mandatory-resource"
    ]


@pytest.mark.parametrize(
    "given", [{"now": "soon"}, {"now": "2026-11-22T10:00"}, {"nwo": "2026-11-22T10:00Z"}, {"waivers": 3}]
)
def test_a_configuration_that_cannot_be_read_is_a_violation(given: dict[str, Any]) -> None:
    assert len(read_config(given, CLOCK).problems) == 1


# Waivers

WAIVER = {
    "rule": "az-77",
    "resource": "Cluster db",
    "reason": "moved next week",
    "ticket": "OPS-7",
    "author": "ada",
    "approver": "grace",
    "until": (CLOCK + timedelta(days=1)).isoformat(),
}


def waived(**changes: str) -> Told:
    """What is said of a broken rule under WAIVER with these changes."""
    engine = Engine(INSTANCES, config={"waivers": [{**WAIVER, **changes}]})
    engine.show({"spec": {"instances": 1}})
    return engine.finish()


def test_a_waiver_lets_through_and_is_reported_while_it_lasts() -> None:
    [(message, level)] = waived()
    assert level == ADVISORY
    assert "1 instances [waived until 2026-11-21 12:00 UTC (OPS-7, approved by grace)]" in message


def test_a_waiver_may_name_the_urn() -> None:
    assert [level for _, level in waived(resource="urn::db")] == [ADVISORY]


@pytest.mark.parametrize(
    "changes",
    [{"until": CLOCK.isoformat()}, {"resource": "Cluster other"}, {"rule": "az-78"}, {"resource": "Cluster"}],
)
def test_a_waiver_ends_by_itself_and_covers_nothing_else(changes: dict[str, str]) -> None:
    assert [level for _, level in waived(**changes)] == [MANDATORY]


@pytest.mark.parametrize(
    "changes", [{"approver": "Ada "}, {"ticket": ""}, {"reason": " "}, {"until": "some day"}, {"rule": "az-99"}]
)
def test_a_waiver_that_cannot_stand_is_a_violation_beside_the_rule(changes: dict[str, str]) -> None:
    messages = waived(**changes)
    assert [level for _, level in messages] == [MANDATORY, MANDATORY]
    assert any(message.startswith("config stack: ") for message, _ in messages)


@pytest.mark.parametrize("protects", [Protects.DATA, Protects.ISOLATION])
def test_no_waiver_opens_data_or_isolation(monkeypatch: pytest.MonkeyPatch, protects: Protects) -> None:
    monkeypatch.setitem(DECLARED, "az-77", replace(INSTANCES, protects=protects))
    messages = waived()
    assert [level for _, level in messages] == [MANDATORY, MANDATORY]
    assert any("which no waiver opens" in message for message, _ in messages)


def contract(freeze_ends: str) -> dict[str, Any]:
    freeze = {"name": "year-end", "start": "2026-11-01T00:00", "end": freeze_ends}
    return {"timeZone": "Europe/Paris", "freezes": [freeze]}


@pytest.mark.parametrize(
    ("ends", "rehearsal", "level"),
    [
        ("2026-12-01T00:00", False, MANDATORY),
        ("2026-11-10T00:00", False, ADVISORY),
        ("2026-12-01T00:00", True, ADVISORY),
    ],
)
def test_routing_is_not_opened_in_a_freeze(
    monkeypatch: pytest.MonkeyPatch, ends: str, rehearsal: bool, level: int
) -> None:
    routing = replace(INSTANCES, protects=Protects.ROUTING)
    monkeypatch.setitem(DECLARED, "az-77", routing)
    engine = Engine(routing, config={"waivers": [WAIVER], "rehearsal": rehearsal})
    engine.show(contract(ends), kind="retail:platform:Retailer", name="acme")
    engine.show({"spec": {"instances": 1}})
    assert [said for _, said in engine.finish()] == [level]


def test_routing_is_not_opened_without_a_calendar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DECLARED, "az-77", replace(INSTANCES, protects=Protects.ROUTING))
    assert [level for _, level in waived()] == [MANDATORY]


# The catalogue


@pytest.mark.parametrize("rule_id", RULES)
def test_every_rule_says_what_it_should(rule_id: str) -> None:
    one = RULES[rule_id]
    for text in (one.says, one.why, one.fix, one.scenario):
        assert text.strip() and "\n" not in text
    assert one.says.endswith(".") and one.why.endswith(".") and one.scenario.endswith(".")
    assert not one.fix.endswith("."), "the fix follows 'Fix: ' and a sentence may follow it"
    assert rule_id not in one.implies
    assert one.check.__module__.split(".")[1] == one.area, "a rule stands in the room of its area"
    assert one.check.__code__.co_argcount == (2 if one.alone or one.of else 1)
    assert one.alone <= bool(one.of), "what judges one resource alone names its types"
