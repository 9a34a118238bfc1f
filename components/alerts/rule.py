"""One alerting or recording rule."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True)
class Alert:
    """One alerting rule. lasting: how long the expression must hold. page: whether somebody is woken; else it is a
    ticket for the next working day. action: what whoever is called does first.
    """

    name: str
    expression: str
    lasting: str
    summary: str
    action: str
    page: bool
    labels: dict[str, str] = field(default_factory=dict)

    def rule(self, labels: dict[str, str]) -> dict[str, Any]:
        return {
            "alert": self.name,
            "expr": self.expression,
            "for": self.lasting,
            "labels": {**labels, **self.labels, "severity": "critical" if self.page else "warning"},
            "annotations": {"summary": self.summary, "action": self.action},
        }


@dataclass(frozen=True)
class Recording:
    """One recording rule: a series that alerts read again and again, computed once."""

    name: str
    expression: str
    labels: dict[str, str]

    def rule(self, labels: dict[str, str]) -> dict[str, Any]:
        return {"record": self.name, "expr": self.expression, "labels": {**labels, **self.labels}}


WAKING = "20m"
"""From the first pod's being wanted until the night's jobs are done and everybody has pods."""


def while_awake(rules: Iterable[Alert | Recording], namespace: str) -> Sequence[Alert | Recording]:
    """Rules of a stack with working hours: nobody is called about what sleeps, or has just been woken.

    Whether it is awake is what KEDA wants of the storefront, not what there is.
    """
    wanted = f'kube_deployment_spec_replicas{{namespace="{namespace}",deployment="storefront"}}'
    awake = f"max(min_over_time({wanted}[{WAKING}])) > 0"
    return [
        replace(rule, expression=f"{_operand(rule.expression)} and on () ({awake})")
        if isinstance(rule, Alert)
        else rule
        for rule in rules
    ]


def _operand(expression: str) -> str:
    """As the left side of `and`, which binds more tightly than `or` and than nothing else that an alert has outside
    parentheses."""
    return f"({expression})" if " or " in expression else expression
