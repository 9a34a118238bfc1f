"""Every place that rules look at, with what nobody expects there."""

from dataclasses import dataclass, replace
from typing import Any, Final

from guardrails.reading import UNKNOWN
from guardrails.resource import family
from tests.policies.mutations.graph import names_in
from tests.policies.mutations.lab import Change, Lab, Steps
from tests.policies.mutations.places import Names

ODD: Final[dict[str, Any]] = {
    "unknown": UNKNOWN,
    "null": None,
    "text": "odd",
    "number": 3.5,
    "nan": float("nan"),
    "negative": -1,
    "boolean": True,
    "list": ["odd", None],
    "mapping": {"odd": None},
}


@dataclass(frozen=True)
class Place:
    """A place in a resource that some rule looks at, whether anything stands there or not."""

    urn: str
    kind: str
    pattern: str
    steps: Steps
    value: Any

    @property
    def missing(self) -> bool:
        """Whether nothing stands there."""
        return self.pattern.endswith("?")

    def __str__(self) -> str:
        return f"{self.kind} {self.pattern}"


def read_places(lab: Lab, without: frozenset[str] = frozenset()) -> list[Place]:
    """One for each kind and pattern, of kinds that are not in `without`; what a preview leaves open is none."""
    names = names_in(lab)
    found: dict[tuple[str, str], Place] = {}
    for urn, steps in sorted(lab.readers, key=lambda place: (place[0], tuple(map(str, place[1])))):
        kind, inputs = family(lab.declared[urn].type), lab.declared[urn].inputs
        value = _at(inputs, steps)
        if kind not in without and value is not UNKNOWN:
            pattern = _pattern(names, inputs, steps)
            found.setdefault((kind, pattern), Place(urn, kind, pattern, steps, value))
    return list(found.values())


def with_odd(lab: Lab, place: Place, odd: Any) -> Change | None:
    """The stack with `odd` there; None where something above is no mapping."""
    declared = lab.declared[place.urn]
    try:
        inputs = _put(declared.inputs, place.steps, odd)
    except (KeyError, IndexError, TypeError):
        return None
    return Change({place.urn: replace(declared, inputs=inputs)}, place.steps)


def wrong_for(value: Any) -> Any:
    """What can't stand where `value` does: a list for what is one thing, a number for what holds others."""
    return 3.5 if isinstance(value, dict | list) else ["odd", 3.5]


def _at(value: Any, steps: Steps) -> Any:
    for step in steps:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _put(value: Any, steps: Steps, new: Any) -> Any:
    """A copy with `new` there; mappings that are missing on the way are made."""
    step, *rest = steps
    if value is None:
        value = {}
    if isinstance(value, dict):
        return {**value, step: _put(value.get(step), tuple(rest), new) if rest else new}
    if isinstance(value, list):
        changed = list(value)
        changed[int(step)] = _put(changed[int(step)], tuple(rest), new) if rest else new
        return changed
    raise TypeError


def _pattern(names: Names, inputs: Any, steps: Steps) -> str:
    """As of other places; a step that leads to nothing ends with a question mark."""
    there = next((n for n in range(len(steps), 0, -1) if _at(inputs, steps[:n]) is not None), 0)
    missing = [f"{step}?" for step in steps[there:]]
    return ".".join([*([names.pattern(inputs, steps[:there])] if there else []), *missing])
