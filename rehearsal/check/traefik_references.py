"""What Traefik's kinds take for granted: services and their ports, middlewares, TLS options, transports, Secrets."""

from collections.abc import Callable, Iterator
from typing import Any, Final

from rehearsal.check.claims import Claim, to
from rehearsal.check.cursor import Cursor
from rehearsal.check.inventory import Declared

_GROUP: Final = "traefik.io"
_TLS_KEYS: Final = ("tls.crt", "tls.key")


def _route(item: Declared) -> Iterator[Claim]:
    """IngressRoute, IngressRouteTCP and IngressRouteUDP; what one of them lacks is simply not there."""
    spec, namespace = item.root["spec"], item.namespace
    suffix = "TCP" if item.kind.startswith("IngressRouteTCP") else ""
    for parent in spec["parentRefs"]:
        yield from _to_own(parent, f"IngressRoute.{_GROUP}", namespace)
    for route in spec["routes"]:
        yield from _middlewares(route, f"Middleware{suffix}.{_GROUP}", namespace)
        for service in route["services"]:
            yield from _service(service, namespace, f"ServersTransport{suffix}.{_GROUP}")
    tls = spec["tls"]
    yield from to(tls["secretName"], "Secret", namespace, _TLS_KEYS)
    yield from _to_own(tls["options"], f"TLSOption.{_GROUP}", namespace)
    yield from _to_own(tls["store"], f"TLSStore.{_GROUP}", namespace)


def _service(service: Cursor, namespace: Any, transport: str = f"ServersTransport.{_GROUP}") -> Iterator[Claim]:
    """One backend: a Service with a port, or a TraefikService (`api@internal` and the like are Traefik's own)."""
    if service["kind"].text("Service") == "TraefikService":
        yield from _to_own(service, f"TraefikService.{_GROUP}", namespace)
    else:
        home = service["namespace"].text(namespace)
        yield from to(service["name"], "Service", home, port=service["port"].scalar)
    yield from _middlewares(service, f"Middleware.{_GROUP}", namespace)
    if not _elsewhere(service["serversTransport"]):
        yield from to(service["serversTransport"], transport, namespace)


def _middlewares(place: Cursor, kind: str, namespace: Any) -> Iterator[Claim]:
    for middleware in place["middlewares"]:
        yield from _to_own(middleware, kind, namespace)


def _to_own(place: Cursor, kind: str, namespace: Any) -> Iterator[Claim]:
    """A `{name, namespace}` that means another object of Traefik's."""
    if not _elsewhere(place["name"]):
        yield from to(place["name"], kind, place["namespace"].text(namespace))


def _elsewhere(name: Cursor) -> bool:
    """`name@provider` is defined in Traefik's own configuration, or is internal to it."""
    return isinstance(name.value, str) and "@" in name.value


def _middleware(item: Declared) -> Iterator[Claim]:
    spec, namespace = item.root["spec"], item.namespace
    yield from _middlewares(spec["chain"], f"Middleware.{_GROUP}", namespace)
    for auth in ("basicAuth", "digestAuth"):
        yield from to(spec.down(auth, "secret"), "Secret", namespace)
    if spec.down("errors", "service"):
        yield from _service(spec.down("errors", "service"), namespace)
    yield from to(spec.down("rateLimit", "redis", "secret"), "Secret", namespace)
    for tls in (spec.down("forwardAuth", "tls"), spec.down("rateLimit", "redis", "tls")):
        yield from to(tls["caSecret"], "Secret", namespace)
        yield from to(tls["certSecret"], "Secret", namespace, _TLS_KEYS)


def _traefik_service(item: Declared) -> Iterator[Claim]:
    spec, namespace = item.root["spec"], item.namespace
    several = [*spec.down("weighted", "services"), *spec.down("highestRandomWeight", "services")]
    mirroring, failover = spec["mirroring"], spec["failover"]
    for service in (*several, mirroring, *mirroring["mirrors"], failover["service"], failover["fallback"]):
        yield from _service(service, namespace)


def _tls_option(item: Declared) -> Iterator[Claim]:
    for name in item.root.down("spec", "clientAuth", "secretNames"):
        yield from to(name, "Secret", item.namespace)


def _tls_store(item: Declared) -> Iterator[Claim]:
    spec = item.root["spec"]
    for entry in (spec["defaultCertificate"], *spec["certificates"]):
        yield from to(entry["secretName"], "Secret", item.namespace, _TLS_KEYS)


def _servers_transport(item: Declared) -> Iterator[Claim]:
    spec, namespace = item.root["spec"], item.namespace
    for name in (*spec["rootCAsSecrets"], *spec["certificatesSecrets"]):
        yield from to(name, "Secret", namespace)
    for authority in spec["rootCAs"]:
        yield from to(authority["secret"], "Secret", namespace)
        yield from to(authority["configMap"], "ConfigMap", namespace)


FINDERS: Final[dict[str, Callable[[Declared], Iterator[Claim]]]] = {
    f"IngressRoute.{_GROUP}": _route,
    f"IngressRouteTCP.{_GROUP}": _route,
    f"IngressRouteUDP.{_GROUP}": _route,
    f"Middleware.{_GROUP}": _middleware,
    f"TraefikService.{_GROUP}": _traefik_service,
    f"TLSOption.{_GROUP}": _tls_option,
    f"TLSStore.{_GROUP}": _tls_store,
    f"ServersTransport.{_GROUP}": _servers_transport,
}
