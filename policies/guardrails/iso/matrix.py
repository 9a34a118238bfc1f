"""Who may reach whom: what network policies open, held against what each pod's own configuration needs.

A connection needs its way open at both ends, and each end is judged by itself: one mistake then opens nothing.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.iso.rooms import RUNNING
from guardrails.kubernetes.network import (
    EGRESS,
    INGRESS,
    Network,
    Opening,
    Policy,
    block_of,
    is_within,
    network,
    private_part,
)
from guardrails.kubernetes.rooms import labels_of
from guardrails.kubernetes.selectors import demanded, matches, pinned
from guardrails.kubernetes.workloads import POOLER_LABEL, TIER
from guardrails.odoo import Path, Way
from guardrails.parties import INSTANCE_ROLE, POD_ROLE, Party, Role
from guardrails.reading import Node
from guardrails.resource import Resource, family
from guardrails.rule import Protects, Severity, Violation, stack_rule

POSTGRES, STATUS, REDIS, HTTPS, DNS = 5432, 8000, 6379, 443, 53
INSTANCE_METRICS, POOLER_METRICS = 9187, 9127
"""Ports of CloudNativePG's pods, which it does not let anybody choose."""

AGENT: Final = "169.254.170.23/32"
"""The Pod Identity agent of the node: the only link-local address that a pod has business with, on port 80."""

NAMESPACE_NAME, EDGE = "kubernetes.io/metadata.name", "retail/edge"
NAME: Final = "app.kubernetes.io/name"

OPERATORS: Final = {
    "dns": ("kube-system", "k8s-app", "kube-dns"),
    "cnpg": ("cnpg-system", NAME, "cloudnative-pg"),
    "keda": ("keda", "app", "keda-operator"),
    "prometheus": ("observability", NAME, "prometheus"),
}
"""Pods of the cluster's operators that have business with a retailer's: namespace, label and value."""

DIRECT_TIERS: Final = frozenset({"websocket", "jobrunner", "scheduled", "release", "rotation"})
POOLED_TIERS: Final = frozenset({"storefront", "backoffice", "pos", "background", "batch"})
HTTP_TIERS: Final = frozenset({"storefront", "backoffice", "pos", "integration"})
"""What a platform, which sees no retailer's pods, lets through by the tier that their labels say."""

HTTP, WEBSOCKET = 8069, 8072

MAIL = limit("mail-ports", ("465", "587", "2525"), "Ports of mail relays that a tier which calls partners may reach.")

NONE: Final[frozenset[int]] = frozenset()


@dataclass(frozen=True)
class Far:
    """Pods of another namespace: those that `pods` takes there."""

    namespace: str
    pods: Node
    edge: str = ""

    def are(self, operator: str) -> bool:
        namespace, key, value = OPERATORS[operator]
        return self.namespace == namespace and self.pin(key) == {value}

    def pin(self, key: str) -> frozenset[str] | None:
        return pinned(self.pods, key)

    def __str__(self) -> str:
        where = f"namespaces of edge {self.edge}" if self.edge else f"namespace {self.namespace}"
        asked = {*self.pods.texts("matchLabels"), *(each.text("key") for each in self.pods.items("matchExpressions"))}
        return f"pods in {where}" + (f" by {', '.join(sorted(asked))}" if asked else ", every one")


@dataclass(frozen=True)
class Block:
    """Addresses."""

    addresses: Network
    spared: tuple[Network, ...]

    def __str__(self) -> str:
        holes = private_part(self.addresses, [*self.spared])
        inside = f" with private {', '.join(map(str, holes))} in it" if holes else ""
        return f"{self.addresses}{inside}"


@dataclass(frozen=True)
class Anybody:
    """Whoever there is."""

    why: str

    def __str__(self) -> str:
        return f"anybody ({self.why})"


End = Party | Far | Block | Anybody


@stack_rule(
    "iso-03",
    of=(kinds.NETWORK_POLICY, *RUNNING),
    severity=Severity.CRITICAL,
    says="Every pod reaches what its configuration names, and nothing else: each tier its own way to PostgreSQL, the "
    "edge the tiers that it routes to, the internet only those that call partners, and nobody the node's metadata.",
    why="Whoever takes over a storefront plugin looks around first: at the primary, at Redis with everybody's sessions, "
    "at the metadata of the node. What is closed can't be looked at, and a partner's outage stays its own.",
    fix="open ports one by one, to pods by podSelector and to namespaces by kubernetes.io/metadata.name; the internet as "
    "0.0.0.0/0 except 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10 and 169.254.0.0/16, on 443",
    scenario="A forgotten theme of the shop is exploited on Friday night; it finds a pooler, and no way further.",
    implies=("iso-02", "iso-04", "iso-10", "ing-06"),
    protects=Protects.ISOLATION,
)
def tier_matrix(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.family == family(kinds.NETWORK_POLICY):
        yield from _opened(Policy(resource), Ways(graph))
    elif graph.rooms.get(resource.namespace) is not None:
        yield from _missing(resource, Ways(graph))


def _opened(policy: Policy, ways: "Ways") -> Iterator[Violation]:
    """What one policy opens beyond the needs of those that it selects."""
    namespace = policy.resource.namespace
    selected = [each for each in ways.within(namespace) if _selects(policy, each)]
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
                if not selected and isinstance(end, Anybody | Block) and not ways.is_agent(end):
                    yield Violation(policy.resource, f"opens {direction} for {end} to pods that are none of the stack's")


def _told(allowed: frozenset[int]) -> str:
    return f"just {', '.join(map(str, sorted(allowed)))}" if allowed else "at all"


def _selects(policy: Policy, party: Party) -> bool:
    return policy.is_for_all or matches(policy.selector, party.labels)


def _missing(resource: Resource, ways: "Ways") -> Iterator[Violation]:
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
                (isinstance(end, Party | Far) and POSTGRES in ways.to_database(party, end, path))
                and _covers(opening, POSTGRES)
                for end, opening in reached
            )
            if not any(leads):
                yield Violation(resource, f"no policy lets it reach its database at {path.host}")


def _covers(opening: Opening, port: int) -> bool:
    return any(ports.first <= port <= ports.last for ports in opening.ports)


class Ways:
    """Which ends of a connection there are, and between which of them what is allowed."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.parties = graph.parties
        self._contract = graph.contract

    def within(self, namespace: str) -> list[Party]:
        return [each for each in self.parties if each.namespace == namespace]

    def policies(self, party: Party) -> list[Policy]:
        listed = [Policy(each) for each in self.graph.within(party.namespace, kinds.NETWORK_POLICY)]
        return [each for each in listed if _selects(each, party)]

    @cached_property
    def host(self) -> str:
        """The namespace of the platform that hosts this retailer; empty where it lives on its own."""
        if self._contract.hosting != "shared":
            return ""
        return next(iter(each.namespace for each in self.graph.all(kinds.DATABASE)), "")

    def ends(self, opening: Opening, namespace: str) -> list[End]:
        """Who a peer of a policy in `namespace` means."""
        peer = opening.peer
        if peer is None:
            return [Anybody("the rule names nobody")]
        if peer.has("ipBlock"):
            addresses, spared = block_of(peer)
            return [Block(addresses, tuple(spared))]
        pods = peer.at("podSelector")
        if not peer.has("namespaceSelector"):
            if not pods.has():
                return [Anybody("the peer says nothing")]
            return [each for each in self.within(namespace) if matches(pods, each.labels)]
        return self._elsewhere(peer.at("namespaceSelector"), pods)

    def _elsewhere(self, spaces: Node, pods: Node) -> list[End]:
        names, edges = pinned(spaces, NAMESPACE_NAME), pinned(spaces, EDGE)
        if names is None and edges is None:
            return [Anybody("namespaces are chosen by labels that anybody's may have")]
        own = [
            each
            for each in self.parties
            if matches(spaces, labels_of(self.graph.rooms.get(each.namespace), each.namespace))
            and (not pods.has() or matches(pods, each.labels))
        ]
        ends: list[End] = [*own]
        if names is not None:
            return ends + [Far(name, pods) for name in sorted(names) if name not in self.graph.rooms]
        return ends + [Far("", pods, edge) for edge in sorted(edges or ())]

    def is_agent(self, end: End) -> bool:
        return isinstance(end, Block) and str(end.addresses) == AGENT

    # Into a pod

    def into(self, party: Party, end: End) -> frozenset[int]:
        """Ports of `party` that `end` has business with."""
        match end:
            case Party():
                return self._between(end, party)
            case Far():
                return self._from_afar(end, party)
            case Block():
                return self._from_outside(end, party)
        return NONE

    def _from_afar(self, far: Far, party: Party) -> frozenset[int]:
        role = party.role
        if far.are("prometheus"):
            if role.of_postgres:
                return frozenset({POOLER_METRICS if role is Role.POOLER else INSTANCE_METRICS})
            return party.ports(metrics=True)
        if far.are("cnpg") and role.of_postgres:
            return frozenset({POSTGRES} if role is Role.POOLER else {POSTGRES, STATUS})
        if far.are("keda") and role in (Role.PRIMARY, Role.STANDBY):
            return frozenset({POSTGRES})
        if far.edge and far.edge == self._edge and self._contract.hosting == "platform":
            tiers = far.pin(TIER)
            return frozenset({POSTGRES}) if tiers and tiers <= self._clients(party) else NONE
        if self.host and far.namespace == self.host and far.pin(NAME) == {"traefik"} and self._is_routed(party):
            return party.ports(metrics=False)
        return NONE

    def _clients(self, party: Party) -> frozenset[str]:
        """Tiers of hosted retailers that may come to a platform's pods."""
        if party.role in (Role.PRIMARY, Role.STANDBY):
            return DIRECT_TIERS
        if party.role is Role.POOLER:
            return frozenset({"integration"}) if party.labels.get(TIER, "").endswith("integration") else POOLED_TIERS
        return frozenset()

    def _from_outside(self, block: Block, party: Party) -> frozenset[int]:
        balancers = [network(each) for each in self._contract.given.items("loadBalancerCidrs")]
        if party.role is Role.EDGE and any(is_within(block.addresses, each) for each in balancers):
            return party.ports(metrics=False)
        return NONE

    # Out of a pod

    def out_of(self, party: Party, end: End) -> frozenset[int]:
        """Ports of `end` that `party` has business with."""
        match end:
            case Party():
                return self._between(party, end)
            case Far():
                return self._to_afar(party, end)
            case Block():
                return self._to_outside(party, end)
        return NONE

    def _to_afar(self, party: Party, far: Far) -> frozenset[int]:
        if far.are("dns"):
            return frozenset({DNS})
        if far.edge:
            tiers = far.pin(TIER)
            if party.role is not Role.EDGE or far.edge != self._edge or not tiers:
                return NONE
            if tiers <= HTTP_TIERS:
                return frozenset({HTTP})
            return frozenset({WEBSOCKET}) if tiers == {"websocket"} else NONE
        if self.host and far.namespace == self.host:
            if party.role is Role.TOOL:
                return self._to_instances(far)
            return frozenset().union(*(self.to_database(party, far, path) for path in party.paths))
        return NONE

    def _to_outside(self, party: Party, block: Block) -> frozenset[int]:
        if self.is_agent(block):
            return frozenset({80})
        if not private_part(block.addresses, [*block.spared]):
            mail = frozenset(int(each) for each in self.graph.config.words(MAIL)) if party.runs_business else NONE
            return frozenset({HTTPS}) | mail if self._goes_out(party) else NONE
        allowed = NONE
        if self._is_in("controlPlaneCidrs", block) and self._asks_kubernetes(party):
            allowed |= {HTTPS}
        if self._is_in("privateCidrs", block) and self._uses_cache(party):
            allowed |= {REDIS}
        return allowed

    @staticmethod
    def _goes_out(party: Party) -> bool:
        """Whether it calls partners, or AWS: pods with a role, and databases for their archive."""
        return party.runs_business or party.has_aws_role or party.role is Role.RESTORED

    @staticmethod
    def _asks_kubernetes(party: Party) -> bool:
        """Whether it holds a token: operators' pods do, others where their template says so."""
        if party.workload is None or party.role.of_postgres:
            return True
        spec = party.workload.spec
        projected = any(
            source.has("serviceAccountToken")
            for volume in spec.items("volumes")
            for source in volume.items("projected.sources")
        )
        return projected or spec.flag("automountServiceAccountToken", True)

    def _uses_cache(self, party: Party) -> bool:
        """Whether it has business with a Redis that is no pod."""
        managed = bool(self.graph.all(kinds.ELASTICACHE_GROUP))
        return managed and (party.keeps_sessions or party.role is Role.TOOL)

    def _is_in(self, key: str, block: Block) -> bool:
        listed = [network(each) for each in self._contract.given.items(key)]
        return any(is_within(block.addresses, each) for each in listed)

    # Between pods

    def _between(self, source: Party, target: Party) -> frozenset[int]:
        """Ports of `target` that `source` has business with, both of this stack."""
        if source.namespace != target.namespace:
            return NONE
        if target.role.of_postgres:
            return self._to_postgres(source, target)
        if target.role is Role.REDIS:
            return frozenset({REDIS}) if source.keeps_sessions or source.role is Role.TOOL else NONE
        if target.role is Role.ODOO and self._calls(source, target):
            return target.ports(metrics=False)
        return NONE

    def _to_postgres(self, source: Party, target: Party) -> frozenset[int]:
        if source.role.of_postgres:
            return frozenset({POSTGRES, STATUS})
        if source.role is Role.DRILL and target.role is Role.RESTORED:
            return frozenset({POSTGRES})
        if source.role is Role.TOOL and target.role in (Role.PRIMARY, Role.STANDBY):
            return frozenset({POSTGRES})
        return frozenset().union(*(self.to_database(source, target, path) for path in source.paths))

    def _calls(self, source: Party, target: Party) -> bool:
        if source.role is Role.EDGE:
            return self._is_routed(target)
        if source.runs_queue:
            hosts = [pod.environment("ODOO_QUEUE_JOB_HOST") for pod in source.odoo]
            return any(host is not None and target.answers_to(host.text("value")) for host in hosts)
        return source.runs_business and any(target.answers_to(host) for host in self._report_hosts)

    @cached_property
    def _report_hosts(self) -> set[str]:
        """Where reports fetch their pages: what the release writes down as report.url."""
        found = set()
        for party in self.parties:
            if party.role is Role.TOOL and party.workload:
                for variable in (each for node in party.workload.containers for each in node.items("env")):
                    if variable.text("name") == "RELEASE_REPORT_URL":
                        found.add(variable.text("value").partition("//")[2].partition(":")[0])
        return found

    def to_database(self, source: Party, end: End, path: Path) -> frozenset[int]:
        """PostgreSQL's port, if `end` is where that way leads to."""
        here = frozenset({POSTGRES})
        if isinstance(end, Party):
            wanted = {Way.DIRECT: (Role.PRIMARY, Role.STANDBY), Way.STANDBY: (Role.STANDBY,), Way.POOLED: (Role.POOLER,)}
            if end.role not in wanted.get(path.way, ()) or end.workload is None:
                return NONE
            if path.way is Way.POOLED and end.workload.resource.object_name != path.pooler:
                return NONE
            return here
        if not isinstance(end, Far) or not self.host or end.namespace != self.host:
            return NONE
        if path.way is Way.DIRECT:
            return self._to_instances(end)
        if path.way is Way.STANDBY:
            return self._to_instances(end) if end.pin(INSTANCE_ROLE) == {"replica"} else NONE
        service = path.host.partition(".")[0]
        return here if self._is_pooler(end, service) else NONE

    @staticmethod
    def _to_instances(far: Far) -> frozenset[int]:
        return frozenset({POSTGRES}) if far.pin(POD_ROLE) == {"instance"} else NONE

    @staticmethod
    def _is_pooler(far: Far, service: str) -> bool:
        """Whether those are the pods of the pooler whose Service that is: its name ends in the tier of its pods."""
        if far.pin(POOLER_LABEL) == {service}:
            return True
        tiers = far.pin(TIER) or frozenset()
        return demanded(far.pods, POOLER_LABEL) and len(tiers) == 1 and service.endswith(f"-{next(iter(tiers))}")

    def _is_routed(self, target: Party) -> bool:
        """Whether a route of an edge leads to it."""
        if target.workload is None:
            return False
        resource = target.workload.resource
        return any(
            each.resource is resource
            for route in self.graph.routing.working
            for service in route.services
            for each in service.workloads
        )

    @property
    def _edge(self) -> str:
        return self._contract.given.text("edge")
