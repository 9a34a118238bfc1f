"""What Traefik calls its routers and services in metrics, for everything that asks Prometheus about a tier.

With `safeNaming` (components/traefik_arguments.py) a route is `<namespace>_<IngressRoute>_<index>@kubernetescrd`, its
service the same with `_lb` (Traefik, pkg/provider/kubernetes/crd/name_builder.go and kubernetes_http.go). `_` can't be
in a Kubernetes name, so these patterns never match another retailer's. The IngressRoute is named after the tier that
answers, `<tier>` or `<tier>-<what>` (components/route_table.py).
"""

PROVIDER = "kubernetescrd"


def main_router(namespace: str, tier: str) -> str:
    """Prometheus selector of the tier's ordinary requests, as they came in: also those that the edge itself refused.

    Logins, webhooks and websockets are routes of their own, and not in it.
    """
    return f'router=~"{namespace}_{tier}_[0-9]+@{PROVIDER}"'


def services(namespace: str, tier: str) -> str:
    """Prometheus selector of everything that the tier's pods answered, whichever route it came by."""
    return f'service=~"{namespace}_{tier}(-[a-z]+)?_[0-9]+_lb@{PROVIDER}"'


def scraped(edge_namespace: str) -> str:
    """Prometheus selector of `up` for the Traefik pods themselves: the job of a PodMonitor is `<namespace>/<name>`."""
    return f'job="{edge_namespace}/traefik"'
