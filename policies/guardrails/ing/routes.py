"""Routes: which paths lead where, and which to nobody. Judged by asking the edge, as a visitor would."""

from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, stack_rule
from guardrails.traefik.matching import Request
from guardrails.traefik.proxy import Traefik
from guardrails.traefik.routing import Route

BLOCKED = limit(
    "blocked-paths",
    ("/web/database", "/metrics", "/queue_job"),
    "Paths that no host may answer: Odoo's database manager, metrics, and the job endpoints of queue_job.",
)

LANGUAGES: Final = ("", "/fr", "/fr_BE", "/pt-br", "/sr@latin", "/fil")
"""Odoo takes a language off the path before it looks for what answers: each form of one, and none."""

METHODS: Final = ("GET", "POST")

PEOPLE: Final = ("storefront", "backoffice", "pos")
"""Tiers whose pages open a websocket."""

RPC: Final = ("/xmlrpc/2/common", "/xmlrpc/2/object", "/xmlrpc/common", "/jsonrpc", "/json/2/res.partner/read")

WEBHOOKS: Final = ("/payment/adyen/notification", "/payment/stripe/webhook", "/pos_adyen/notification")

SEPARATORS: Final = ("slash", "backslash", "nullcharacter")


def asked(graph: Graph, path: str, methods: Iterable[str] = METHODS) -> Iterator[tuple[Request, list[Route]]]:
    """What is asked for under `path` on every host, in every language, and who answers."""
    for host in graph.routing.hosts:
        for language in LANGUAGES:
            for method in methods:
                request = Request(host, f"{language}{path}", method)
                yield request, graph.routing.answering(request)


def once(found: Iterable[Violation]) -> Iterator[Violation]:
    """Violations without those that say the same of the same resource."""
    seen = set()
    for each in found:
        if (key := (each.where, each.what)) not in seen:
            seen.add(key)
            yield each


@stack_rule(
    "ing-02",
    severity=Severity.CRITICAL,
    says="`/websocket` leads to the websocket tier alone, unbuffered; database manager, metrics and job endpoints lead "
    "to nobody, on every host and in every language.",
    why="The database manager copies and drops whole databases behind one password, and Odoo serves /metrics and "
    "/queue_job without a login. A websocket on a web worker holds that worker until the page is closed. It is judged "
    "by asking the edge: Traefik leaves out a route whose middleware is gone, and the next one answers.",
    fix="a route of the highest priority to an allow list of nobody for the blocked paths of every host; a route for "
    "/websocket to the websocket tier's Service without buffering; encoded separators refused by every entry point",
    scenario="A robot tries /fr/web/database/manager on every host of the group, every night of the year.",
    implies=("ing-03", "ing-04", "ing-05", "ing-06", "ing-07", "ing-08", "ing-11", "ing-12", "iso-04"),
    protects=Protects.ROUTING,
)
def right_doors(graph: Graph) -> Iterable[Violation]:
    yield from once(_open_doors(graph))
    yield from once(_websockets(graph))
    for proxy in graph.routing.proxies:
        yield from _as_written(proxy)
    for kind in (kinds.INGRESS_ROUTE_TCP, kinds.INGRESS_ROUTE_UDP, kinds.TRAEFIK_SERVICE):
        for resource in graph.all(kind):
            yield Violation(resource, "goes round the routes that say who may come in")


def _open_doors(graph: Graph) -> Iterator[Violation]:
    for blocked in graph.config.words(BLOCKED):
        for path in (blocked, f"{blocked}/", f"{blocked}/manager"):
            for request, routes in asked(graph, path):
                for route in routes:
                    if not route.closed:
                        what = f"{blocked} of {request.host} is answered by {', '.join(sorted(route.tiers)) or 'it'}"
                        yield Violation(route.resource, what)


def _websockets(graph: Graph) -> Iterator[Violation]:
    reached = False
    for host in graph.routing.hosts:
        home = graph.routing.answering(Request(host, "/"))
        for route in home:
            if any(pod.is_gevent for pod in route.pods) and not route.closed:
                yield Violation(route.resource, f"{host}/ is answered by the websocket tier, which serves no pages")
        for path in ("/websocket", "/websocket/health"):
            routes = [each for each in graph.routing.answering(Request(host, path)) if not each.closed]
            people = any(route.tiers & set(PEOPLE) for route in home if not route.closed)
            if people and not routes:
                yield Violation(home[0].resource, f"{path} of {host} leads nowhere: no live chat, no notifications")
            for route in routes:
                yield from _websocket(route, f"{path} of {host}")
                reached = True
    if graph.contract.serves_retailer and not reached:
        yield Violation(None, "no route leads to the websocket tier")


def _websocket(route: Route, what: str) -> Iterator[Violation]:
    if not route.pods or not all(pod.is_gevent for pod in route.pods):
        tiers = ", ".join(sorted(route.tiers)) or "nothing of Odoo"
        yield Violation(route.resource, f"{what} is answered by {tiers}, not by the websocket tier")
    for middleware in route.of_kind("buffering"):
        yield Violation(route.resource, f"{what} is buffered by {middleware.resource.object_name}")


def _as_written(proxy: Traefik) -> Iterator[Violation]:
    """Whether paths arrive as the rules read them."""
    for point in sorted(proxy.public):
        http = f"entrypoints.{point}.http"
        for separator in SEPARATORS:
            # Traefik's own default is to let them through.
            if proxy.on(f"{http}.encodedcharacters.allowencoded{separator}", True):
                yield Violation(
                    proxy.resource, f"entry point {point} takes an encoded {separator}: /web%2Fdatabase is let by"
                )
        if not proxy.on(f"{http}.sanitizepath", True):
            yield Violation(proxy.resource, f"entry point {point} takes paths with // and /../ as they are")


@stack_rule(
    "ing-11",
    of=(kinds.INGRESS_ROUTE, kinds.DEPLOYMENT),
    severity=Severity.HIGH,
    says="Every route is taken up by one edge and in force, and leads to Services of its own namespace.",
    why="Traefik leaves out a route whose middleware or Service is gone, or whose label is another edge's, and says so "
    "in its log alone. What that route closed or limited is open then.",
    fix="let every Middleware and Service that a route names be there, in its namespace and with its edge's label; "
    "allowCrossNamespace and allowExternalNameServices false, and a labelSelector",
    scenario="A middleware is renamed on a Friday; the limit on logins must not vanish with its old name.",
    implies=("ing-01", "ing-02", "ing-03", "ing-05", "ing-08", "ing-12", "iso-03", "iso-04"),
    protects=Protects.ISOLATION,
)
def in_force(resource: Resource, graph: Graph) -> Iterable[Violation]:
    for proxy in graph.routing.proxies:
        if proxy.resource is not resource:
            continue
        for option in ("allowcrossnamespace", "allowexternalnameservices"):
            if proxy.on(f"providers.kubernetescrd.{option}"):
                yield Violation(resource, f"{option} is on: a route may lead into another retailer's namespace")
        if not proxy.listed("providers.kubernetescrd.labelselector"):
            yield Violation(resource, "takes up every route of the cluster, whoever's it is")
    if resource.kind != "IngressRoute":
        return
    routes = [each for each in graph.routing.routes if each.resource is resource]
    if not routes:
        yield Violation(resource, "no edge takes it up, or it has no routes")
    for route in routes:
        if route.broken:
            yield Violation(resource, f"is left out by Traefik: {route.broken}")
        for target in route.services:
            if target.kind != "Service":
                yield Violation(resource, f"leads to {target.kind} {target.name}, not to a Service")
            elif target.namespace != resource.namespace:
                yield Violation(resource, f"leads to Service {target.name} of namespace {target.namespace}")
            elif not target.workloads:
                yield Violation(resource, f"leads to Service {target.name}, which no pods are behind")


@stack_rule(
    "ing-12",
    severity=Severity.HIGH,
    says="Remote calls and webhooks are answered by the integration tier alone.",
    why="A partner's retry storm, or a payment provider that calls until it is heard, would take the shop's workers; "
    "RPC on the shop's host is a login that robots try without a page.",
    fix="block /xmlrpc, /jsonrpc and /json/2 on every host but the API's; lead /payment/<provider>/webhook and "
    "its like to the integration tier",
    scenario="A marketplace repeats ten thousand order calls at noon on Cyber Monday; the checkout does not notice.",
    implies=("ing-02", "ing-03", "ing-05", "ing-11"),
)
def partners_apart(graph: Graph) -> Iterable[Violation]:
    def found() -> Iterator[Violation]:
        for path in (*RPC, *WEBHOOKS):
            languages = LANGUAGES if path in RPC else ("",)
            for host in graph.routing.hosts:
                for language in languages:
                    for route in graph.routing.answering(Request(host, f"{language}{path}", "POST")):
                        if not route.closed and route.tiers != {"integration"}:
                            tiers = ", ".join(sorted(route.tiers)) or "nobody known"
                            yield Violation(route.resource, f"{path} of {host} is answered by {tiers}")

    yield from once(found())
