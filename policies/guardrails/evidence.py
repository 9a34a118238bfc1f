"""What was proven outside the program: backups that ended, drills that passed, images that run, and who promoted.

`python -m rehearsal evidence STACK` collects it of a cluster and of git; its digest shows a later change by hand.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from guardrails.fingerprints import digest
from guardrails.reading import Node
from guardrails.windows import moment

RELEASED: Final = "eks"
"""The source that counts for a release: the stack's own cluster. A rehearsal proves nothing about production."""


@dataclass(frozen=True)
class Promotion:
    """Who let this state of the program go to this stack. authors: of every commit since the last release."""

    commit: str
    authors: tuple[str, ...]
    approver: str
    at: datetime


@dataclass(frozen=True)
class Evidence:
    """Of which stack, when, and of what kind of cluster.

    release: digest of the baseline that was the last release's then. images: of what runs, by `Kind namespace/name`.
    backups: the end of the last completed one, by Cluster. succeeded: of jobs on a schedule, the last success.
    """

    stack: str
    made: datetime
    source: str
    cluster: str
    release: str
    images: Mapping[str, tuple[str, ...]]
    backups: Mapping[str, datetime]
    succeeded: Mapping[str, datetime]
    promotion: Promotion | None


def read_evidence(given: Node) -> Evidence | None:
    """The evidence of the configuration. Unjudged if somebody changed it since it was collected."""
    if not given.has():
        return None
    content = {key: value for key, value in given.plain().items() if key != "digest"}
    if given.text("digest") != digest(content):
        raise given.unjudged("was changed after it was collected: collect it with `python -m rehearsal evidence`")
    promotion = given.at("promotion")
    return Evidence(
        stack=given.text("stack"),
        made=moment(given.at("made")),
        source=given.text("source.kind"),
        cluster=given.text("source.cluster"),
        release=given.text("release", ""),
        images={where: tuple(each.words()) for where, each in given.entries("images").items()},
        backups={where: moment(each) for where, each in given.entries("backups").items()},
        succeeded={where: moment(each) for where, each in given.entries("succeeded").items()},
        promotion=Promotion(
            commit=promotion.text("commit"),
            authors=tuple(promotion.words("authors")),
            approver=promotion.text("approver"),
            at=moment(promotion.at("at")),
        )
        if promotion.has()
        else None,
    )


def collected(content: Mapping[str, Any]) -> dict[str, Any]:
    """`content`, with the digest that shows a later change."""
    return {**content, "digest": digest(dict(content))}
