"""Who may talk to whom in a retailer's namespace: everything is closed, and the tier matrix is opened row by row.

Plain data: name -> `spec` of a NetworkPolicy. The VPC CNI enforces them on pod addresses, after Services are resolved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components import odoo_pod, traefik
from components.odoo_config import FILESTORE_TIERS, HTTP_PORT, REPORT_TIER
from components.odoo_release import NAME as RELEASE
from components.pooler import INTEGRATION_POOLER, POOLER
from components.recovery import NAME as DRILL
from components.rotation import NAME as ROTATION
from components.route_table import ROUTED
from components.traefik_arguments import METRICS_PORT, PING_PORT, TLS_PORT, WEB_PORT
from retail.connection_budget import INTEGRATION_TIERS, POOLED_TIERS
from retail.naming import LABEL_EDGE, LABEL_TIER
from retail.tiers import PROFILES, READING_TIERS, DatabasePath, Tier

Peer = dict[str, Any]
Rule = dict[str, Any]
Spec = dict[str, Any]

POSTGRES_PORT, STATUS_PORT, REDIS_PORT = 5432, 8000, 6379
INSTANCE_METRICS_PORT, POOLER_METRICS_PORT = 9187, 9127

PRIVATE_RANGES = ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]
"""RFC 1918, carrier-grade NAT (EKS may use it for pods) and link-local (the node's metadata service)."""

POD_IDENTITY_AGENT = "169.254.170.23/32"

OPERATOR_NAMESPACE, KEDA_NAMESPACE, MONITORING_NAMESPACE = "cnpg-system", "keda", "observability"

INSTANCES: Peer = {"podSelector": {"matchLabels": {"cnpg.io/podRole": "instance"}}}
STANDBYS: Peer = {"podSelector": {"matchLabels": {"cnpg.io/podRole": "instance", "cnpg.io/instanceRole": "replica"}}}
"""As the `-ro` Service selects them; CloudNativePG relabels its pods when another one becomes the primary."""

DATABASE_PODS: Peer = {"podSelector": {"matchExpressions": [{"key": "cnpg.io/cluster", "operator": "Exists"}]}}
"""Instances, poolers and the jobs that make instances; those of a drill's scratch cluster as well."""

REDIS: Peer = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "redis"}}}
TRAEFIK: Peer = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": traefik.NAME}}}
PUBLIC: Peer = {"ipBlock": {"cidr": "0.0.0.0/0", "except": PRIVATE_RANGES}}


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Who a namespace deals with.

    edge: owner of the Traefik that routes here, the `retail/edge` label of this namespace and of all that it serves.
    edge_namespace, database_namespace: where they are; None where in this namespace.
    serves_retailer: whether Odoo runs here. owns_edge, owns_database: whether Traefik and PostgreSQL do.
    redis_cidrs: subnets that ElastiCache is in; empty where Redis is a pod here.
    has_standbys: whether that PostgreSQL has instances that reports may read from.
    smtp_port: the mail relay's, None where no mail is sent.
    """

    edge: str
    edge_namespace: pulumi.Input[str] | None
    database_namespace: pulumi.Input[str] | None
    serves_retailer: bool
    owns_edge: bool
    owns_database: bool
    redis_cidrs: Sequence[str]
    has_standbys: bool
    smtp_port: int | None
    vpc_cidr: str
    load_balancer_cidrs: Sequence[str]


def network_policies(neighbours: Neighbours) -> dict[str, Spec]:
    """All policies of the namespace, by name."""
    policies: dict[str, Spec] = {
        "default-deny": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        "dns-and-identity": _policy({}, egress=[_dns(), _rule("to", [_block(POD_IDENTITY_AGENT)], 80)]),
    }
    if neighbours.serves_retailer:
        policies |= {f"tier-{tier}": _tier(tier, neighbours) for tier in Tier}
        policies[RELEASE] = _policy(
            {"matchLabels": {LABEL_TIER: RELEASE}},
            egress=[
                _to_instances(neighbours),
                _kubernetes_api(neighbours),
                _rule("to", [PUBLIC], 443),  # attachments
            ],
        )
        policies[ROTATION] = _rotation(neighbours)
        if not neighbours.redis_cidrs:
            clients = [_tiers([tier for tier in Tier if tier is not Tier.JOBRUNNER])]
            policies["redis"] = _policy(REDIS["podSelector"], ingress=[_rule("from", clients, REDIS_PORT)])
    if neighbours.owns_edge:
        policies["traefik"] = _traefik(neighbours)
    if neighbours.owns_database:
        policies |= _database(neighbours)
        if neighbours.has_standbys and neighbours.serves_retailer:
            readers = [_rule("from", [_tiers(READING_TIERS)], POSTGRES_PORT)]
            policies["database-standbys"] = _policy(STANDBYS["podSelector"], ingress=readers)
        if neighbours.serves_retailer:
            # The drill asks the Kubernetes API for a scratch cluster; the cluster itself is one of the database's.
            policies[DRILL] = _policy({"matchLabels": {LABEL_TIER: DRILL}}, egress=[_kubernetes_api(neighbours)])
    return policies


def _tier(tier: Tier, neighbours: Neighbours) -> Spec:
    """One row of the tier matrix."""
    ingress: list[Rule] = []
    egress: list[Rule] = [_to_database(tier, neighbours)]
    if tier in (*ROUTED, Tier.WEBSOCKET):
        edge = TRAEFIK if neighbours.edge_namespace is None else {**TRAEFIK, **_namespace(neighbours.edge_namespace)}
        ingress.append(_rule("from", [edge], odoo_pod.http_port(tier)))
    if tier is Tier.BACKGROUND:
        ingress.append(_rule("from", [_tiers([Tier.JOBRUNNER])], HTTP_PORT))
    if tier is REPORT_TIER:
        ingress.append(_rule("from", [_tiers(FILESTORE_TIERS)], HTTP_PORT))
    if tier is Tier.WEBSOCKET:
        ingress.append(_rule("from", [_prometheus()], odoo_pod.METRICS_PORT))
    if tier is Tier.JOBRUNNER:
        egress.append(_rule("to", [_tiers([Tier.BACKGROUND])], HTTP_PORT))
    else:
        egress.append(_rule("to", _redis(neighbours), REDIS_PORT))
    if tier in FILESTORE_TIERS:
        # Partners (payment, shipping, marketplaces, tax) and S3, whose addresses are public even by a VPC endpoint.
        egress += [_rule("to", [PUBLIC], 443), _rule("to", [_tiers([REPORT_TIER])], HTTP_PORT)]
        if neighbours.smtp_port is not None:
            egress.append(_rule("to", [PUBLIC], neighbours.smtp_port))
    return _policy({"matchLabels": {LABEL_TIER: str(tier)}}, ingress=ingress, egress=egress)


def _rotation(neighbours: Neighbours) -> Spec:
    """Passwords are tried where they must work, and written in Secrets Manager, ElastiCache and the Kubernetes API."""
    egress = [
        _to_instances(neighbours),
        _kubernetes_api(neighbours),
        _rule("to", [PUBLIC], 443),
    ]
    if neighbours.redis_cidrs:
        egress.append(_rule("to", _redis(neighbours), REDIS_PORT))
    return _policy({"matchLabels": {LABEL_TIER: ROTATION}}, egress=egress)


def _redis(neighbours: Neighbours) -> list[Peer]:
    return [_block(cidr) for cidr in neighbours.redis_cidrs] or [REDIS]


def _to_database(tier: Tier, neighbours: Neighbours) -> Rule:
    """Instances for tiers that LISTEN; for the others their poolers, and standbys where they only read: never another's
    way."""
    if PROFILES[tier].path is DatabasePath.DIRECT:
        return _to_instances(neighbours)
    peers = [_poolers(INTEGRATION_POOLER if tier in INTEGRATION_TIERS else POOLER)]
    if tier in READING_TIERS and neighbours.has_standbys:
        peers.append(STANDBYS)
    return _rule("to", [_in_database_namespace(peer, neighbours) for peer in peers], POSTGRES_PORT)


def _to_instances(neighbours: Neighbours) -> Rule:
    return _rule("to", [_in_database_namespace(INSTANCES, neighbours)], POSTGRES_PORT)


def _in_database_namespace(pods: Peer, neighbours: Neighbours) -> Peer:
    return pods if neighbours.database_namespace is None else {**pods, **_namespace(neighbours.database_namespace)}


def _poolers(tier: str) -> Peer:
    """One set of poolers, by the label we give its pods."""
    return {
        "podSelector": {
            "matchLabels": {LABEL_TIER: tier},
            "matchExpressions": [{"key": "cnpg.io/poolerName", "operator": "Exists"}],
        }
    }


def _traefik(neighbours: Neighbours) -> Spec:
    served = {"namespaceSelector": {"matchLabels": {LABEL_EDGE: neighbours.edge}}}
    by_port: dict[int, list[str]] = {}
    for tier in (*ROUTED, Tier.WEBSOCKET):
        by_port.setdefault(odoo_pod.http_port(tier) or HTTP_PORT, []).append(str(tier))
    load_balancer = [_block(cidr) for cidr in neighbours.load_balancer_cidrs]
    return _policy(
        TRAEFIK["podSelector"],
        ingress=[
            _rule(
                "from",
                load_balancer,
                WEB_PORT,
                TLS_PORT,
                PING_PORT,
            ),
            _rule("from", [_prometheus()], METRICS_PORT),
        ],
        egress=[
            *(_rule("to", [{**_tiers(tiers), **served}], port) for port, tiers in by_port.items()),
            _kubernetes_api(neighbours),
        ],
    )


def _database(neighbours: Neighbours) -> dict[str, Spec]:
    """PostgreSQL's pods: clients by their path, the operator (its documentation asks for both ports), and each other.

    A platform's database is reached from the namespaces of the retailers it hosts, which carry its `retail/edge` label.
    """
    hosted = (
        {"namespaceSelector": {"matchLabels": {LABEL_EDGE: neighbours.edge}}} if not neighbours.serves_retailer else {}
    )
    direct = {
        **_tiers([*(tier for tier in Tier if PROFILES[tier].path is DatabasePath.DIRECT), RELEASE, ROTATION]),
        **hosted,
    }
    operator = {**_named("cloudnative-pg"), **_namespace(OPERATOR_NAMESPACE)}
    keda = {"podSelector": {"matchLabels": {"app": "keda-operator"}}, **_namespace(KEDA_NAMESPACE)}
    return {
        "database-instances": _policy(
            INSTANCES["podSelector"],
            ingress=[
                _rule("from", [DATABASE_PODS, operator], POSTGRES_PORT, STATUS_PORT),
                _rule("from", [direct, keda], POSTGRES_PORT),
                _rule("from", [_prometheus()], INSTANCE_METRICS_PORT),
            ],
        ),
        **{
            f"database-{pooler}": _policy(
                _poolers(pooler)["podSelector"],
                ingress=[
                    _rule("from", [{**_tiers(sorted(clients)), **hosted}, operator], POSTGRES_PORT),
                    _rule("from", [_prometheus()], POOLER_METRICS_PORT),
                ],
            )
            for pooler, clients in ((POOLER, POOLED_TIERS), (INTEGRATION_POOLER, INTEGRATION_TIERS))
        },
        # The instance manager in each pod keeps its state in the Kubernetes API; WAL and backups go to S3.
        "database": _policy(
            DATABASE_PODS["podSelector"],
            egress=[
                _rule("to", [DATABASE_PODS], POSTGRES_PORT, STATUS_PORT),
                _kubernetes_api(neighbours),
                _rule("to", [PUBLIC], 443),
            ],
        ),
    }


def _policy(pods: dict[str, Any], *, ingress: list[Rule] | None = None, egress: list[Rule] | None = None) -> Spec:
    """A policy that opens what is given; what is empty or left out stays as `default-deny` has it."""
    rules = {"ingress": ingress, "egress": egress}
    given = {direction: opened for direction, opened in rules.items() if opened}
    return {"podSelector": pods, "policyTypes": [direction.capitalize() for direction in given], **given}


def _rule(direction: str, peers: list[Peer], *ports: int | None, protocol: str = "TCP") -> Rule:
    return {direction: peers, "ports": [{"port": port, "protocol": protocol} for port in ports]}


def _block(cidr: str) -> Peer:
    return {"ipBlock": {"cidr": cidr}}


def _namespace(name: pulumi.Input[str]) -> Peer:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def _named(name: str) -> Peer:
    return {"podSelector": {"matchLabels": {"app.kubernetes.io/name": name}}}


def _tiers(tiers: Sequence[Tier | str]) -> Peer:
    expression = {"key": LABEL_TIER, "operator": "In", "values": [str(tier) for tier in tiers]}
    return {"podSelector": {"matchExpressions": [expression]}}


def _prometheus() -> Peer:
    return {**_named("prometheus"), **_namespace(MONITORING_NAMESPACE)}


def _dns() -> Rule:
    servers = {"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}, **_namespace("kube-system")}
    return {"to": [servers], "ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]}


def _kubernetes_api(neighbours: Neighbours) -> Rule:
    """EKS puts the API's network interfaces into the cluster's subnets; their addresses are not to be known ahead."""
    return _rule("to", [_block(neighbours.vpc_cidr)], 443)
