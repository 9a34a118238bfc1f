"""A shipped stack whose resources are changed one place at a time, judged without the SDK between.

That makes a judgement cheap enough for thousands of them: only rules that read the changed place are asked again, which
each rule's own reads tell (reads.py). A test holds this way and the servicer's to the same verdicts.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from guardrails.catalogue import RULES
from guardrails.config import read_config
from guardrails.graph import Graph
from guardrails.judging import _judged as judged  # one question of a rule, as the pack asks it
from guardrails.resource import family
from guardrails.rule import Rule
from tests.policies.direct import Declared, declared
from tests.policies.mutations.reads import Log, Place
from tests.policies.shipped import CLOCK, shipped

CONFIG: Final = read_config({}, CLOCK)
Steps = tuple[str | int, ...]
Question = tuple[str, str]
"""A rule, and the URN of the resource that it is asked about; none for one that is asked once."""


@dataclass(frozen=True)
class Change:
    """Resources as they would be, by URN; None for one that would not be there."""

    resources: Mapping[str, Declared | None]
    place: Steps | None = None
    """The one place of the one resource that differs, down to the first text that was opened; None if it is more."""


class Lab:
    """A shipped stack before its first deployment."""

    def __init__(self, stack: str, rules: Mapping[str, Rule] = RULES) -> None:
        self.stack, self.rules = stack, rules
        self.declared = {urn: declared(each) for urn, each in shipped(stack, "preview").resources.items()}
        self._resources = {urn: each.resource() for urn, each in self.declared.items()}

    @cached_property
    def readers(self) -> dict[Place, set[Question]]:
        """By place: the questions whose answer it may change. Each is asked of its own graph, as views are kept."""
        by_place: dict[Place, set[Question]] = {}
        for question in self._questions(Graph(self._resources.values(), CONFIG)):
            log = Log()
            list(
                self._asked(
                    question,
                    Graph([each.resource(log.watch(each.urn, each.inputs)) for each in self.declared.values()], CONFIG),
                )
            )
            for place in log:
                by_place.setdefault(place, set()).add(question)
        return by_place

    def is_read(self, urn: str, steps: Steps) -> bool:
        """Whether any rule looks at the place."""
        return (urn, steps) in self.readers

    def _questions(self, graph: Graph, rules: Iterable[str] = ()) -> Iterator[Question]:
        for rule_id in rules or self.rules:
            if not self.rules[rule_id].of:
                yield rule_id, ""
            for kind in {family(each): each for each in self.rules[rule_id].of}.values():
                yield from ((rule_id, each.urn) for each in graph.all(kind))

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Families of its resources."""
        return frozenset(each.family for each in self._resources.values())

    @cached_property
    def already(self) -> frozenset[tuple[str, str]]:
        """What is broken as shipped, which should be nothing (test_shipped.py)."""
        graph = Graph(self._resources.values(), CONFIG)
        return frozenset(each for question in self._questions(graph) for each in self._asked(question, graph))

    def judge(self, change: Change, rules: Iterable[str] = ()) -> list[tuple[str, str]]:
        """Rule and message of what `change` adds; of these rules, of all that it may concern if none are named."""
        resources = dict(self._resources)
        for urn, each in change.resources.items():
            if each is None:
                del resources[urn]
            else:
                resources[urn] = each.resource()
        graph = Graph(resources.values(), CONFIG)
        questions: Iterable[Question] = self._questions(graph, rules)
        if change.place is not None and not rules:
            [urn] = change.resources
            questions = self.readers.get((urn, change.place), ())
        told = [each for question in questions for each in self._asked(question, graph)]
        return [each for each in told if each not in self.already]

    def _asked(self, question: Question, graph: Graph) -> Iterator[tuple[str, str]]:
        rule_id, urn = question
        rule = self.rules[rule_id]
        subject = graph.resources.get(urn)
        if urn and subject is None:
            return
        arguments = (subject, graph.config if rule.alone else graph) if subject else (graph,)
        for violation in judged(rule, subject, *arguments):
            yield rule_id, f"{violation.where.where if violation.where else 'stack'}: {violation.what}"
