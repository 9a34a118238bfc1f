"""TLS: how strong it is, and who makes the certificates."""

from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, resource_rule, stack_rule
from guardrails.traefik.proxy import Traefik
from guardrails.traefik.routing import Edge

STRONG: Final = ("VersionTLS12", "VersionTLS13")


def is_weak(cipher: str) -> bool:
    """Whether a suite of TLS 1.2 lacks forward secrecy or authenticated encryption; those of 1.3 have both."""
    if not cipher.startswith("TLS_") or cipher.startswith(("TLS_AES_", "TLS_CHACHA20_")):
        return not cipher.startswith("TLS_")
    return not (cipher.startswith("TLS_ECDHE_") and ("_GCM_" in cipher or "_CHACHA20_POLY1305" in cipher))


@stack_rule(
    "ing-01",
    severity=Severity.HIGH,
    says="Every way in is TLS 1.2 or later with strict server names, by one `default` TLSOption for each edge.",
    why="Two options called default cancel each other, and Traefik's own then serve any name with a certificate of its "
    "making; passwords and card tokens must not cross a line that can be read.",
    fix="one TLSOption `default` with minVersion VersionTLS12, sniStrict true and ECDHE suites only; tls on every "
    "entry point and route but the one that redirects",
    scenario="The card scheme's auditor scans the shop in October, and finds nothing to write down.",
    implies=("ing-02", "ing-11", "iso-04"),
)
def encrypted(graph: Graph) -> Iterable[Violation]:
    for option in graph.all(kinds.TLS_OPTION):
        yield from _option(option)
    for proxy in graph.routing.proxies:
        yield from _entry_points(proxy)
    for edge in graph.routing.edges:
        if edge.proxy:
            yield from _default(edge, edge.proxy, graph)
    for resource in graph.all(kinds.INGRESS_ROUTE):
        yield from _route(resource, graph)


def _option(option: Resource) -> Iterable[Violation]:
    lowest = option.text("spec.minVersion", "")
    if lowest not in STRONG:
        yield Violation(option, f"minVersion is {lowest or 'not set'}, not {STRONG[0]}")
    highest = option.text("spec.maxVersion", STRONG[-1])
    if highest not in STRONG or (lowest in STRONG and highest < lowest):
        yield Violation(option, f"maxVersion is {highest}")
    if weak := [each for each in option.words("spec.cipherSuites") if is_weak(each)]:
        yield Violation(option, f"weak cipher suites: {', '.join(weak)}")
    if not option.flag("spec.sniStrict", False):
        yield Violation(option, "sniStrict is off: a client that names no host is served all the same")


def _default(edge: Edge, proxy: Traefik, graph: Graph) -> Iterable[Violation]:
    space = proxy.flag("providers.kubernetescrd.defaulttlsresourcesnamespace")
    named = [each for each in graph.all(kinds.TLS_OPTION) if each.object_name == "default" and edge.takes(each)]
    found = [each for each in named if not space or each.namespace == space]
    if len(found) != 1:
        yield Violation(proxy.resource, f"{edge} has {len(found)} TLSOptions called default, not one")


def _entry_points(proxy: Traefik) -> Iterable[Violation]:
    if not proxy.on("core.stricttlsoptions"):
        yield Violation(
            proxy.resource, "core.stricttlsoptions is off: routes of one host that differ in options get the weaker"
        )
    if proxy.on("serverstransport.insecureskipverify"):
        yield Violation(proxy.resource, "serverstransport.insecureskipverify is on: anybody may answer for a backend")
    for point in sorted(proxy.public):
        if _has_tls(proxy, point):
            continue
        prefix = f"entrypoints.{point}.http.redirections.entrypoint"
        target = proxy.flag(f"{prefix}.to").lower()
        secure = {str(proxy.entry_points[each]) for each in proxy.public if _has_tls(proxy, each)} | {"443"}
        known = target.lstrip(":") in secure or (target in proxy.public and _has_tls(proxy, target))
        if not target or not known or proxy.flag(f"{prefix}.scheme", "https") != "https":
            yield Violation(proxy.resource, f"entry point {point} has neither TLS nor a redirection to it")


def _has_tls(proxy: Traefik, point: str) -> bool:
    flag = f"entrypoints.{point}.http.tls"
    return proxy.on(flag) or bool(proxy.under(f"{flag}."))


def _route(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if options := resource.text("spec.tls.options.name", ""):
        space = resource.text("spec.tls.options.namespace", resource.namespace)
        if not graph.named(kinds.TLS_OPTION, space, options):
            yield Violation(resource, f"its TLSOption {options} is not there")
    if resource.has("spec.tls"):
        return
    for edge in graph.routing.edges:
        if not edge.takes(resource):
            continue
        if edge.proxy is None:
            yield Violation(resource, "has no tls")
            continue
        points = [each.lower() for each in resource.words("spec.entryPoints")] or sorted(edge.proxy.public)
        if plain := [each for each in points if not _has_tls(edge.proxy, each)]:
            yield Violation(resource, f"has no tls, and entry point {', '.join(plain)} has none either")


@stack_rule(
    "ing-09",
    severity=Severity.HIGH,
    says="Traefik makes no certificates, shows no dashboard and no API, and keeps metrics and ping off public ports.",
    why="Replicas can't share an ACME account: each would ask for certificates of its own until the issuer refuses. "
    "The API shows every route, and the dashboard needs no login.",
    fix="no certificatesResolvers (cert-manager makes the certificates), no --api; metrics and ping on entry points "
    "that no Service of type LoadBalancer leads to",
    scenario="A search engine for open dashboards finds nothing of the shop before Black Friday.",
    implies=("ing-10", "ing-16"),
)
def nothing_of_its_own(graph: Graph) -> Iterable[Violation]:
    for proxy in graph.routing.proxies:
        if resolvers := sorted({name.partition(".")[0] for name in proxy.under("certificatesresolvers.")}):
            yield Violation(
                proxy.resource, f"certificate resolver {', '.join(resolvers)} in each of {proxy.replicas} replicas"
            )
        for name in sorted(proxy.flags):
            if (name == "api" or name.startswith("api.")) and name != "api.disabledashboardad" and proxy.on(name):
                yield Violation(proxy.resource, f"--{name} is on")
        for what, on in (("ping", False), ("metrics.prometheus", False)):
            if proxy.on(what, on) or proxy.under(f"{what}."):
                point = proxy.flag(f"{what}.entrypoint", "traefik").lower()
                if point in proxy.public:
                    yield Violation(proxy.resource, f"{what} is on entry point {point}, which the load balancer opens")
        for provider in ("rest", "kubernetesingress", "kubernetesgateway", "file", "docker", "http"):
            if proxy.on(f"providers.{provider}") or proxy.under(f"providers.{provider}."):
                yield Violation(proxy.resource, f"provider {provider} brings in routes that nobody judges")
    for resource in graph.all(kinds.INGRESS_ROUTE):
        if resource.text("spec.tls.certResolver", ""):
            yield Violation(resource, "asks Traefik itself for a certificate")
        for route in resource.items("spec.routes"):
            for service in route.items("services"):
                if "@internal" in service.text("name", ""):
                    yield Violation(resource, f"leads to {service.text('name')}")


@resource_rule(
    "ing-14",
    of=kinds.DEPLOYMENT,
    severity=Severity.MEDIUM,
    says="The edge's access log keeps no header that is a credential and no query string.",
    why="Cookies and Authorization are logins, and query strings hold the tokens of invitations and password resets: "
    "who may read the logs could be anybody.",
    fix="accesslog.fields.headers.defaultmode and queryparameters.defaultmode drop, and keep single headers by name",
    scenario="A contractor searches the logs for a slow checkout, and sees no customer's session.",
)
def no_credentials_in_logs(resource: Resource, _: object) -> Iterable[Violation]:
    for container in resource.items("spec.template.spec.containers"):
        flags = {}
        for word in container.words("args"):
            name, _equals, value = word.lstrip("-").partition("=")
            flags[name.lower()] = value.lower() or "true"
        if flags.get("accesslog", "false") == "false" and not any(name.startswith("accesslog.") for name in flags):
            continue
        if flags.get("accesslog.fields.queryparameters.defaultmode", "keep") != "drop":
            yield Violation(resource, "the access log keeps query strings")
        if flags.get("accesslog.fields.headers.defaultmode", "drop") == "keep":
            yield Violation(resource, "the access log keeps every header")
        prefix = "accesslog.fields.headers.names."
        for name, value in flags.items():
            secret = name.removeprefix(prefix) in ("cookie", "authorization", "set-cookie", "referer", "x-api-key")
            if name.startswith(prefix) and secret and value == "keep":
                yield Violation(resource, f"the access log keeps {name.removeprefix(prefix)}")
