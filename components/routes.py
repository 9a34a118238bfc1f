"""A retailer's way in: hosts, certificate, what is blocked, what is limited, and which tier answers."""

import math
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.odoo_config import HTTP_PORT, WEBSOCKET_PORT
from retail.naming import LABEL_EDGE, Identity, hosts
from retail.plan import Plan, TierPlan
from retail.tiers import Tier

API_VERSION = "traefik.io/v1alpha1"
ISSUER = "letsencrypt"
CERTIFICATE_SECRET = "edge-tls"  # noqa: S105 - the name of a Secret

ROUTED = (Tier.STOREFRONT, Tier.BACKOFFICE, Tier.POS, Tier.INTEGRATION)

BLOCKED = ("/web/database", "/metrics", "/queue_job", "/monitoring", "/saas_client", "/longpolling", "/xmlrpc/2/db")
"""On every host: the database manager; metrics and job endpoints, which Odoo's modules serve without a login; a path no
Odoo since 16 uses (facts, Odoo §6)."""

RPC = ("/xmlrpc", "/jsonrpc", "/json/2", "/doc")
"""Remote calls: on the API's host only."""

WEBSOCKET = "/websocket"

LOGIN = ("/web/login", "/web/signup", "/web/reset_password", "/web/session/authenticate")

LOGINS_PER_MINUTE = 15
"""Of one address, over all replicas. Five is the practice for one person (facts, Odoo §6); stores share one."""

BACKLOG_FACTOR = 4
"""Requests let in for every worker. A prefork server's own backlog is eight times its workers; half of it, so that what
comes too much is refused at the edge at once (429) instead of waiting for a worker until it times out."""

UPLOAD_BYTES = 128 * 1024 * 1024
"""Odoo's own limit of a request body (`web.max_file_upload_size`; facts, Odoo §6)."""

BUFFER_BYTES = 1024 * 1024
"""Of a body in memory; the rest goes to the pod's scratch volume."""


@dataclass(frozen=True, kw_only=True)
class RoutesArgs:
    """identity, plan: whose routes, and the capacity that limits are computed from.

    edge: `retail/edge` label of the Traefik that takes them up, its owner's name. edge_replicas: how many of it there
    are: rate and in-flight limits count per replica, so the totals here are divided by it.
    """

    identity: Identity
    plan: Plan
    edge: str
    edge_replicas: int

    def __post_init__(self) -> None:
        if self.edge_replicas < 1:
            reason = f"must be at least 1; given {self.edge_replicas}"
            raise pulumi.InputPropertiesError(
                f"RoutesArgs: edge_replicas {reason}", [{"property_path": "edge_replicas", "reason": reason}]
            )


class Routes(pulumi.ComponentResource):
    """One host for each tier that people or partners reach, and one certificate for all of them.

    Every host has three IngressRoutes: `<tier>` to its Odoo tier, `<tier>-websocket` to the websocket tier (unbuffered
    and without limits that count long connections; not on the API's host), `<tier>-blocked`. They are separate because
    Traefik's metrics are by route: the busy workers of a tier are summed over `<tier>` alone.
    Odoo's workers drop a slow client after two seconds, so bodies are buffered; Traefik streams otherwise. Nothing is
    retried: a repeated POST would sell twice. Plain HTTP is sent to HTTPS by Traefik's entry point.

    Example:
        Routes("acme-routes", RoutesArgs(identity=identity, plan=plan, edge="acme", edge_replicas=3))
    """

    urls: dict[str, str]

    def __init__(self, name: str, args: RoutesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        names = hosts(args.plan.settings.domain)
        super().__init__("retail:edge:Routes", name, {"hosts": sorted(names.values()), "edge": args.edge}, opts)
        self._name, self._args = name, args
        self._certificate(sorted(names.values()))
        self._middleware("deny", {"ipAllowList": {"sourceRange": ["255.255.255.255/32"]}})
        self._middleware(
            "security-headers",
            {
                "headers": {
                    "stsSeconds": 31536000,
                    "stsIncludeSubdomains": True,
                    "contentTypeNosniff": True,
                    "customFrameOptionsValue": "SAMEORIGIN",
                    "referrerPolicy": "strict-origin-when-cross-origin",
                }
            },
        )
        self._middleware(
            "buffer",
            {
                "buffering": {
                    "maxRequestBodyBytes": UPLOAD_BYTES,
                    "memRequestBodyBytes": BUFFER_BYTES,
                    "memResponseBodyBytes": BUFFER_BYTES,
                }
            },
        )
        logins = max(1, LOGINS_PER_MINUTE // args.edge_replicas)
        self._middleware("limit-logins", {"rateLimit": {"average": logins, "period": "1m", "burst": logins}})
        for tier in ROUTED:
            self._host(tier, names[str(tier)], args.plan.tiers[tier])
        self.urls = {tier: f"https://{host}" for tier, host in names.items()}
        self.register_outputs({"urls": self.urls})

    def _host(self, tier: Tier, host: str, plan: TierPlan) -> None:
        in_flight = in_flight_per_replica(plan, self._args.edge_replicas)
        self._middleware(f"{tier}-in-flight", {"inFlightReq": {"amount": in_flight}})
        common = ["security-headers", f"{tier}-in-flight", "buffer"]
        here = f"Host(`{host}`)"
        routes = [_route(f"{here} && Method(`POST`) && ({_under(LOGIN)})", tier, 200, ["limit-logins", *common])]
        if tier is Tier.INTEGRATION:
            rate = requests_per_second_per_replica(plan, self._args.edge_replicas)
            limit = {"average": rate, "period": "1s", "burst": 2 * rate}
            self._middleware("limit-partners", {"rateLimit": limit})
            common = ["limit-partners", *common]
        routes.append(_route(here, tier, 100, common))
        self._ingress_route(str(tier), routes)
        blocked = BLOCKED if tier is Tier.INTEGRATION else (*BLOCKED, *RPC)
        if tier is Tier.INTEGRATION:
            blocked = (*blocked, WEBSOCKET)
        else:
            self._ingress_route(
                f"{tier}-websocket",
                [_route(f"{here} && ({_under((WEBSOCKET,))})", Tier.WEBSOCKET, 300, ["security-headers"])],
            )
        self._ingress_route(f"{tier}-blocked", [_route(f"{here} && ({_under(blocked)})", tier, 1000, ["deny"])])

    def _certificate(self, dns_names: list[str]) -> None:
        CustomResource(
            f"{self._name}-certificate",
            api_version="cert-manager.io/v1",
            kind="Certificate",
            metadata=self._metadata("edge"),
            spec={
                "secretName": CERTIFICATE_SECRET,
                "dnsNames": dns_names,
                "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": ISSUER},
                "duration": "2160h",
                # Thirty days before its end, so that no renewal is first tried in a freeze.
                "renewBefore": "720h",
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            },
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _middleware(self, name: str, spec: dict[str, Any]) -> None:
        CustomResource(
            f"{self._name}-{name}",
            api_version=API_VERSION,
            kind="Middleware",
            metadata=self._metadata(name),
            spec=spec,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _ingress_route(self, name: str, routes: list[dict[str, Any]]) -> None:
        CustomResource(
            f"{self._name}-{name}",
            api_version=API_VERSION,
            kind="IngressRoute",
            metadata=self._metadata(name),
            spec={"entryPoints": ["websecure"], "routes": routes, "tls": {"secretName": CERTIFICATE_SECRET}},
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _metadata(self, name: str) -> dict[str, Any]:
        labels = {**self._args.identity.labels("routes"), LABEL_EDGE: self._args.edge}
        return {"name": name, "namespace": self._args.identity.namespace, "labels": labels}


def in_flight_per_replica(plan: TierPlan, replicas: int) -> int:
    """Requests of a host under way in one replica. All replicas together let in what the tier's workers and a part of
    their backlog can hold at its ceiling."""
    return max(1, plan.ceiling * plan.profile.processes * BACKLOG_FACTOR // replicas)


def requests_per_second_per_replica(plan: TierPlan, replicas: int) -> int:
    """Requests a second of one address in one replica: a partner may use the tier's whole capacity, not more."""
    capacity = plan.ceiling * plan.profile.processes * 1000 / plan.service_time_ms
    return max(1, math.ceil(capacity / replicas))


def _under(paths: tuple[str, ...]) -> str:
    """Each path and what is under it. A bare PathPrefix(`/doc`) would catch /documents as well."""
    return " || ".join(f"Path(`{path}`) || PathPrefix(`{path}/`)" for path in paths)


def _route(match: str, tier: Tier, priority: int, middlewares: list[str]) -> dict[str, Any]:
    port = WEBSOCKET_PORT if tier is Tier.WEBSOCKET else HTTP_PORT
    return {
        "kind": "Rule",
        "match": match,
        "priority": priority,
        "middlewares": [{"name": middleware} for middleware in middlewares],
        "services": [{"kind": "Service", "name": str(tier), "port": port}],
    }
