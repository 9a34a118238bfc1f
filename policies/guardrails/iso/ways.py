"""Which ends may be connected: what each pod's own configuration, role and labels say that it has business with."""

from functools import cached_property
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.iso.ends import AGENT, EDGE, NAME, NAMESPACE_NAME, Anybody, Block, End, Far
from guardrails.kubernetes.network import Opening, Policy, block_of, is_within, network, private_part
from guardrails.kubernetes.rooms import labels_of
from guardrails.kubernetes.selectors import demanded, matches, pinned
from guardrails.kubernetes.workloads import POOLER_LABEL, TIER
from guardrails.odoo import Path, Way
from guardrails.parties import INSTANCE_ROLE, POD_ROLE, Party, Role
from guardrails.reading import Node

POSTGRES, STATUS, REDIS, HTTPS, DNS = 5432, 8000, 6379, 443, 53
INSTANCE_METRICS, POOLER_METRICS = 9187, 9127
"""Ports of CloudNativePG's pods, which it does not let anybody choose."""

DIRECT_TIERS: Final = frozenset({"websocket", "jobrunner", "scheduled", "release", "rotation"})
POOLED_TIERS: Final = frozenset({"storefront", "backoffice", "pos", "background", "batch"})
HTTP_TIERS: Final = frozenset({"storefront", "backoffice", "pos", "integration"})
"""What a platform, which sees no retailer's pods, lets through by the tier that their labels say."""

HTTP, WEBSOCKET = 8069, 8072

MAIL = limit("mail-ports", ("465", "587", "2525"), "Ports of mail relays that a tier which calls partners may reach.")

NONE: Final[frozenset[int]] = frozenset()


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
        return [each for each in listed if selects(each, party)]

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
        if (
            self.host
            and far.namespace == self.host
            and far.pin(NAME) == frozenset({"traefik"})
            and self._is_routed(party)
        ):
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
            return frozenset({WEBSOCKET}) if tiers == frozenset({"websocket"}) else NONE
        if self.host and far.namespace == self.host:
            if party.role is Role.TOOL:
                return self._to_instances(far)
            return frozenset().union(*(self.to_database(far, path) for path in party.paths))
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
        return frozenset().union(*(self.to_database(target, path) for path in source.paths))

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

    def to_database(self, end: End, path: Path) -> frozenset[int]:
        """PostgreSQL's port, if `end` is where that way leads to."""
        here = frozenset({POSTGRES})
        if isinstance(end, Party):
            wanted = {
                Way.DIRECT: (Role.PRIMARY, Role.STANDBY),
                Way.STANDBY: (Role.STANDBY,),
                Way.POOLED: (Role.POOLER,),
            }
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
            return self._to_instances(end) if end.pin(INSTANCE_ROLE) == frozenset({"replica"}) else NONE
        service = path.host.partition(".")[0]
        return here if self._is_pooler(end, service) else NONE

    @staticmethod
    def _to_instances(far: Far) -> frozenset[int]:
        return frozenset({POSTGRES}) if far.pin(POD_ROLE) == frozenset({"instance"}) else NONE

    @staticmethod
    def _is_pooler(far: Far, service: str) -> bool:
        """Whether those are the pods of the pooler whose Service that is: its name ends in the tier of its pods."""
        if far.pin(POOLER_LABEL) == frozenset({service}):
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


def selects(policy: Policy, party: Party) -> bool:
    """Whether a policy of its namespace is about those pods."""
    return policy.is_for_all or matches(policy.selector, party.labels)
