"""Exceptions to rules: explicit, for one rule and one resource, approved by another person, and over by themselves."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from guardrails.reading import Node
from guardrails.rule import DECLARED, Protects, Violation
from guardrails.windows import moment


@dataclass(frozen=True)
class Waiver:
    """What stands in the configuration. `resource` is what messages call it (`Cluster shop/db`), or its URN."""

    KEYS: ClassVar = ("rule", "resource", "reason", "ticket", "author", "approver", "until")

    rule: str
    resource: str
    reason: str
    ticket: str
    author: str
    approver: str
    until: datetime

    @property
    def rules(self) -> tuple[str, ...]:
        """Rules that it is for."""
        return (self.rule,)

    @property
    def refusal(self) -> str:
        """Why it can't stand, whatever it is for; empty if it can."""
        rule = DECLARED.get(self.rule)
        if rule is None:
            return f"waiver {self.ticket}: there is no rule {self.rule}"
        if rule.protects in (Protects.DATA, Protects.ISOLATION):
            return f"waiver {self.ticket}: {self.rule} protects {rule.protects}, which no waiver opens"
        if rule.protects is Protects.FREEZE:
            return f"waiver {self.ticket}: {self.rule} is for freezes, which an emergency change opens and no waiver"
        if self.author.strip().lower() == self.approver.strip().lower():
            return f"waiver {self.ticket}: its author can't approve it"
        return ""

    def covers(self, violation: Violation, rule_id: str, now: datetime, frozen: bool) -> bool:
        """Whether it holds for this violation, now. Routing is never opened in a freeze."""
        if rule_id != self.rule or violation.where is None or now >= self.until:
            return False
        if frozen and DECLARED[rule_id].protects is Protects.ROUTING:
            return False
        return self.resource in (violation.where.urn, violation.where.where)

    def __str__(self) -> str:
        return f"waived until {self.until:%Y-%m-%d %H:%M %Z} ({self.ticket}, approved by {self.approver})"


def read_waiver(node: Node) -> Waiver:
    """A waiver out of the configuration. Unjudged, with what is missing, if it is not whole."""
    texts = {key: node.text(key) for key in Waiver.KEYS if key != "until"}
    for key, text in texts.items():
        if not text.strip():
            raise node.at(key).unjudged("is empty")
    return Waiver(**texts, until=moment(node.at("until")))
