"""Who may reach whom: what network policies open, held against what each pod needs.

A connection needs its way open at both ends, and each end is judged by itself: one mistake then opens nothing.
"""

from collections.abc import Iterable, Iterator

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.iso.ends import AGENT, Anybody, Far
from guardrails.iso.rooms import RUNNING
from guardrails.iso.ways import DNS, POSTGRES, Ways, selects
from guardrails.kubernetes.network import EGRESS, INGRESS, Opening, Policy
from guardrails.odoo import Way
from guardrails.parties import Party
from guardrails.resource import Resource, family
from guardrails.rule import Protects, Severity, Violation, stack_rule


@stack_rule(
    "iso-03",
    of=(kinds.NETWORK_POLICY, *RUNNING),
    severity=Severity.CRITICAL,
    says="Every pod reaches what its configuration names, and nothing else: each tier its own way to PostgreSQL, the "
    "edge the tiers that it routes to, the internet only those that call partners, and nobody the node's metadata.",
    why="Whoever takes over a storefront plugin looks around first: at the primary, at Redis with "
    "everybody's sessions, "
    "at the metadata of the node. What is closed can't be looked at, and a partner's outage stays its own.",
    fix="open ports one by one, to pods by podSelector and to namespaces by "
    "kubernetes.io/metadata.name; the internet as "
    "0.0.0.0/0 except 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 and 169.254.0.0/16, on 443",
    scenario="A forgotten theme of the shop is exploited on Friday night; it finds a pooler, and no way further.",
    implies=("iso-02", "iso-04", "iso-10", "ing-06", "peak-05"),
    protects=Protects.ISOLATION,
)
def tier_matrix(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.family == family(kinds.NETWORK_POLICY):
        yield from _opened(Policy(resource), Ways(graph))
    elif graph.rooms.get(resource.namespace) is not None:
        yield from _missing(resource, Ways(graph))


def _opened(policy: Policy, ways: Ways) -> Iterator[Violation]:
    """What one policy opens beyond the needs of those that it selects."""
    namespace = policy.resource.namespace
    selected = [each for each in ways.within(namespace) if selects(policy, each)]
    for direction in (INGRESS, EGRESS):
        for opening in policy.openings(direction):
            seen = set()
            for end in ways.ends(opening, namespace):
                for party in selected:
                    allowed = ways.into(party, end) if direction == INGRESS else ways.out_of(party, end)
                    beyond = [str(ports) for ports in opening.ports if not ports.within(allowed)]
                    if beyond:
                        verb = "lets in" if direction == INGRESS else "may reach"
                        told = f"{party} {verb} {end} on {', '.join(beyond)}, not {_told(allowed)}"
                        if told not in seen:
                            seen.add(told)
                            yield Violation(policy.resource, told)
                if not selected and isinstance(end, Anybody):
                    yield Violation(
                        policy.resource, f"opens {direction} for {end} to pods that are none of the stack's"
                    )


def _told(allowed: frozenset[int]) -> str:
    return f"just {', '.join(map(str, sorted(allowed)))}" if allowed else "at all"


def _missing(resource: Resource, ways: Ways) -> Iterator[Violation]:
    """What a workload needs and no policy opens: it would start, and wait for ever."""
    for party in ways.parties:
        if party.workload is None or party.workload.resource is not resource:
            continue
        reached = [
            (end, opening)
            for policy in ways.policies(party)
            for opening in policy.openings(EGRESS)
            for end in ways.ends(opening, party.namespace)
        ]
        if not any(isinstance(end, Far) and end.are("dns") and _covers(opening, DNS) for end, opening in reached):
            yield Violation(resource, "no policy lets it ask for names: port 53 of kube-dns")
        if party.has_aws_role and not any(ways.is_agent(end) and _covers(opening, 80) for end, opening in reached):
            yield Violation(resource, f"no policy lets it reach its AWS role: {AGENT}, port 80")
        for path in party.paths:
            if path.way is Way.ELSEWHERE:
                continue
            leads = (
                (isinstance(end, Party | Far) and POSTGRES in ways.to_database(end, path))
                and _covers(opening, POSTGRES)
                for end, opening in reached
            )
            if not any(leads):
                yield Violation(resource, f"no policy lets it reach its database at {path.host}")


def _covers(opening: Opening, port: int) -> bool:
    return any(ports.first <= port <= ports.last for ports in opening.ports)
