"""Alerts on the tiers: what customers, staff and tills see."""

from components.alerts.burn_rate import burn_rate_rules
from components.alerts.rule import Alert, Recording
from components.edge_names import main_router, services
from components.scaling_signals import LATENCY_SECONDS
from retail.objectives import Objectives, WorkloadClass
from retail.tiers import PROFILES, Tier

REFUSED_RATIO = 0.05
AT_CEILING = "15m"
ZONE_LOST = 0.66
"""What is left of three zones' pods when one is lost: what the plan bears, so nobody is called for it."""


def availability_objective(objectives: Objectives) -> float:
    """Share of requests that must succeed. Three nines where commits are synchronous (43 minutes a month, for failovers
    of up to two); half a percent elsewhere, as one restart or zone loss takes minutes."""
    return 0.999 if objectives.synchronous else 0.995


def public_tier_rules(namespace: str, tier: str, objectives: Objectives) -> list[Alert | Recording]:
    """Of a tier with a host of its own.

    Requests are counted as they came in (router), so that those which the edge itself refuses are among them; durations
    as the pods had them (service).
    """
    router, service = main_router(namespace, tier), services(namespace, tier)
    buckets = f"sum by (le) (rate(traefik_service_request_duration_seconds_bucket{{{service}}}[5m]))"
    refused = f'sum(rate(traefik_router_requests_total{{{router},code="429"}}[5m]))'
    everything = f"sum(rate(traefik_router_requests_total{{{router}}}[5m]))"
    return [
        *burn_rate_rules(tier, "traefik_router_requests_total", router, namespace, availability_objective(objectives)),
        Alert(
            f"{tier.capitalize()}Slow",
            f"histogram_quantile(0.95, {buckets}) > {LATENCY_SECONDS:g} and {everything} > 0.2",
            "10m",
            f"One of twenty requests to {tier} takes longer than {LATENCY_SECONDS:g} s",
            "Compare with ClientsWaitForPooler and the database's slow statements; if workers are busy and the tier is"
            " at its ceiling, raise the load in the stack file.",
            False,
            {"tier": tier},
        ),
        Alert(
            f"{tier.capitalize()}Refuses",
            f"{refused} / {everything} > {REFUSED_RATIO}",
            "10m",
            f"The edge refuses more than {REFUSED_RATIO:.0%} of the requests to {tier} (429)",
            "From one address in the access log: a robot or a partner, block or call it. From many: the tier is full,"
            " look why it doesn't grow.",
            False,
            {"tier": tier},
        ),
    ]


def tier_pod_alerts(namespace: str, tier: Tier) -> list[Alert]:
    """Of any tier that serves for ever: whether there are pods, and enough of them.

    Numbers come from the objects themselves, not from the plan: the alerts are the same in both seasons.
    """
    name, profile = str(tier), PROFILES[tier]
    deployment = f'namespace="{namespace}",deployment="{name}"'
    available = f"max(kube_deployment_status_replicas_available{{{deployment}}})"
    wanted = f"max(kube_deployment_spec_replicas{{{deployment}}})"
    alerts = [
        Alert(
            f"{name.capitalize()}Down",
            f"{available} == 0",
            "3m",
            f"No pod of {name} is ready",
            "`kubectl describe` its pods: images, Secrets and nodes first; roll back if a release went out.",
            True,
            {"tier": name},
        ),
        Alert(
            f"{name.capitalize()}Short",
            f"{available} < {ZONE_LOST} * {wanted} and {wanted} > 2",
            "10m",
            f"{name} has lost more pods than the loss of a zone would take",
            "Pending pods: read Karpenter's log and the pool's limit. Restarting pods: read theirs. A zone lost:"
            " start a zonal shift.",
            profile.workload_class is WorkloadClass.CRITICAL,
            {"tier": name},
        ),
    ]
    if profile.scaled:
        hpa = f'{{namespace="{namespace}",horizontalpodautoscaler="keda-hpa-{name}"}}'
        most = f"max(kube_horizontalpodautoscaler_spec_max_replicas{hpa})"
        alerts.append(
            Alert(
                f"{name.capitalize()}AtCeiling",
                f"max(kube_horizontalpodautoscaler_status_desired_replicas{hpa}) >= {most}"
                f" and {most} > max(kube_horizontalpodautoscaler_spec_min_replicas{hpa})",
                AT_CEILING,
                f"{name} has grown to its ceiling",
                "More load needs a larger plan: raise surge-percent or the measured load; `explain` shows what the"
                " database must then be.",
                False,
                {"tier": name},
            )
        )
    return alerts


def websocket_alerts(namespace: str, per_pod: int) -> list[Alert]:
    """Of the websocket tier: live chat and the tills' notifications."""
    connections = f'retail_websocket_connections{{namespace="{namespace}"}}'
    return [
        Alert(
            "WebsocketsLost",
            f"sum({connections}) < 0.5 * sum({connections} offset 10m) and sum({connections} offset 10m) > 50",
            "5m",
            "Half of the open websockets are gone",
            "After a failover they come back within a minute; if not, see whether the tier's pods LISTEN (their log:"
            " `bus.Bus`) and whether the routes answer 101.",
            True,
            {"tier": "websocket"},
        ),
        Alert(
            "WebsocketsCrowded",
            f"max({connections}) > {per_pod}",
            "10m",
            f"A websocket pod holds more than the {per_pod} connections that one event loop is trusted with",
            "See why the tier doesn't grow (KEDA's alerts), or how the load balancer spreads new connections.",
            False,
            {"tier": "websocket"},
        ),
    ]
