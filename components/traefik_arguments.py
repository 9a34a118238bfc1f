"""Traefik's static configuration, as flags: entry points, what is trusted, what is watched, how long things take."""

from collections.abc import Sequence

from components.odoo_config import LONGEST_SECONDS
from components.route_table import ROUTED
from retail.naming import LABEL_EDGE, Identity

WEB_PORT, TLS_PORT, METRICS_PORT, PING_PORT = 8000, 8443, 9100, 8080

FINISH_SECONDS = max(LONGEST_SECONDS[tier] for tier in ROUTED)
"""What requests under way get after SIGTERM: as long as the longest that a worker may still be answering."""

READ_SECONDS = 600
"""Whole request body: an import or attachment over a store's line. Traefik's own 60 s cut uploads off (facts, Odoo §6);
as long as the longest request of the integration tier."""

IDLE_SECONDS = 180
"""Traefik's default, said: below the 350 s after which the load balancer forgets an idle connection in silence."""

DIAL_SECONDS = 3
"""To reach a pod. Traefik's 30 s is how long visitors would wait for each pod of a node that is gone."""

HEADER_BYTES = 64 * 1024

STREAMS = 16
"""Requests of one HTTP/2 connection at a time; a browser keeps the others of a page back itself. With Traefik's 250 a
page of fifty pictures would be most of a small shop's room, and the rest of it refused."""

SEPARATORS = ("slash", "backslash", "nullcharacter")
"""Refused in a path where they are encoded. Traefik's rules see `/web%2Fdatabase` as written, Odoo as `/web/database`:
what is blocked by its path would not be. Other encoded characters are in names of documents."""

LOGGED_HEADERS = ("User-Agent", "Content-Type")
"""Of the access log. No other: cookies and Authorization are credentials, and Referer has the query of the page before.
Query strings are left out as well: they hold the tokens of invitations, password resets and portal links."""


def static_arguments(identity: Identity, *, shared: bool, load_balancer_cidrs: Sequence[str]) -> list[str]:
    """The flags of the edge that `identity` owns; the other arguments are those of TraefikArgs."""
    trusted = ",".join(load_balancer_cidrs)
    flags = {
        "global.checknewversion": "false",
        "global.sendanonymoususage": "false",
        "log.format": "json",
        "accesslog": "true",
        "accesslog.format": "json",
        "accesslog.fields.defaultmode": "keep",
        "accesslog.fields.names.ClientUsername": "drop",
        "accesslog.fields.queryparameters.defaultmode": "drop",
        "accesslog.fields.headers.defaultmode": "drop",
        **{f"accesslog.fields.headers.names.{header}": "keep" for header in LOGGED_HEADERS},
        # Routers of one host whose TLS options differ would fall back to the weaker ones (GHSA-g55h-rg46-x9c5).
        "core.stricttlsoptions": "true",
        "ping": "true",
        "ping.entrypoint": "ping",
        "entrypoints.ping.address": f":{PING_PORT}",
        "metrics.prometheus": "true",
        "metrics.prometheus.entrypoint": "metrics",
        "metrics.prometheus.addrouterslabels": "true",
        "metrics.prometheus.addserviceslabels": "true",
        # Finer than Traefik's four around what people notice; 2 s is where the alerts' line is.
        "metrics.prometheus.buckets": "0.05,0.1,0.25,0.5,1,2,5,10,30",
        "entrypoints.metrics.address": f":{METRICS_PORT}",
        "entrypoints.web.address": f":{WEB_PORT}",
        "entrypoints.web.http.redirections.entrypoint.to": ":443",
        "entrypoints.web.http.redirections.entrypoint.scheme": "https",
        "entrypoints.web.http.redirections.entrypoint.permanent": "true",
        "entrypoints.websecure.address": f":{TLS_PORT}",
        "entrypoints.websecure.http.tls": "true",
        # No write timeout: it would end websockets and large downloads.
        "entrypoints.websecure.transport.respondingtimeouts.readtimeout": f"{READ_SECONDS}s",
        "entrypoints.websecure.transport.respondingtimeouts.idletimeout": f"{IDLE_SECONDS}s",
        "entrypoints.websecure.http2.maxconcurrentstreams": str(STREAMS),
        "serverstransport.forwardingtimeouts.dialtimeout": f"{DIAL_SECONDS}s",
        "providers.kubernetescrd": "true",
        "providers.kubernetescrd.allowcrossnamespace": "false",
        "providers.kubernetescrd.allowexternalnameservices": "false",
        # A tier without ready pods answers 503 instead of losing its route.
        "providers.kubernetescrd.allowemptyservices": "true",
        "providers.kubernetescrd.safenaming": "true",
        "providers.kubernetescrd.labelselector": f"{LABEL_EDGE}={identity.retailer}",
        "providers.kubernetescrd.defaulttlsresourcesnamespace": identity.namespace,
        "providers.kubernetescrd.disableclusterscoperesources": "true",
    }
    for entry_point in ("web", "websecure"):
        flags[f"entrypoints.{entry_point}.proxyprotocol.trustedips"] = trusted
        flags[f"entrypoints.{entry_point}.forwardedheaders.trustedips"] = trusted
        flags[f"entrypoints.{entry_point}.transport.lifecycle.gracetimeout"] = f"{FINISH_SECONDS}s"
        flags[f"entrypoints.{entry_point}.http.maxheaderbytes"] = str(HEADER_BYTES)
        flags[f"entrypoints.{entry_point}.http.sanitizepath"] = "true"
        for separator in SEPARATORS:
            flags[f"entrypoints.{entry_point}.http.encodedcharacters.allowencoded{separator}"] = "false"
    # The load balancer puts its header before health checks too (its target group attributes, proxy protocol); the
    # kubelet's probes come without one, which Traefik takes as well.
    flags["entrypoints.ping.proxyprotocol.trustedips"] = trusted
    if not shared:
        flags["providers.kubernetescrd.namespaces"] = identity.namespace
    return [f"--{flag}={value}" for flag, value in flags.items()]
