"""What is still mended: no version whose support ends before the next event does."""

import re
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.reading import Unjudged
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.windows import Window

SUPPORT_ENDS = limit(
    "support-ends",
    (
        # docs.aws.amazon.com/eks, kubernetes-versions: standard support.
        "kubernetes 1.33 2026-07-29",
        "kubernetes 1.34 2026-12-02",
        "kubernetes 1.35 2027-03-27",
        # cloudnative-pg.io, supported releases: three months after the next minor; 1.31 was not out in November 2026.
        "cloudnative-pg 1.29 2026-09-29",
        "cloudnative-pg 1.30 2027-02-22",
        # postgresql.org/support/versioning
        "postgresql 14 2026-11-12",
        "postgresql 15 2027-11-11",
        "postgresql 16 2028-11-09",
        "postgresql 17 2029-11-08",
        "postgresql 18 2030-11-14",
        # docs.aws.amazon.com/linux: end of standard support of the nodes' system.
        "al2 any 2026-06-30",
        "al2023 any 2029-06-30",
        "bottlerocket any 2029-06-30",
    ),
    "Ends of support, each as `product version day`: of EKS (standard support), operators, PostgreSQL, node systems.",
)

AHEAD = limit(
    "support-ahead-days",
    14,
    "Days that support lasts at least where no event is to come: a platform does not know its retailers' freezes.",
)

OPERATORS: Final = {"0.29": "cloudnative-pg 1.30", "0.28": "cloudnative-pg 1.29"}
"""Charts whose number is not their operator's: chart cloudnative-pg 0.29 carries 1.30."""


@stack_rule(
    "sec-09",
    of=(kinds.EKS_CLUSTER, kinds.EKS_NODE_GROUP, kinds.NODE_CLASS, kinds.HELM_RELEASE, kinds.POSTGRES_CLUSTER),
    severity=Severity.HIGH,
    says="Kubernetes, PostgreSQL, its operator and the nodes' system are supported past the end of the next event.",
    why="A hole found in the peak is mended in supported versions alone, and nothing may be upgraded in a freeze. EKS "
    "upgrades by itself what is out of extended support. A version that the list does not know is not supported.",
    fix="upgrade before the event, at least two weeks before its freeze; or say in `support-ends` what is known",
    scenario="A hole in PostgreSQL is published on 1 December, and a mended version of ours is there the same day.",
    implies=("bk-10", "frz-05", "sec-05"),
)
def supported(resource: Resource, graph: Graph) -> Iterable[Violation]:
    event = _next_event(graph)
    for product, version in _runs(resource):
        end = _end(product, version, graph)
        if end is None:
            yield Violation(resource, f"{product} {version} is not among the supported versions known here")
        elif event and end < event.end.date():
            yield Violation(resource, f"{product} {version} is supported until {end}, and {event} ends later")
        elif not event and end < (asked := graph.config.now.date() + timedelta(graph.config.number(AHEAD))):
            yield Violation(
                resource, f"{product} {version} is supported until {end}; without a calendar, {asked} at least"
            )


def _runs(resource: Resource) -> Iterator[tuple[str, str]]:
    """Product and version, as in the list."""
    if resource.type == kinds.EKS_CLUSTER:
        yield "kubernetes", resource.text("version")
    elif resource.kind == "NodeGroup":
        yield _node_system(resource.text("amiType", "AL2_x86_64")), "any"
        if resource.has("version"):
            yield "kubernetes", resource.text("version")
    elif resource.kind == "EC2NodeClass":
        for term in resource.items("spec.amiSelectorTerms"):
            if alias := term.text("alias", ""):
                yield _node_system(alias), "any"
    elif resource.kind == "Release":
        if resource.text("chart").rpartition("/")[2] == "cloudnative-pg":
            minor = ".".join(resource.text("version").lstrip("v").split(".")[:2])
            product, _, version = OPERATORS.get(minor, f"cloudnative-pg chart-{minor}").partition(" ")
            yield product, version
    else:
        yield "postgresql", _major(resource)


def _node_system(text: str) -> str:
    return re.split(r"[_@]", text.lower())[0]


def _major(cluster: Resource) -> str:
    image = cluster.text("spec.imageName").partition("@")[0]
    found = re.search(r":([0-9]+)(\.[0-9]+)?", image)
    if not found:
        raise cluster.at("spec.imageName").unjudged("does not say which version of PostgreSQL it is: tag and digest")
    return found[1]


def _end(product: str, version: str, graph: Graph) -> date | None:
    for line in graph.config.words(SUPPORT_ENDS):
        words = line.split()
        if len(words) == 3 and words[:2] == [product, version]:
            try:
                return date.fromisoformat(words[2])
            except ValueError:
                raise Unjudged(None, "support-ends", f"has no day for {product} {version}") from None
    return None


def _next_event(graph: Graph) -> Window | None:
    """The peak or freeze that ends next, or that what begins before it leads to; None where none is to come."""
    coming = sorted(
        (each for each in (*graph.contract.peaks, *graph.contract.freezes) if each.end > graph.config.now),
        key=lambda each: each.start,
    )
    if not coming:
        return None
    # What overlaps the first is one event with it: the sales inside a freeze end with the freeze.
    event = coming[0]
    for each in coming[1:]:
        if each.start <= event.end and each.end > event.end:
            event = each
    return event
