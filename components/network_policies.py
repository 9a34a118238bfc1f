"""Who may talk to whom in a retailer's namespace: everything is closed, and the tier matrix is opened row by row.

Plain data: name -> `spec` of a NetworkPolicy. The VPC CNI enforces them on pod addresses, after Services are resolved.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components import odoo_pod, traefik
from components.network_rules import (
    DATABASE_PODS,
    INSTANCE_METRICS_PORT,
    KEDA_NAMESPACE,
    POOLER_METRICS_PORT,
    POSTGRES_PORT,
    PUBLIC,
    REDIS_PORT,
    STATUS_PORT,
    Peer,
    Rule,
    Spec,
    block,
    closed,
    database_operator,
    in_namespace,
    kubernetes_api,
    of_tiers,
    policy,
    prometheus,
    rule,
)
from components.odoo_config import FILESTORE_TIERS, HTTP_PORT, REPORT_TIER
from components.odoo_release import NAME as RELEASE
from components.pooler import INTEGRATION_POOLER, POOLER
from components.rotation import NAME as ROTATION
from components.route_table import ROUTED
from components.traefik_arguments import METRICS_PORT, PING_PORT, TLS_PORT, WEB_PORT
from retail.connection_budget import INTEGRATION_TIERS, POOLED_TIERS
from retail.naming import LABEL_EDGE, LABEL_TIER
from retail.tiers import PROFILES, READING_TIERS, DatabasePath, Tier

INSTANCES: Peer = {"podSelector": {"matchLabels": {"cnpg.io/podRole": "instance"}}}
STANDBYS: Peer = {"podSelector": {"matchLabels": {"cnpg.io/podRole": "instance", "cnpg.io/instanceRole": "replica"}}}
"""As the `-ro` Service selects them; CloudNativePG relabels its pods when another one becomes the primary."""

ARCHIVING = {
    "matchExpressions": [
        {"key": "cnpg.io/cluster", "operator": "Exists"},
        {"key": "cnpg.io/poolerName", "operator": "DoesNotExist"},
    ]
}
"""Pods of a database that read or write its archive: all but its poolers."""

REDIS: Peer = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "redis"}}}
TRAEFIK: Peer = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": traefik.NAME}}}


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Who a namespace deals with.

    edge: owner of the Traefik that routes here, the `retail/edge` label of this namespace and of all that it serves.
    edge_namespace, database_namespace: where they are; None where in this namespace.
    serves_retailer: whether Odoo runs here. owns_edge, owns_database: whether Traefik and PostgreSQL do.
    redis_cidrs: subnets that ElastiCache is in; empty where Redis is a pod here. api_cidrs: subnets that the Kubernetes
    API's network interfaces are in.
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
    api_cidrs: Sequence[str]
    load_balancer_cidrs: Sequence[str]


def network_policies(neighbours: Neighbours) -> dict[str, Spec]:
    """All policies of the namespace, by name."""
    policies = closed()
    if neighbours.serves_retailer:
        policies |= {f"tier-{tier}": _tier(tier, neighbours) for tier in Tier}
        policies[RELEASE] = policy(
            {"matchLabels": {LABEL_TIER: RELEASE}},
            egress=[
                _to_instances(neighbours),
                kubernetes_api(neighbours.api_cidrs),
                rule("to", [PUBLIC], 443),  # attachments
            ],
        )
        policies[ROTATION] = _rotation(neighbours)
        if not neighbours.redis_cidrs:
            clients = [of_tiers([tier for tier in Tier if tier is not Tier.JOBRUNNER])]
            policies["redis"] = policy(REDIS["podSelector"], ingress=[rule("from", clients, REDIS_PORT)])
    if neighbours.owns_edge:
        policies["traefik"] = _traefik(neighbours)
    if neighbours.owns_database:
        policies |= _database(neighbours)
        if neighbours.has_standbys and neighbours.serves_retailer:
            readers = [rule("from", [of_tiers(READING_TIERS)], POSTGRES_PORT)]
            policies["database-standbys"] = policy(STANDBYS["podSelector"], ingress=readers)
    return policies


def _tier(tier: Tier, neighbours: Neighbours) -> Spec:
    """One row of the tier matrix."""
    ingress: list[Rule] = []
    egress: list[Rule] = [_to_database(tier, neighbours)]
    if tier in (*ROUTED, Tier.WEBSOCKET):
        edge = TRAEFIK if neighbours.edge_namespace is None else {**TRAEFIK, **in_namespace(neighbours.edge_namespace)}
        ingress.append(rule("from", [edge], odoo_pod.http_port(tier)))
    if tier is Tier.BACKGROUND:
        ingress.append(rule("from", [of_tiers([Tier.JOBRUNNER])], HTTP_PORT))
    if tier is REPORT_TIER:
        ingress.append(rule("from", [of_tiers(FILESTORE_TIERS)], HTTP_PORT))
    if tier is Tier.WEBSOCKET:
        ingress.append(rule("from", [prometheus()], odoo_pod.METRICS_PORT))
    if tier is Tier.JOBRUNNER:
        egress.append(rule("to", [of_tiers([Tier.BACKGROUND])], HTTP_PORT))
    else:
        egress.append(rule("to", _redis(neighbours), REDIS_PORT))
    if tier in FILESTORE_TIERS:
        # Partners (payment, shipping, marketplaces, tax) and S3, whose addresses are public even by a VPC endpoint.
        egress += [rule("to", [PUBLIC], 443), rule("to", [of_tiers([REPORT_TIER])], HTTP_PORT)]
        if neighbours.smtp_port is not None:
            egress.append(rule("to", [PUBLIC], neighbours.smtp_port))
    return policy({"matchLabels": {LABEL_TIER: str(tier)}}, ingress=ingress, egress=egress)


def _rotation(neighbours: Neighbours) -> Spec:
    """Passwords are tried where they must work, and written in Secrets Manager, ElastiCache and the Kubernetes API."""
    egress = [
        _to_instances(neighbours),
        kubernetes_api(neighbours.api_cidrs),
        rule("to", [PUBLIC], 443),
    ]
    if neighbours.redis_cidrs:
        egress.append(rule("to", _redis(neighbours), REDIS_PORT))
    return policy({"matchLabels": {LABEL_TIER: ROTATION}}, egress=egress)


def _redis(neighbours: Neighbours) -> list[Peer]:
    return [block(cidr) for cidr in neighbours.redis_cidrs] or [REDIS]


def _to_database(tier: Tier, neighbours: Neighbours) -> Rule:
    """Instances for tiers that LISTEN; for the others their poolers, and standbys where they only read: never another's
    way."""
    if PROFILES[tier].path is DatabasePath.DIRECT:
        return _to_instances(neighbours)
    peers = [_poolers(INTEGRATION_POOLER if tier in INTEGRATION_TIERS else POOLER)]
    if tier in READING_TIERS and neighbours.has_standbys:
        peers.append(STANDBYS)
    return rule("to", [_in_database_namespace(peer, neighbours) for peer in peers], POSTGRES_PORT)


def _to_instances(neighbours: Neighbours) -> Rule:
    return rule("to", [_in_database_namespace(INSTANCES, neighbours)], POSTGRES_PORT)


def _in_database_namespace(pods: Peer, neighbours: Neighbours) -> Peer:
    return pods if neighbours.database_namespace is None else {**pods, **in_namespace(neighbours.database_namespace)}


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
    load_balancer = [block(cidr) for cidr in neighbours.load_balancer_cidrs]
    return policy(
        TRAEFIK["podSelector"],
        ingress=[
            rule(
                "from",
                load_balancer,
                WEB_PORT,
                TLS_PORT,
                PING_PORT,
            ),
            rule("from", [prometheus()], METRICS_PORT),
        ],
        egress=[
            *(rule("to", [{**of_tiers(tiers), **served}], port) for port, tiers in by_port.items()),
            kubernetes_api(neighbours.api_cidrs),
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
        **of_tiers([*(tier for tier in Tier if PROFILES[tier].path is DatabasePath.DIRECT), RELEASE, ROTATION]),
        **hosted,
    }
    operator = database_operator()
    keda = {"podSelector": {"matchLabels": {"app": "keda-operator"}}, **in_namespace(KEDA_NAMESPACE)}
    return {
        "database-instances": policy(
            INSTANCES["podSelector"],
            ingress=[
                rule("from", [DATABASE_PODS, operator], POSTGRES_PORT, STATUS_PORT),
                rule("from", [direct, keda], POSTGRES_PORT),
                rule("from", [prometheus()], INSTANCE_METRICS_PORT),
            ],
        ),
        **{
            f"database-{pooler}": policy(
                _poolers(pooler)["podSelector"],
                ingress=[
                    rule("from", [{**of_tiers(sorted(clients)), **hosted}, operator], POSTGRES_PORT),
                    rule("from", [prometheus()], POOLER_METRICS_PORT),
                ],
            )
            for pooler, clients in ((POOLER, POOLED_TIERS), (INTEGRATION_POOLER, INTEGRATION_TIERS))
        },
        # The instance manager in each pod keeps its state in the Kubernetes API.
        "database": policy(
            DATABASE_PODS["podSelector"],
            egress=[
                rule("to", [DATABASE_PODS], POSTGRES_PORT, STATUS_PORT),
                kubernetes_api(neighbours.api_cidrs),
            ],
        ),
        # WAL and backups go to S3, from instances and from the jobs that make them.
        "database-archive": policy(ARCHIVING, egress=[rule("to", [PUBLIC], 443)]),
    }
