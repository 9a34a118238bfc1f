"""Nodes in a freeze: Karpenter takes none away."""

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.kubernetes.cron import read_cron
from guardrails.kubernetes.durations import seconds
from guardrails.kubernetes.nodes import NodeSet
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.windows import Window

UTC: Final = ZoneInfo("UTC")
"""Karpenter's schedules know no other zone (concepts/disruption)."""

REASONS: Final = ("Empty", "Underutilized", "Drifted")
"""Why Karpenter takes a node away by itself; a budget without reasons is for all of them."""

NEVER: Final = "Never"
LEAST: Final = ("deferrable", "headroom")
"""Priority classes of what may lose its node at any time."""


@stack_rule(
    "frz-06",
    of=kinds.NODE_POOL,
    severity=Severity.HIGH,
    says="Karpenter takes no node away in a freeze or a peak, and nodes of what matters never expire.",
    why="Consolidation and drift move pods when it suits the bill. Budgets hold them back, in UTC: a window written in "
    "local time is open for an hour on one of its sides. Expiry takes no notice of budgets at all.",
    fix="a budget of nodes: '0' whose schedule (UTC) and duration cover each window whole, for every reason; "
    "expireAfter: Never",
    scenario="At 00:10 on the day of the sale the night's empty nodes are still there, and the rush finds them warm.",
    implies=("peak-03",),
)
def none_taken(pool: Resource, graph: Graph) -> Iterable[Violation]:
    expires = pool.text("spec.template.spec.expireAfter", "720h")
    if expires != NEVER and _matters(pool, graph):
        yield Violation(pool, f"its nodes expire after {expires}, whatever is running on them")
    budgets = [each for each in pool.items("spec.disruption.budgets") if _none(each.text("nodes", "10%"))]
    for window in (*graph.contract.freezes, *graph.contract.peaks):
        if window.end <= graph.config.now:
            continue
        for reason in REASONS:
            mine = [each for each in budgets if not each.has("reasons") or reason in each.words("reasons")]
            if gap := _open(window, [span for each in mine for span in _spans(each, window)]):
                start, end = (each.astimezone(UTC) for each in gap)
                yield Violation(
                    pool,
                    f"{reason} nodes are taken from {start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, in {window}",
                )
                break


def _matters(pool: Resource, graph: Graph) -> bool:
    """Whether anything may run there that is not to lose its node; a pool for others' pods is for all kinds."""
    nodes = NodeSet(pool)
    classes = [each.spec.text("priorityClassName", "") for each in graph.workloads if nodes.takes(each)]
    return not classes or any(each not in LEAST for each in classes)


def _none(nodes: str) -> bool:
    return re.fullmatch("0+%?", nodes.strip()) is not None


def _spans(budget: Node, window: Window) -> Iterator[tuple[datetime, datetime]]:
    """When a budget is active, as far as it matters to `window`; always where it has no schedule."""
    if not budget.has("schedule") and not budget.has("duration"):
        yield window.start, window.end
        return
    lasts = timedelta(seconds=seconds(budget.at("duration")))
    for fire in read_cron(budget.at("schedule")).fires(window.start - lasts, window.end, UTC):
        yield fire, fire + lasts


def _open(window: Window, spans: Iterable[tuple[datetime, datetime]]) -> tuple[datetime, datetime] | None:
    """The first part of `window` in no span."""
    covered = window.start
    for start, end in sorted(spans):
        if start > covered:
            break
        covered = max(covered, end)
    else:
        return (covered, window.end) if covered < window.end else None
    return (covered, min(start, window.end)) if covered < window.end else None
