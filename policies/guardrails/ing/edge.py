"""That the edge can be reached at all: what no longer leads to it is no longer judged by what leads through it."""

from collections.abc import Iterable, Iterator

from guardrails.graph import Graph
from guardrails.rule import Protects, Severity, Violation, stack_rule
from guardrails.traefik.proxy import LoadBalancer, Traefik, container_port

HTTPS = 443


@stack_rule(
    "ing-16",
    severity=Severity.CRITICAL,
    says="The internet reaches the edge: a public load balancer leads port 443 to its pods, and asks them by ping.",
    why="AWS's controller makes a load balancer internal where nothing is said, sends to nodes instead of pods, and "
    "takes a pod for dead that it asks at the wrong port: each is a shop that is closed, with every pod healthy.",
    fix="a Service of type LoadBalancer on Traefik's pods with scheme internet-facing, nlb-target-type ip, port 443 to "
    "an entry point, and a health check over http of /ping at ping's own port",
    scenario="An annotation is tidied away on the Friday before the sales, and somebody hears of it before the shop.",
    implies=("ing-01", "ing-02", "ing-03", "ing-05", "ing-06", "ing-07", "ing-08", "ing-09", "ing-10", "ing-11"),
    protects=Protects.ROUTING,
)
def reachable(graph: Graph) -> Iterable[Violation]:
    if graph.contract.owns_database and not graph.routing.proxies:
        yield Violation(None, "no Traefik: nothing answers the internet")
    for proxy in graph.routing.proxies:
        public = [each for each in proxy.load_balancers if each.annotation("scheme") == "internet-facing"]
        if not public:
            yield Violation(proxy.resource, "no load balancer that the internet reaches leads to it")
        elif not any(_leads_https(each, proxy) for each in public):
            yield Violation(public[0].service, f"port {HTTPS} leads to none of Traefik's entry points")
        for each in public:
            yield from (Violation(each.service, what) for what in _asks_wrongly(each, proxy))


def _leads_https(balancer: LoadBalancer, proxy: Traefik) -> bool:
    return any(
        port.number("port") == HTTPS and container_port(port, proxy.container) in proxy.entry_points.values()
        for port in balancer.service.items("spec.ports")
    )


def _asks_wrongly(balancer: LoadBalancer, proxy: Traefik) -> Iterator[str]:
    """Why healthy pods would be taken for dead, or requests go elsewhere than to them."""
    if (target := balancer.annotation("nlb-target-type", "instance")) != "ip":
        yield f"nlb-target-type is {target}: it sends to nodes, not to pods"
    point = proxy.flag("ping.entrypoint", "traefik").lower()
    port = proxy.entry_points.get(point)
    if port is None or not (proxy.on("ping") or proxy.under("ping.")):
        yield f"ping is on entry point {point}, which Traefik does not have: its pods are never healthy"
        return
    asked = {
        "healthcheck-protocol": (balancer.annotation("healthcheck-protocol", "TCP").lower(), "http"),
        "healthcheck-path": (balancer.annotation("healthcheck-path", "/"), "/ping"),
        "healthcheck-port": (balancer.annotation("healthcheck-port", "traffic-port"), str(port)),
    }
    for name, (given, wanted) in asked.items():
        if given != wanted:
            yield f"{name} is {given}, Traefik answers {wanted}"
