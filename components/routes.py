"""A retailer's way in: hosts, certificate, what is blocked, what is limited, and which tier answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components import route_limits
from components.edge_certificate import CERTIFICATE_SECRET, edge_certificate
from components.odoo_config import HTTP_PORT, WEBSOCKET_PORT
from components.route_table import DENY, LIMIT_LOGINS, PARTNERS_ONLY, ROUTED, STAFF_ONLY, Route, rate, routes
from retail.naming import LABEL_EDGE, Identity, hosts
from retail.plan import Plan
from retail.tiers import Tier

API_VERSION = "traefik.io/v1alpha1"

REQUEST_BUFFER_BYTES, RESPONSE_BUFFER_BYTES = 64 * 1024, 256 * 1024
"""Of a body in memory; the rest goes to the pod's scratch volume. Most calls and pages are smaller, and as many as are
let in at once must fit into the pod's memory."""

RESPONSE_BYTES = 1024 * 1024 * 1024
"""Of an answer: a large export or a folder of documents. What is larger would be an endless one."""

BREAKER = "ResponseCodeRatio(500, 600, 0, 600) > 0.50 && LatencyAtQuantileMS(50.0) > 5000"
"""Opens when half of the answers of the last ten seconds are errors of the tier's own, and slow ones: it hangs on
something (the database is away), and more requests only queue behind. Then 503 at once for ten seconds.

Only 5xx count: a wrong password, a missing page and our own 429 are answers of a healthy tier, and a breaker that they
open would let a robot close the shop. Only slow ones, because there is no least number of requests to be had
(`RequestThreshold` is not in the release we pin; with it the route would be refused): else one quick error on a quiet
night, or one broken page, would take all others away.
"""

COMPRESSED = (
    "text/html",
    "text/css",
    "text/plain",
    "text/xml",
    "text/javascript",
    "application/javascript",
    "application/json",
    "application/xml",
    "image/svg+xml",
)
"""What Odoo serves as text, uncompressed: its bundles are megabytes."""


@dataclass(frozen=True, kw_only=True)
class RoutesArgs:
    """identity, plan: whose routes, and the capacity that limits are computed from.

    edge: `retail/edge` label of the Traefik that takes them up, its owner's name. edge_replicas: how many of it there
    are: rate and in-flight limits count per replica, so the totals are divided by it.
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

    components/route_table.py says which path goes where, components/route_limits.py how much is let in. A request
    passes, in this order: who may come (addresses), how many at once and how often from one address, the body whole
    (Odoo's workers drop a slow client after two seconds; Traefik streams otherwise), the tier's room, its circuit
    breaker. The room is behind the buffer, so that a slow upload takes no place from others. Websockets pass none of
    it: they stay open, and are not to be buffered.
    Nothing is retried: a repeated POST would sell twice. Plain HTTP is sent to HTTPS by Traefik's entry point.

    What it gives up: one address behind which many visitors are (a proxy in front of the shop) is one visitor here.
    Where staff's addresses aren't known (`staff-cidrs` is empty), Odoo's web client is on its own host only, and the
    website is edited there.

    Example:
        Routes("acme-routes", RoutesArgs(identity=identity, plan=plan, edge="acme", edge_replicas=3))
    """

    urls: dict[str, str]

    def __init__(self, name: str, args: RoutesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = args.plan.settings
        names = hosts(settings.domain)
        super().__init__("retail:edge:Routes", name, {"hosts": sorted(names.values()), "edge": args.edge}, opts)
        self._name, self._args = name, args
        edge_certificate(
            f"{name}-certificate",
            args.identity,
            sorted(names.values()),
            settings.freezes,
            labels=self._labels(),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._middlewares_of_all()
        for tier in ROUTED:
            self._middlewares_of(tier)
        table = routes(names, staff_only=bool(settings.staff_cidrs), partners_only=bool(settings.api_cidrs))
        for route in table:
            self._route(route, table)
        self.urls = {tier: f"https://{host}" for tier, host in names.items()}
        self.register_outputs({"urls": self.urls})

    def _middlewares_of_all(self) -> None:
        settings = self._args.plan.settings
        self._middleware(DENY, {"ipAllowList": {"sourceRange": ["255.255.255.255/32"]}})
        if settings.staff_cidrs:
            self._middleware(STAFF_ONLY, {"ipAllowList": {"sourceRange": list(settings.staff_cidrs)}})
        if settings.api_cidrs:
            self._middleware(PARTNERS_ONLY, {"ipAllowList": {"sourceRange": list(settings.api_cidrs)}})
        self._middleware(
            "security-headers",
            {
                "headers": {
                    "stsSeconds": 31536000,
                    "stsIncludeSubdomains": True,
                    "contentTypeNosniff": True,
                    "customFrameOptionsValue": "SAMEORIGIN",
                    "referrerPolicy": "strict-origin-when-cross-origin",
                    # Empty is away: which server and version it is helps nobody but an attacker.
                    "customResponseHeaders": {"Server": ""},
                }
            },
        )
        self._middleware("compress", {"compress": {"includedContentTypes": list(COMPRESSED)}})
        logins = route_limits.logins_per_minute(self._args.edge_replicas)
        self._middleware(LIMIT_LOGINS, {"rateLimit": {"average": logins, "period": "1m", "burst": logins}})

    def _middlewares_of(self, tier: Tier) -> None:
        plan, replicas = self._args.plan.tiers[tier], self._args.edge_replicas
        per_second = route_limits.requests_per_second(plan, replicas)
        self._middleware(
            rate(tier), {"rateLimit": {"average": per_second, "period": "1s", "burst": route_limits.burst(per_second)}}
        )
        self._middleware(
            f"{tier}-address",
            {
                "inFlightReq": {
                    "amount": route_limits.from_one_address(tier),
                    # Without a criterion Traefik counts by host here, not by address as for rates.
                    "sourceCriterion": {"ipStrategy": {"depth": 0}},
                }
            },
        )
        self._middleware(
            f"{tier}-buffer",
            {
                "buffering": {
                    "maxRequestBodyBytes": route_limits.UPLOAD_BYTES[tier],
                    "memRequestBodyBytes": REQUEST_BUFFER_BYTES,
                    "maxResponseBodyBytes": RESPONSE_BYTES,
                    "memResponseBodyBytes": RESPONSE_BUFFER_BYTES,
                }
            },
        )
        self._middleware(f"{tier}-breaker", {"circuitBreaker": {"expression": BREAKER}})

    def _route(self, route: Route, table: Sequence[Route]) -> None:
        websocket = route.tier is Tier.WEBSOCKET
        middlewares = [*route.limits]
        if route.weight:
            room = f"{route.name}-in-flight"
            plan = self._args.plan.tiers[route.tier]
            amount = route_limits.in_flight(route, table, plan, self._args.edge_replicas)
            self._middleware(room, {"inFlightReq": {"amount": amount, "sourceCriterion": {"requestHost": True}}})
            middlewares = [
                "security-headers",
                "compress",
                *route.limits,
                f"{route.tier}-address",
                f"{route.tier}-buffer",
                room,
                f"{route.tier}-breaker",
            ]
        elif websocket:
            middlewares = ["security-headers", *route.limits]
        CustomResource(
            f"{self._name}-{route.name}",
            api_version=API_VERSION,
            kind="IngressRoute",
            metadata=self._metadata(route.name),
            spec={
                "entryPoints": ["websecure"],
                "routes": [
                    {
                        "kind": "Rule",
                        "match": route.match,
                        "priority": route.priority,
                        "middlewares": [{"name": middleware} for middleware in middlewares],
                        "services": [
                            {
                                "kind": "Service",
                                "name": str(route.tier),
                                "port": WEBSOCKET_PORT if websocket else HTTP_PORT,
                            }
                        ],
                    }
                ],
                "tls": {"secretName": CERTIFICATE_SECRET},
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

    def _metadata(self, name: str) -> dict[str, Any]:
        return {"name": name, "namespace": self._args.identity.namespace, "labels": self._labels()}

    def _labels(self) -> dict[str, str]:
        return {**self._args.identity.labels("routes"), LABEL_EDGE: self._args.edge}
