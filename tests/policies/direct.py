"""Resources of a program as the pack records them, and single rules asked about them, without the SDK between.

Twenty times as fast as the whole pack through the SDK's servicer, which stays what tests judge by where more than one
rule's own verdict counts (harness.py); a test holds both ways to the same verdicts (mutations/test_mutations.py).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from guardrails.graph import Graph
from guardrails.judging import judge_alone, judge_stack
from guardrails.reading import UNKNOWN
from guardrails.resource import Resource
from guardrails.rule import Rule, Violation
from rehearsal.engine import model
from rehearsal.guardrails.requests import flattened


@dataclass(frozen=True)
class Declared:
    """What the engine tells of a resource."""

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    protect: bool
    provider: str
    parent: str
    depends_on: tuple[str, ...]
    made_from: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def resource(self, inputs: Mapping[str, Any] | None = None) -> Resource:
        """As rules see it; with these inputs, if given."""
        given = self.inputs if inputs is None else inputs
        made = Resource(self.urn, self.type, self.name, given, protect=self.protect, provider=self.provider)
        made.parent, made.depends_on, made.made_from = self.parent, self.depends_on, self.made_from
        return made


def declared(resource: model.Resource) -> Declared:
    """A resource of an evaluation, as the engine would tell the pack of it."""
    return Declared(
        resource.urn,
        resource.type,
        resource.name,
        as_read(flattened(resource.inputs)),
        resource.protect,
        resource.provider,
        resource.parent,
        tuple(resource.dependencies),
        {key: tuple(urns) for key, urns in resource.property_dependencies.items()},
    )


def asked(rule: Rule, graph: Graph) -> Iterator[Violation]:
    """What one rule says of a stack: resource rules of each of their resources."""
    if not rule.alone:
        yield from judge_stack(rule, graph)
        return
    for resource in graph.all(*rule.of):
        yield from judge_alone(rule, resource, graph.config)


def as_read(value: Any) -> Any:
    """A value of the engine as the pack records it: secrets opened, its own mark for what is unknown."""
    if isinstance(value, dict):
        return {key: as_read(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_read(item) for item in value]
    if isinstance(value, model.Secret):
        return as_read(value.value)
    return UNKNOWN if value is model.UNKNOWN else value


def as_sent(value: Any) -> Any:
    """The opposite of `as_read`, without what was secret: the pack sees no difference."""
    if isinstance(value, dict):
        return {key: as_sent(item) for key, item in value.items()}
    if isinstance(value, list):
        return [as_sent(item) for item in value]
    return model.UNKNOWN if value is UNKNOWN else value
