"""That a peak was rehearsed before it comes."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from guardrails.config import limit
from guardrails.contract import Contract
from guardrails.graph import Graph
from guardrails.reading import Node
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.windows import Window

REHEARSAL_DAYS = limit("rehearsal-days", 30, "Days between the load rehearsal and the season that it is for, at most.")
LEAD_DAYS = limit("rehearsal-lead-days", 14, "Days before a peak from which its rehearsal must be done, not planned.")


@stack_rule(
    "peak-01",
    severity=Severity.HIGH,
    says="Production knows its peaks: how much more load, from when to when, in which time zone; and was loaded like "
    "that in a rehearsal within 30 days before the season.",
    why="Sizes rest on measured service times, and those change with every release and every new product page. A "
    "rehearsal counts for all peaks inside one freeze, since nothing changes between them. Until two weeks before a "
    "peak a date still to come is a plan; then it must lie behind.",
    fix="rehearse the load of the peak (times its factor) and write the day to `rehearsed` of the peak in the stack's "
    "calendar",
    scenario="Two and a half times the load on the second Saturday of November finds the slow query that Black Friday "
    "would have found.",
)
def rehearsed(graph: Graph) -> Iterable[Violation]:
    contract = graph.contract
    if not contract.production or not contract.serves_retailer:
        return
    if not contract.peaks:
        yield Violation(contract.given, "its calendar has no peak")
    zone = contract.zone
    today = graph.config.now.astimezone(zone).date()
    lead = timedelta(days=graph.config.number(LEAD_DAYS))
    for node, peak in zip(contract.given.items("peaks"), contract.peaks, strict=True):
        if peak.factor <= 1:
            yield Violation(contract.given, f"{peak.name} multiplies the load by {peak.factor:g}: that is no peak")
        if peak.start - lead <= graph.config.now < peak.end:
            for what in _problems(node, peak, today, _season_of(peak, contract), graph):
                yield Violation(contract.given, f"{peak} {what}")


def _season_of(peak: Window, contract: Contract) -> Window:
    """The first peak of those that are in the same freeze; itself where it is in none."""
    for freeze in contract.freezes:
        if freeze.holds(peak.start):
            return min(each for each in contract.peaks if freeze.holds(each.start))
    return peak


def _problems(node: Node, peak: Window, today: date, first: Window, graph: Graph) -> Iterator[str]:
    if not node.has("rehearsed"):
        yield "was not rehearsed"
        return
    day, at_most = _day(node.at("rehearsed")), graph.config.number(REHEARSAL_DAYS)
    if day > today:
        yield f"is rehearsed on {day} only: today is {today}"
    elif day > peak.start.date():
        yield f"was rehearsed on {day}, after it had begun"
    elif (days := (first.start.date() - day).days) > at_most:
        season = "" if first == peak else ", with which its season begins"
        yield f"was rehearsed on {day}, {days} days before {first.name} begins{season}; {at_most:g} are allowed"


def _day(node: Node) -> date:
    try:
        return date.fromisoformat(node.text())
    except ValueError:
        raise node.unjudged("must be a day, as 2026-11-07") from None
