"""The pack as CrossGuard runs it: four policies, {mandatory, advisory} x {resource, stack}, with all rules inside.

Each policy costs the SDK a conversion of every resource (about 1 ms), and a level belongs to a policy, so there are
four and not one per rule. The engine shows resources with their inputs one by one and at the end the stack with its
outputs, which in the preview of a new stack are empty: the resource policies record the inputs, and stack rules judge
that record. Configuration is given once, to `mandatory-resource`, which runs first.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from pulumi_policy import (
    EnforcementLevel,
    Policy,
    PolicyConfigSchema,
    PolicyPack,
    ReportViolation,
    ResourceValidationArgs,
    ResourceValidationPolicy,
    StackValidationArgs,
    StackValidationPolicy,
)

from guardrails.catalogue import RULES
from guardrails.config import Config, read_config, schema
from guardrails.contract import find
from guardrails.graph import Graph
from guardrails.judging import judge_alone, judge_stack
from guardrails.reading import Unjudged, plain
from guardrails.resource import Resource, family
from guardrails.rule import Level, Rule, Violation

NAME: Final = "retail-guardrails"
CONFIGURED: Final = "mandatory-resource"
"""The policy whose configuration is the pack's."""


def serve() -> None:
    """Serves the pack to the engine that started this process, until it ends it."""
    PolicyPack(NAME, policies=Guardrails().policies, enforcement_level=EnforcementLevel.MANDATORY)


class Guardrails:
    """One engine's run: what was recorded, and the policies that record and judge it."""

    def __init__(self, rules: Mapping[str, Rule] = RULES, clock: datetime | None = None) -> None:
        self._alone: dict[str, list[Rule]] = {}
        for rule in rules.values():
            for kind in {family(each) for each in rule.of} if rule.alone else ():
                self._alone.setdefault(kind, []).append(rule)
        self._whole = [rule for rule in rules.values() if not rule.alone]
        self._clock = clock
        self._recorded: dict[str, Resource] = {}
        self._given: Mapping[str, Any] = {}
        self._config = read_config({}, clock)
        self._misplaced: set[str] = set()
        self.policies: list[Policy] = [
            self._resource_policy(Level.MANDATORY),
            self._resource_policy(Level.ADVISORY),
            self._stack_policy(Level.MANDATORY),
            self._stack_policy(Level.ADVISORY),
        ]

    def _resource_policy(self, level: Level) -> Policy:
        name = f"{level}-resource"

        def validate(args: ResourceValidationArgs, report: ReportViolation) -> None:
            self._configure(name, args.get_config())
            resource = self._record(args)
            for rule in self._alone.get(resource.family, ()):
                if self._concerns(rule, level):
                    self._report(rule, level, judge_alone(rule, resource, self._config), report)

        return ResourceValidationPolicy(
            name,
            f"What one resource shows by itself; {level}",
            validate,
            EnforcementLevel(level),
            PolicyConfigSchema(schema()) if name == CONFIGURED else None,
        )

    def _stack_policy(self, level: Level) -> Policy:
        name = f"{level}-stack"

        def validate(args: StackValidationArgs, report: ReportViolation) -> None:
            self._configure(name, args.get_config())
            graph = self._graph(args)
            if level is Level.MANDATORY:
                for problem in self._problems():
                    report(f"config stack: {problem}. Fix: correct the configuration of {CONFIGURED}", None)
            for rule in self._whole:
                if self._concerns(rule, level):
                    self._report(rule, level, judge_stack(rule, graph), report)

        return StackValidationPolicy(name, f"What resources show together; {level}", validate, EnforcementLevel(level))

    def _configure(self, policy: str, given: Mapping[str, Any]) -> None:
        if policy != CONFIGURED:
            self._misplaced |= {policy} if given else set()
        elif given != self._given:
            self._given = given
            self._config = read_config(given, self._clock)

    def _problems(self) -> list[str]:
        misplaced = [f"{policy} was given configuration" for policy in sorted(self._misplaced)]
        return [*self._config.problems, *misplaced]

    def _record(self, args: ResourceValidationArgs) -> Resource:
        """Keeps a resource's inputs for the stack rules; the latest, if the engine shows it again."""
        provider = args.provider.urn if args.provider else ""
        resource = Resource(
            args.urn,
            args.resource_type,
            args.name,
            plain(args.props),
            protect=bool(args.opts.protect),
            provider=provider,
        )
        self._recorded[args.urn] = resource
        return resource

    def _graph(self, args: StackValidationArgs) -> Graph:
        """The stack: inputs from the record, what belongs to what from the engine.

        A resource that was not recorded (left out of a targeted update) is judged on what the engine knows of it.
        """
        resources = []
        for each in args.resources:
            resource = self._recorded.get(each.urn)
            if resource is None:
                protect = bool(each.opts.protect)
                resource = Resource(each.urn, each.resource_type, each.name, plain(each.props), protect=protect)
            resource.parent = each.parent.urn if each.parent else ""
            resource.depends_on = tuple(other.urn for other in each.dependencies)
            resource.made_from = {
                key: tuple(other.urn for other in others) for key, others in each.property_dependencies.items()
            }
            resources.append(resource)
        return Graph(resources, self._config)

    def _concerns(self, rule: Rule, level: Level) -> bool:
        """Whether the policy of this level has to run a rule: it is of that level, or its waived findings are."""
        waived = any(rule.id in each.rules for each in self._config.exceptions)
        return self._config.level(rule.id) is level or (level is Level.ADVISORY and waived)

    def _report(self, rule: Rule, level: Level, violations: Iterable[Violation], report: ReportViolation) -> None:
        config = self._config
        frozen = self._frozen(config) if config.exceptions else False
        for violation in dict.fromkeys(violations):
            covering = [each for each in config.exceptions if each.covers(violation, rule.id, config.now, frozen)]
            if (Level.ADVISORY if covering else config.level(rule.id)) is not level:
                continue
            where = violation.where
            aside = f" [{covering[0]}]" if covering else ""
            told = f"{where.where if where else 'stack'}: {violation.what}{aside}. Fix: {violation.fix or rule.fix}"
            # On one line: the SDK puts the policy's description on a line before it.
            report(f"{rule.id} {' '.join(told.split())}", where.urn if where else None)

    def _frozen(self, config: Config) -> bool:
        """Whether a freeze binds waivers; without a readable calendar one does."""
        try:
            freezes = find(self._recorded.values()).freezes
        except Unjudged:
            return True
        return config.freeze(freezes) is not None
