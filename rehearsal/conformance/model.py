"""What a conformance check yields: what it found wrong, and how much it could look at."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from rehearsal.engine.model import Evaluation, Resource, Secret

_SHOWN_CHARACTERS = 80


@dataclass(frozen=True, order=True)
class Mismatch:
    """`property` of `resource` (type and logical name) is not what is allowed. `given` never shows a secret."""

    resource: str
    property: str
    given: str
    allowed: str
    urn: str = ""

    def __str__(self) -> str:
        return f"{self.property}: {self.given} is given, allowed: {self.allowed}"


@dataclass
class Outcome:
    """One check of one stack. `checked` of `total` things of the check's `unit` were held against the source.

    `unchecked` says what the others are, by reason. A thing with a finding counts as checked. `limited` of those
    checked have a rule beyond their type, where the check tells the two apart.
    """

    unit: str
    total: int = 0
    checked: int = 0
    limited: int = 0
    findings: list[Mismatch] = field(default_factory=list)
    unchecked: Counter[str] = field(default_factory=Counter)

    def saw(self, count: int = 1) -> None:
        """Things that were held against the source."""
        self.total += count
        self.checked += count

    def skipped(self, reason: str, count: int = 1) -> None:
        """Things that could not be; `reason` is read by people who ask what the coverage leaves out."""
        self.total += count
        self.unchecked[reason] += count

    def wrong(self, resource: Resource, path: str, given: str, allowed: str) -> None:
        """A finding."""
        self.findings.append(Mismatch(title(resource), path, given, allowed, resource.urn))


class Check(Protocol):
    """One of the five checks. An instance is used for several stacks and keeps what it loaded."""

    name: str

    def run(self, evaluation: Evaluation) -> Outcome:
        """Hold one stack's resources against the source of this check."""
        ...


def title(resource: Resource) -> str:
    """`aws:kms/key:Key acme-key`."""
    return f"{resource.type} {resource.name}"


def shown(value: Any) -> str:
    """A value for people: short, and no secret."""
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    text = json.dumps(value, ensure_ascii=False, default=repr)
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}... ({len(text)} characters)"


def custom_resources(evaluation: Evaluation, package: str) -> Iterator[Resource]:
    """The stack's own resources that `package`'s provider makes: `aws`, `kubernetes`, `random`."""
    for resource in evaluation.resources.values():
        if resource.custom and resource.type.startswith(f"{package}:"):
            yield resource
