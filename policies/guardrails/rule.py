"""What a rule is, and how an area file declares one."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from guardrails.config import Config
    from guardrails.graph import Graph
    from guardrails.resource import Resource

    ResourceCheck = Callable[[Resource, Config], Iterable["Violation"]]
    StackCheck = Callable[[Graph], Iterable["Violation"]]
    EachCheck = Callable[[Resource, Graph], Iterable["Violation"]]

F = TypeVar("F", bound=Callable[..., Iterable["Violation"]])

AREAS: Final = {
    "az": "zones",
    "db": "database",
    "bk": "backup",
    "iso": "isolation",
    "ing": "ingress",
    "sec": "security",
    "frz": "freeze",
    "peak": "peak",
    "cost": "cost",
    "ops": "operations",
}
"""Areas by the prefix of their rules' ids; each is a module of that name."""


class Severity(StrEnum):
    """How bad it is if the rule is broken."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"


class Level(StrEnum):
    """What a violation does: a mandatory one stops the deployment, an advisory one is shown."""

    MANDATORY = "mandatory"
    ADVISORY = "advisory"


class Protects(StrEnum):
    """What no waiver may open: data and tenant isolation never, routing not in a freeze. A freeze itself is opened by
    an emergency change (emergencies.py)."""

    DATA = "data"
    ISOLATION = "isolation"
    ROUTING = "routing"
    FREEZE = "freeze"


@dataclass(frozen=True)
class Violation:
    """`what` is wrong with `where` (None: with the stack). `fix` is what to do; the rule's own where it is left out.

    `what` shows the figures behind the verdict, and never the value of a secret.
    """

    where: "Resource | None"
    what: str
    fix: str = ""


@dataclass(frozen=True)
class Rule:
    """One rule of the catalogue.

    says: the rule in one sentence. why: what happens without it. fix: what to do. scenario: the retail situation it is
    for. implies: ids of rules that the same mistake may break as well. protects: what forbids a waiver. of: the types
    it is called for, one resource at a time; empty if it is called once for the stack. alone: whether it looks at one
    resource only, so that it can judge it before it is created.
    """

    id: str
    severity: Severity
    says: str
    why: str
    fix: str
    scenario: str
    implies: tuple[str, ...]
    protects: Protects | None
    of: tuple[str, ...]
    alone: bool
    check: Callable[..., Iterable[Violation]]

    @property
    def area(self) -> str:
        return self.id.partition("-")[0]

    @property
    def level(self) -> Level:
        """Where configuration leaves it: medium rules advise."""
        return Level.ADVISORY if self.severity is Severity.MEDIUM else Level.MANDATORY

    def as_data(self) -> dict[str, Any]:
        """The catalogue's entry, for JSON."""
        return {
            "id": self.id,
            "area": AREAS[self.area],
            "severity": self.severity,
            "level": self.level,
            "says": self.says,
            "why": self.why,
            "fix": self.fix,
            "scenario": self.scenario,
            "implies": list(self.implies),
            "protects": self.protects,
            "judges": "resource" if self.alone else "stack",
        }


DECLARED: dict[str, Rule] = {}
"""Every rule by id, in the order of declaration. Importing `guardrails.catalogue` fills it."""


def resource_rule(
    rule_id: str,
    *,
    of: str | tuple[str, ...],
    severity: Severity,
    says: str,
    why: str,
    fix: str,
    scenario: str,
    implies: tuple[str, ...] = (),
    protects: Protects | None = None,
) -> Callable[[F], F]:
    """Declares `check(resource, config)`: what one resource shows by itself, judged before it is created."""
    return _declaring(rule_id, of, True, severity, says, why, fix, scenario, implies, protects)


def stack_rule(
    rule_id: str,
    *,
    of: str | tuple[str, ...] = (),
    severity: Severity,
    says: str,
    why: str,
    fix: str,
    scenario: str,
    implies: tuple[str, ...] = (),
    protects: Protects | None = None,
) -> Callable[[F], F]:
    """Declares `check(graph)`, called once, or with `of` `check(resource, graph)`, called for each of these types."""
    return _declaring(rule_id, of, False, severity, says, why, fix, scenario, implies, protects)


def _declaring(
    rule_id: str,
    of: str | tuple[str, ...],
    alone: bool,
    severity: Severity,
    says: str,
    why: str,
    fix: str,
    scenario: str,
    implies: tuple[str, ...],
    protects: Protects | None,
) -> Callable[[F], F]:
    def declare(check: F) -> F:
        if rule_id in DECLARED and DECLARED[rule_id].check.__module__ != check.__module__:
            raise ValueError(f"two rules are called {rule_id}")
        types = (of,) if isinstance(of, str) else of
        DECLARED[rule_id] = Rule(rule_id, severity, says, why, fix, scenario, implies, protects, types, alone, check)
        return check

    return declare
