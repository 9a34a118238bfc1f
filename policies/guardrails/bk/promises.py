"""That what is promised can be kept: a contract holds what its class means, and a restore takes no longer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.quantities import GIB, quantity
from guardrails.reading import whole
from guardrails.rule import Protects, Severity, Violation, stack_rule

HOUR, DAY = 3600, 86400

OVERHEAD = limit("restore-overhead-seconds", 600, "Seconds of a restore beside copying: node, volumes, WAL, Odoo.")


@dataclass(frozen=True)
class Promise:
    """One figure of the contract, and what each class means by it; `least` if it must be no less, else no more."""

    key: str
    gold: int
    silver: int
    bronze: int
    least: bool = False

    def of(self, objective_class: str) -> int | None:
        """None for a class that there is not."""
        return {"gold": self.gold, "silver": self.silver, "bronze": self.bronze}.get(objective_class)


BACKUP_HOURS: Final = Promise("backupIntervalHours", 6, 12, 24)
RETENTION_DAYS: Final = Promise("retentionDays", 30, 14, 7, least=True)
DRILL_DAYS: Final = Promise("drillIntervalDays", 7, 30, 90)
REGION_RPO: Final = Promise("regionRpoSeconds", 300, DAY, DAY)

PROMISES: Final = (
    Promise("rpoSeconds", 0, 300, DAY),
    Promise("rtoSeconds", 120, 900, 4 * HOUR),
    REGION_RPO,
    Promise("regionRtoSeconds", HOUR, 4 * HOUR, DAY),
    BACKUP_HOURS,
    RETENTION_DAYS,
    DRILL_DAYS,
)
"""The classes' figures (facts, platform §6)."""


def promised(graph: Graph, promise: Promise) -> int | float:
    """What the contract says, or what its class means where that is stricter."""
    given, bound = graph.contract.count(promise.key), promise.of(graph.contract.objective_class)
    if bound is None:
        return given
    return max(given, bound) if promise.least else min(given, bound)


@stack_rule(
    "bk-13",
    severity=Severity.MEDIUM,
    says="A restore of the whole database, at the speed that drills measured, ends within the promised regional RTO.",
    why="An RTO is a promise about time, and copying has a speed: a database that grew has outgrown its class.",
    fix="a faster restore (measure it and set restore-gib-per-minute), archive tables, or promise what can be kept",
    scenario="After two years of orders the weekly drill takes 50 minutes of the hour, and somebody is told in time.",
    implies=("bk-16", "cost-01", "cost-02"),
)
def restore_in_time(graph: Graph) -> Iterable[Violation]:
    contract = graph.contract
    if not contract.owns_database:
        return
    size, speed = contract.count("databaseGib"), contract.count("restoreGibPerMinute")
    if speed <= 0:
        yield Violation(contract.given, f"restoreGibPerMinute is {speed}: nothing would ever be restored")
        return
    promised_seconds, overhead = contract.seconds("regionRtoSeconds"), graph.config.number(OVERHEAD)
    seconds = whole(overhead + size * 60 / speed)
    if seconds > promised_seconds:
        yield Violation(
            contract.given,
            f"a restore takes {seconds} s, the regional RTO is {promised_seconds} s: "
            f"{overhead:g} s + {size} GiB / {speed} GiB a minute x 60",
        )
    for cluster in graph.all(kinds.POSTGRES_CLUSTER):
        volume = quantity(cluster.at("spec.storage.size")) / GIB
        if volume < size:
            yield Violation(cluster, f"its volume has {volume:g} GiB, the database {size} GiB")


@stack_rule(
    "bk-16",
    severity=Severity.CRITICAL,
    says="A contract promises no less than its class means, and no less than the business demands of any process.",
    why="All other rules hold resources against the contract. One figure loosened there would loosen them all, with "
    "every rule still passing.",
    fix="the class's figures (facts, platform §6), or a class that has what the processes demand",
    scenario="Selling may lose nothing; nobody can make that five minutes by a change of one number.",
    implies=("az-02", "bk-01", "bk-02", "bk-03", "bk-07", "bk-08", "bk-13", "db-04", "db-05", "az-03", "ops-01"),
    protects=Protects.DATA,
)
def keeps_class(graph: Graph) -> Iterable[Violation]:
    contract = graph.contract
    given = contract.given
    name = contract.objective_class
    for promise in PROMISES:
        bound = promise.of(name)
        if bound is None:
            yield Violation(given, f"objectiveClass {name} is none of gold, silver, bronze")
            return
        value = contract.count(promise.key)
        if value < bound if promise.least else value > bound:
            yield Violation(given, f"{promise.key} is {value}, {name} means {bound}")
    for demand in given.items("processObjectives"):
        process = demand.text("process")
        for ours, theirs in (
            ("rpoSeconds", "rpo_seconds"),
            ("rtoSeconds", "rto_seconds"),
            ("regionRpoSeconds", "region_rpo_seconds"),
            ("regionRtoSeconds", "region_rto_seconds"),
        ):
            asked = demand.number(theirs, None)
            if asked is not None and asked < (kept := contract.count(ours)):
                yield Violation(given, f"{process} demands {ours} {asked}, promised are {kept}")
