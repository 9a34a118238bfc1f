"""Upgrades before a peak: of Kubernetes, nodes, operators, PostgreSQL and the cache."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from guardrails import kinds
from guardrails.config import limit
from guardrails.contract import Contract
from guardrails.fingerprints import listed, within
from guardrails.graph import Graph
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.versions import VERSIONS
from guardrails.windows import Window

UPGRADE_DAYS = limit(
    "upgrade-days", 14, "Days between an upgrade of Kubernetes, an operator or PostgreSQL and the next peak or freeze."
)


@stack_rule(
    "frz-05",
    of=(
        kinds.EKS_CLUSTER,
        kinds.EKS_NODE_GROUP,
        kinds.EKS_ADDON,
        kinds.NODE_CLASS,
        kinds.HELM_RELEASE,
        kinds.POSTGRES_CLUSTER,
        kinds.POOLER,
        kinds.ELASTICACHE_GROUP,
        kinds.STATEFUL_SET,
    ),
    severity=Severity.HIGH,
    says="No version of Kubernetes, a node, an operator, PostgreSQL or the cache is younger than two weeks at a peak.",
    why="What a new version does under load shows in days, and mending it takes more. It is judged against the "
    "baseline, which keeps since when each version was there; that each is supported past the peak is sec-09's.",
    fix="upgrade two weeks before, and release it (`python -m rehearsal baseline STACK`); or after the peak",
    scenario="The node image of 16 November is not what 600 tills meet on the 27th.",
    implies=("frz-01", "frz-04", "frz-07", "sec-09", "sec-05", "db-10"),
)
def settled(resource: Resource, graph: Graph) -> Iterable[Violation]:
    config, release = graph.config, graph.config.before
    before = release.resources.get(resource.urn) if release else None
    event = _event(graph.contract, config.now)
    if release is None or before is None or event is None:
        return  # Of what was not released before, frz-01 speaks in a freeze; otherwise it is no upgrade.
    days = timedelta(days=config.number(UPGRADE_DAYS))
    upgraded = [path for path in release.changed(resource) if within(path, VERSIONS[resource.family])]
    if upgraded:
        if config.now > event.start - days:
            ahead = _ahead(config.now, event)
            yield Violation(resource, f"{listed(upgraded)} changes {ahead}; {days.days} days before it is the last")
    elif before.since and before.since > event.start - days:
        since = f"{before.since:%Y-%m-%d}, {_ahead(before.since, event)}"
        yield Violation(resource, f"its version is there since {since}; {days.days} days before it was the last")


def _event(contract: Contract, now: datetime) -> Window | None:
    """The peak or freeze that lasts or comes next."""
    coming = [each for each in (*contract.peaks, *contract.freezes) if each.end > now]
    return min(coming, key=lambda each: each.start, default=None)


def _ahead(moment: datetime, event: Window) -> str:
    days = (event.start - moment) / timedelta(days=1)
    return f"{days:.3g} days before {event}" if days > 0 else f"in {event}"
