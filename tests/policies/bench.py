"""A shipped stack under the whole pack."""

import gc
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

from pulumi.runtime.proto import analyzer_pb2
from pulumi_policy import EnforcementLevel
from pulumi_policy.policy import _PolicyAnalyzerServicer

from guardrails.catalogue import RULES
from guardrails.pack import NAME, Guardrails
from guardrails.rule import Rule
from rehearsal.engine import wire
from rehearsal.engine.model import Evaluation, Resource
from rehearsal.guardrails.requests import analyze_request
from tests.policies.edits import NOTHING, Edit, Resources
from tests.policies.shipped import CLOCK, shipped


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
