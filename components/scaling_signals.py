"""What each tier's load is measured by, as KEDA's triggers.

| tier | signals |
|---|---|
| storefront | busy workers, requests/s, latency |
| backoffice | busy workers, latency |
| pos | busy workers, requests/s |
| integration | requests/s, requests in flight (busy workers) |
| websocket | open connections |
| background | jobs that wait or run, and how long they have waited |

Odoo itself exports none of it. Traefik's summed request durations do: their rate is the mean number of requests under
way (Little's law), waiting ones among them. Rates are taken of each series and summed after.
"""

from typing import Any

import pulumi

from components.edge_names import scraped, services
from components.odoo_config import BATCH_CHANNEL, queue_capacity
from components.pod_scripts.connection_exporter import METRIC as OPEN_CONNECTIONS
from retail.load import WEBSOCKETS_PER_POD
from retail.plan import Plan, TierPlan
from retail.tiers import Tier

PROMETHEUS = "http://prometheus-operated.observability.svc:9090"
TRIGGER_AUTHENTICATION = "queue"

ASLEEP = "1000000000"
"""No load is above that: in a stack with working hours the calendar alone wakes a tier that KEDA has put to sleep."""

BY_REQUESTS = (Tier.STOREFRONT, Tier.POS, Tier.INTEGRATION)
BY_LATENCY = (Tier.STOREFRONT, Tier.BACKOFFICE)

LATENCY_SECONDS = 2.0
"""Of the 95th percentile; the alerts' line as well."""

WAIT_SECONDS = 60
"""For every minute that the oldest job has waited, a pod more: depth alone doesn't see a few jobs that nobody takes."""

QUEUE = """
    SELECT LEAST({capacity},
                 count(*) FILTER (WHERE NOT parked)
                 + {processes} * floor(COALESCE(max(waited) FILTER (WHERE NOT parked), 0) / {wait}))::float
    FROM (SELECT state = 'pending' AND (channel = '{batch}' OR channel LIKE '{batch}.%') AS parked,
                 CASE WHEN state = 'pending' THEN extract(epoch FROM now() AT TIME ZONE 'utc'
                                                          - COALESCE(eta, date_created)) END AS waited
          FROM queue_job
          WHERE state IN ('pending', 'enqueued', 'started')
            AND (eta IS NULL OR eta <= now() AT TIME ZONE 'utc')) AS due"""
"""Jobs that wait or run, no more than may run at once; running ones count, so that nothing scales in under them (facts,
Odoo §5). Batch jobs count once they are let in: most of them wait for their channel, not for pods. Odoo's times are UTC
without a zone. One query, for one connection in the budget."""


def load_triggers(
    plan: Plan,
    tier: TierPlan,
    *,
    namespace: str,
    edge_namespace: pulumi.Input[str],
    database: str,
    database_host: pulumi.Input[str],
) -> list[dict[str, Any]]:
    """The tier's triggers. Thresholds are what one pod carries at the target utilisation."""
    triggers = _triggers(plan, tier, namespace, edge_namespace, database, database_host)
    return [_sleeping(trigger) for trigger in triggers] if plan.settings.hours else triggers


def _triggers(
    plan: Plan,
    tier: TierPlan,
    namespace: str,
    edge_namespace: pulumi.Input[str],
    database: str,
    database_host: pulumi.Input[str],
) -> list[dict[str, Any]]:
    utilisation = plan.settings.target_utilisation_percent / 100
    if tier.tier is Tier.BACKGROUND:
        return [_queue(tier, database, database_host)]
    if tier.tier is Tier.WEBSOCKET:
        query = f'sum({OPEN_CONNECTIONS}{{namespace="{namespace}"}})'
        return [_prometheus("open-connections", query, WEBSOCKETS_PER_POD * utilisation)]
    own = services(namespace, str(tier.tier))
    workers = tier.profile.processes * utilisation
    busy = f"sum(rate(traefik_service_request_duration_seconds_sum{{{own}}}[2m]))"
    triggers = [_prometheus("busy-workers", _or_none(busy, edge_namespace), workers)]
    if tier.tier in BY_REQUESTS:
        requests = f"sum(rate(traefik_service_requests_total{{{own}}}[1m]))"
        triggers.append(
            _prometheus("requests", _or_none(requests, edge_namespace), workers * 1000 / tier.service_time_ms)
        )
    if tier.tier in BY_LATENCY:
        buckets = f"sum by (le) (rate(traefik_service_request_duration_seconds_bucket{{{own}}}[2m]))"
        # Slow answers of idle workers come from elsewhere (the database), which more pods would only burden. Without
        # requests the quantile is NaN, which no comparison lets through.
        slow = f"histogram_quantile(0.95, {buckets}) >= 0 and {busy} > {tier.floor * workers / 2:g}"
        triggers.append(
            {**_prometheus("latency", _or_none(slow, edge_namespace), LATENCY_SECONDS), "metricType": "Value"}
        )
    return triggers


def _or_none(query: str, edge_namespace: pulumi.Input[str]) -> pulumi.Output[str]:
    """The query, or zero where Traefik is scraped and has nothing of the kind: a host that nobody called since Traefik
    started has no series. Where no Traefik is scraped, no answer, which is an error and not zero load."""
    return pulumi.Output.from_input(edge_namespace).apply(
        lambda where: f"{query} or 0 * sum(up{{{scraped(where)}}} == 1)"
    )


def _sleeping(trigger: dict[str, Any]) -> dict[str, Any]:
    """The trigger of a tier that may sleep: it wakes nobody, and no pods to be measured are no load. A Traefik that
    went to sleep first would else be an error, in which KEDA takes no tier to zero (docs/sources.md)."""
    metadata = trigger["metadata"]
    if trigger["type"] == "postgresql":
        return {**trigger, "metadata": {**metadata, "activationTargetQueryValue": ASLEEP}}
    query = pulumi.Output.concat(metadata["query"], " or vector(0)")
    return {**trigger, "metadata": {**metadata, "query": query, "activationThreshold": ASLEEP}}


def _prometheus(name: str, query: pulumi.Input[str], threshold: float) -> dict[str, Any]:
    return {
        "type": "prometheus",
        "name": name,
        "metadata": {
            "serverAddress": PROMETHEUS,
            "query": query,
            "threshold": f"{threshold:g}",
            "ignoreNullValues": "false",
        },
    }


def _queue(tier: TierPlan, database: str, database_host: pulumi.Input[str]) -> dict[str, Any]:
    query = QUEUE.format(
        capacity=queue_capacity(tier), processes=tier.profile.processes, wait=WAIT_SECONDS, batch=BATCH_CHANNEL
    )
    return {
        "type": "postgresql",
        "name": "queue",
        "useCachedMetrics": True,
        "metadata": {
            "host": database_host,
            "port": "5432",
            "dbName": database,
            "sslmode": "require",
            "query": " ".join(query.split()),
            "targetQueryValue": str(tier.profile.processes),
        },
        "authenticationRef": {"name": TRIGGER_AUTHENTICATION},
    }
