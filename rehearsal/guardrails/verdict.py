"""What the guardrails say of a stack."""

import re
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from rehearsal.guardrails.catalogue import RuleEntry

_MESSAGE: Final = re.compile(r"(?P<rule>[a-z]+(?:-\d+)?) (?P<where>.+?): (?P<what>.*)\. Fix: (?P<fix>.*)")
"""The form of every message of the pack (policies/guardrails/pack.py)."""

_SEVERITIES: Final = ("critical", "high", "medium")
UNTOLD: Final = "config"
"""The rule of what is wrong with the guardrails themselves: their configuration, or an answer in no known form."""


@dataclass(frozen=True)
class Violation:
    """One broken rule. `where` is a kind and a name, `urn` empty where the stack as a whole is meant."""

    rule: str
    severity: str
    mandatory: bool
    where: str
    what: str
    fix: str
    urn: str

    @property
    def rank(self) -> tuple[bool, int, str, str, str]:
        """For sorting: the worst first."""
        severity = _SEVERITIES.index(self.severity) if self.severity in _SEVERITIES else 0
        return (not self.mandatory, severity, self.rule, self.where, self.what)


@dataclass
class Verdict:
    """All violations of one stack, and how much was judged. Seconds are those of the clock."""

    stack: str
    violations: list[Violation] = field(default_factory=list)
    rules: int = 0
    resources: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def mandatory(self) -> int:
        return sum(violation.mandatory for violation in self.violations)

    @property
    def ok(self) -> bool:
        """Nothing mandatory stands; what only advises may."""
        return self.mandatory == 0

    @property
    def broken(self) -> str:
        """Mandatory violations, one on a line, for an error's message."""
        lines = [f"  - {each.rule} {each.where}: {each.what}" for each in self.violations if each.mandatory]
        return "\n".join(lines)

    def as_data(self) -> dict[str, Any]:
        return {
            "stack": self.stack,
            "ok": self.ok,
            "rules": self.rules,
            "resources": self.resources,
            "violations": [asdict(violation) for violation in self.violations],
            "seconds": {name: round(value, 2) for name, value in self.seconds.items()},
        }


def violation(message: str, urn: str, mandatory: bool, rules: dict[str, RuleEntry]) -> Violation:
    """A violation out of the pack's message. One in no known form is a mandatory violation, never dropped."""
    # The SDK puts the policy's description on a line before it.
    told = message.partition("\n")[2] or message
    found = _MESSAGE.fullmatch(told)
    if found is None:
        return Violation(UNTOLD, "critical", True, "stack", told, "report this to the guardrails' maintainers", urn)
    rule = rules.get(found["rule"])
    severity = rule.severity if rule else "critical"
    return Violation(found["rule"], severity, mandatory, found["where"], found["what"], found["fix"], urn)


def joined(first: Verdict, *more: Verdict) -> Verdict:
    """Several verdicts on one stack as one: every violation once, and seconds added up."""
    verdicts = (first, *more)
    return Verdict(
        first.stack,
        sorted({each for verdict in verdicts for each in verdict.violations}, key=lambda each: each.rank),
        first.rules,
        first.resources,
        {lap: sum(verdict.seconds.get(lap, 0.0) for verdict in verdicts) for lap in first.seconds},
    )
