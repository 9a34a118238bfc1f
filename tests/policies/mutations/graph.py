"""All mutations of a stack: every operator at every place of every resource, and on the resources themselves.

Resources of one kind and role are alike: one of them stands for all. In stacks other than the richest, one place stands
for all of its kind, whatever the role.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any, Final

from guardrails.contract import TYPES
from guardrails.resource import family
from tests.policies.direct import Declared
from tests.policies.mutations.lab import Change, Lab
from tests.policies.mutations.operators import changes
from tests.policies.mutations.places import Document, Names, Path, places, put

RICHEST: Final = "peak"
"""The stack in which every role is looked at."""

WHOLE: Final = "(resource)"
"""The pattern of what happens to a resource as a whole."""

TIERS: Final = (
    "background",
    "backoffice",
    "batch",
    "integration",
    "jobrunner",
    "pos",
    "release",
    "scheduled",
    "storefront",
    "websocket",
)


Pair = tuple[str, str, str]
"""What has one verdict: kind, pattern of the place, operator."""


@dataclass(frozen=True)
class Mutation:
    """One edit: which kind and role of resource, where, by which operator; and what it makes of the stack.

    `reads`: whether any rule looks at the place at all; if not, nothing can catch it.
    """

    kind: str
    role: str
    pattern: str
    operator: str
    make: Callable[[], Change]
    reads: Callable[[], bool] = lambda: True

    @cached_property
    def read(self) -> bool:
        return self.reads()

    @property
    def pair(self) -> Pair:
        return self.kind, self.pattern, self.operator

    def __str__(self) -> str:
        return f"{self.kind} ({self.role}) {self.pattern} {self.operator}"


def mutations(lab: Lab) -> Iterator[Mutation]:
    """One for each kind, role, pattern and operator; outside of the richest stack one for each without the role."""
    chosen: dict[tuple[str, ...], Mutation] = {}
    for each in every(lab):
        role = each.role if lab.stack == RICHEST else ""
        first = chosen.setdefault((*each.pair, role), each)
        # Of places alike, one that a rule reads stands for those that none does.
        if each.read and not first.read:
            chosen[(*each.pair, role)] = each
    yield from chosen.values()


def every(lab: Lab) -> Iterator[Mutation]:
    """All of them, however alike."""
    names = names_in(lab)
    for urn, resource in lab.declared.items():
        kind, role = family(resource.type), names.role(called(resource))
        for operator, changed in _whole(resource):
            yield Mutation(kind, role, WHOLE, operator, partial(Change, {urn: changed}))
        for path, value in places(resource.inputs):
            steps = opened(path)
            read = partial(lab.is_read, urn, steps)
            pattern = names.pattern(resource.inputs, path)
            for operator, new in changes(value, path):
                yield Mutation(kind, role, pattern, operator, partial(_put, resource, path, new), read)
        for key in resource.made_from:
            if key in resource.inputs and resource.made_from[key]:
                pattern = names.pattern(resource.inputs, (key,))
                yield Mutation(kind, role, pattern, "detach", partial(_detached, resource, key))


def _put(resource: Declared, path: Path, new: Any) -> Change:
    return Change({resource.urn: replace(resource, inputs=put(resource.inputs, path, new))}, opened(path))


def _whole(resource: Declared) -> Iterator[tuple[str, Declared | None]]:
    yield "delete", None
    if resource.protect:
        yield "unprotect", replace(resource, protect=False)


def _detached(resource: Declared, key: str) -> Change:
    """An input that was made from another resource, as a literal: something else of that kind."""
    value = resource.inputs[key]
    literal = value if isinstance(value, dict | list) else "something-else"
    others = {name: urns for name, urns in resource.made_from.items() if name != key}
    return Change({resource.urn: replace(resource, inputs={**resource.inputs, key: literal}, made_from=others)})


def opened(path: Path) -> tuple[str | int, ...]:
    """The path down to the first text that was opened: rules read such a text whole."""
    steps: list[str | int] = []
    for step in path:
        if isinstance(step, Document):
            break
        steps.append(step)
    return tuple(steps)


def called(resource: Declared) -> str:
    """What a resource is called in its cluster, else in the program."""
    metadata = resource.inputs.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return name if isinstance(name, str) else resource.name


def names_in(lab: Lab) -> Names:
    [contract] = [each for each in lab.declared.values() if each.type in TYPES][:1]
    return Names(lab.stack, str(contract.inputs.get("retailer", "")), TIERS)
