"""Traefik's static configuration, as flags: entry points, what is trusted, what is watched, how long things take."""

from collections.abc import Sequence

from retail.naming import LABEL_EDGE, Identity

WEB_PORT, TLS_PORT, METRICS_PORT, PING_PORT = 8000, 8443, 9100, 8080

FINISH_SECONDS = 45
"""What requests under way get after SIGTERM."""

READ_SECONDS = 600
"""Whole request body: an import or attachment over a store's line. Traefik's own 60 s cut uploads off (facts, Odoo §6);
as long as the longest request of the integration tier."""


def static_arguments(identity: Identity, *, shared: bool, load_balancer_cidrs: Sequence[str]) -> list[str]:
    """The flags of the edge that `identity` owns; the other arguments are those of TraefikArgs."""
    trusted = ",".join(load_balancer_cidrs)
    flags = {
        "global.checknewversion": "false",
        "global.sendanonymoususage": "false",
        "log.format": "json",
        "accesslog": "true",
        "accesslog.format": "json",
        # Routers of one host whose TLS options differ would fall back to the weaker ones (GHSA-g55h-rg46-x9c5).
        "core.stricttlsoptions": "true",
        "ping": "true",
        "ping.entrypoint": "ping",
        "entrypoints.ping.address": f":{PING_PORT}",
        "metrics.prometheus": "true",
        "metrics.prometheus.entrypoint": "metrics",
        "metrics.prometheus.addrouterslabels": "true",
        "metrics.prometheus.addserviceslabels": "true",
        "metrics.prometheus.buckets": "0.05,0.1,0.25,0.5,1,2,5,10,30",
        "entrypoints.metrics.address": f":{METRICS_PORT}",
        "entrypoints.web.address": f":{WEB_PORT}",
        "entrypoints.web.http.redirections.entrypoint.to": ":443",
        "entrypoints.web.http.redirections.entrypoint.scheme": "https",
        "entrypoints.web.http.redirections.entrypoint.permanent": "true",
        "entrypoints.websecure.address": f":{TLS_PORT}",
        "entrypoints.websecure.http.tls": "true",
        "entrypoints.websecure.transport.respondingtimeouts.readtimeout": f"{READ_SECONDS}s",
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
    if not shared:
        flags["providers.kubernetescrd.namespaces"] = identity.namespace
    return [f"--{flag}={value}" for flag, value in flags.items()]
