"""Changes in a freeze that can't wait: named, approved by another person, over within days, with a way back.

An emergency opens frz-01 for the resources that it names, and what keeps a release from being promoted (frz-07); never
what protects data, isolation or routing. It is shown as long as it is in the configuration, and closed by
`python -m rehearsal baseline STACK --close TICKET`, which moves it into the baseline that holds what it changed.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from guardrails.reading import Node
from guardrails.rule import Violation
from guardrails.windows import moment

if TYPE_CHECKING:
    from guardrails.baseline import Baseline

WHOLE: Final = "stack"
"""In `resources`: what is about the stack itself, as its evidence."""


@dataclass(frozen=True)
class Emergency:
    """What stands in the configuration. `resources` are what messages call them (`Middleware shop/limit`), or URNs.

    rollback: the commit, or the digest of the baseline, of the release that it goes back to: the last one.
    """

    KEYS: ClassVar = ("ticket", "reason", "author", "approver", "rollback", "opened", "until")

    ticket: str
    reason: str
    author: str
    approver: str
    rollback: str
    opened: datetime
    until: datetime
    resources: tuple[str, ...]

    rules: ClassVar = ("frz-01", "frz-07")
    """Rules that it is for."""

    @property
    def lasts(self) -> timedelta:
        return self.until - self.opened

    def refusals(self, release: "Baseline | None", now: datetime) -> list[str]:
        """Why it can't stand; nothing if it can."""
        found = []
        if self.author.strip().lower() == self.approver.strip().lower():
            found.append("its author can't approve it")
        if self.until <= self.opened:
            found.append("it is over before it is opened")
        if self.opened > now:
            found.append(f"it is opened on {self.opened:%Y-%m-%d %H:%M}, which is to come")
        if release and self.rollback not in (release.commit, release.digest):
            found.append("rollback is not the last release: neither its commit nor the digest of its baseline")
        return found

    def covers(self, violation: Violation, rule_id: str, now: datetime, frozen: bool) -> bool:
        """Whether it holds for this violation, now."""
        del frozen  # it is for freezes
        if rule_id not in self.rules or not self.opened <= now < self.until:
            return False
        where = violation.where
        return bool({WHOLE} & set(self.resources) if where is None else {where.urn, where.where} & set(self.resources))

    def __str__(self) -> str:
        return f"emergency change {self.ticket} until {self.until:%Y-%m-%d %H:%M %Z}, approved by {self.approver}"


def read_emergency(node: Node) -> Emergency:
    """An emergency out of the configuration. Unjudged, with what is missing, if it is not whole."""
    texts = {key: node.text(key).strip() for key in Emergency.KEYS if key not in ("opened", "until")}
    for key, text in texts.items():
        if not text:
            raise node.at(key).unjudged("is empty")
    resources = tuple(node.words("resources"))
    if not resources:
        raise node.at("resources").unjudged("names none")
    return Emergency(**texts, resources=resources, opened=moment(node.at("opened")), until=moment(node.at("until")))
