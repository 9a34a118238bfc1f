"""Scaling of a retailer's tiers: between floor and ceiling, by what is busy, and by the calendar before it is."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.odoo_config import queue_capacity
from retail.load import WEBSOCKETS_PER_POD
from retail.naming import Identity
from retail.peaks import cron, prescale_start
from retail.plan import Plan, TierPlan
from retail.tiers import Tier

API_VERSION = "keda.sh/v1alpha1"
PROMETHEUS = "http://prometheus-operated.observability.svc:9090"
PAUSE_SCALE_IN = "autoscaling.keda.sh/paused-scale-in"

TRIGGER_AUTHENTICATION = "queue"
POLL_SECONDS = 30

QUEUE_DEPTH = (
    "SELECT LEAST(count(*), CAPACITY)::float FROM queue_job WHERE state IN ('pending', 'enqueued', 'started')"
    " AND (eta IS NULL OR eta <= now() AT TIME ZONE 'utc')"
)
"""Jobs that wait or run, no more than may run at once; running ones count, so that nothing scales in under them (facts,
Odoo §5)."""

SCALE_IN_WINDOW_SECONDS = 600
"""Scale in only on ten minutes' best: a new pod costs a minute or two of warm-up (facts, Odoo §10)."""


@dataclass(frozen=True, kw_only=True)
class AutoscalingArgs:
    """identity, plan: whose tiers, and between which numbers.

    database_host: the primary, by a name that KEDA's namespace can resolve. database_secret: Secret (basic-auth) of
    the role that asks for the queue's depth: one that can only read, where the retailer has a database cluster of its
    own; in a shared one only the role that is named like the database reaches it.
    """

    identity: Identity
    plan: Plan
    database_host: pulumi.Input[str]
    database_secret: str = "database-readonly"  # noqa: S105 - the name of a Secret


class Autoscaling(pulumi.ComponentResource):
    """A ScaledObject for each scaled tier; KEDA takes the largest of what its triggers ask for.

    Web tiers scale on busy workers: the rate of Traefik's summed request durations is the mean number of requests under
    way (Little's law), and Odoo itself exports nothing like it. Websockets scale on open connections, queue workers on
    what waits and runs in the queue. A cron trigger per peak of the calendar raises the floor 45 minutes ahead.
    An empty answer of Prometheus is an error (`ignoreNullValues: false`), not zero load, and while a source is away the
    tier stays at the higher of what runs and its floor. In season peak nothing scales in; the annotation is there in
    both seasons, so that the season changes a value and no more (KEDA parses "false" as false).

    Example:
        Autoscaling("acme-scaling", AutoscalingArgs(identity=identity, plan=plan, database_host=postgres.direct_host))
    """

    def __init__(self, name: str, args: AutoscalingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        scaled = {tier: plan for tier, plan in args.plan.tiers.items() if plan.profile.scaled}
        super().__init__("retail:scaling:Autoscaling", name, {"tiers": [str(tier) for tier in scaled]}, opts)
        child = pulumi.ResourceOptions(parent=self)
        authentication = CustomResource(
            f"{name}-authentication",
            api_version=API_VERSION,
            kind="TriggerAuthentication",
            metadata={
                "name": TRIGGER_AUTHENTICATION,
                "namespace": args.identity.namespace,
                "labels": args.identity.labels("autoscaling"),
            },
            spec={
                "secretTargetRef": [
                    {"parameter": "userName", "name": args.database_secret, "key": "username"},
                    {"parameter": "password", "name": args.database_secret, "key": "password"},
                ]
            },
            opts=child,
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=[authentication])
        for tier, plan in scaled.items():
            CustomResource(
                f"{name}-{tier}",
                api_version=API_VERSION,
                kind="ScaledObject",
                metadata={
                    "name": str(tier),
                    "namespace": args.identity.namespace,
                    "labels": args.identity.tier_labels(str(tier), str(plan.profile.workload_class)),
                    "annotations": {PAUSE_SCALE_IN: "true" if args.plan.settings.season == "peak" else "false"},
                },
                spec=_scaled_object(args, plan),
                opts=after,
            )
        self.register_outputs({})


def _scaled_object(args: AutoscalingArgs, tier: TierPlan) -> dict[str, Any]:
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": str(tier.tier)},
        "minReplicaCount": tier.floor,
        "maxReplicaCount": tier.ceiling,
        "pollingInterval": POLL_SECONDS,
        "fallback": {"failureThreshold": 3, "replicas": tier.floor, "behavior": "currentReplicasIfHigher"},
        "advanced": {
            "horizontalPodAutoscalerConfig": {
                "behavior": {
                    "scaleDown": {
                        "stabilizationWindowSeconds": SCALE_IN_WINDOW_SECONDS,
                        "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}],
                    }
                }
            }
        },
        "triggers": [_load_trigger(args, tier), *_peak_triggers(args, tier)],
    }


def _load_trigger(args: AutoscalingArgs, tier: TierPlan) -> dict[str, Any]:
    """What a tier's load is measured by; the threshold is what one pod carries at the target utilisation."""
    processes = tier.profile.processes
    utilisation = args.plan.settings.target_utilisation_percent / 100
    if tier.tier is Tier.BACKGROUND:
        return _queue_trigger(args, tier)
    if tier.tier is Tier.WEBSOCKET:
        query = f'sum(retail_websocket_connections{{namespace="{args.identity.namespace}"}})'
        return _prometheus_trigger("open-connections", query, WEBSOCKETS_PER_POD * utilisation)
    # Traefik names a service <namespace>_<IngressRoute>_<route>_lb@kubernetescrd with safeNaming (its name_builder.go);
    # the IngressRoute of the tier's name holds all that goes to it, and no websocket.
    service = f"{args.identity.namespace}_{tier.tier}_[0-9]+_lb@kubernetescrd"
    query = f'sum(rate(traefik_service_request_duration_seconds_sum{{service=~"{service}"}}[2m]))'
    return _prometheus_trigger("busy-workers", query, processes * utilisation)


def _prometheus_trigger(name: str, query: str, threshold: float) -> dict[str, Any]:
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


def _queue_trigger(args: AutoscalingArgs, tier: TierPlan) -> dict[str, Any]:
    return {
        "type": "postgresql",
        "name": "queue-depth",
        "metadata": {
            "host": args.database_host,
            "port": "5432",
            "dbName": args.identity.database,
            "sslmode": "require",
            "query": QUEUE_DEPTH.replace("CAPACITY", str(queue_capacity(tier))),
            "targetQueryValue": str(tier.profile.processes),
        },
        "authenticationRef": {"name": TRIGGER_AUTHENTICATION},
    }


def _peak_triggers(args: AutoscalingArgs, tier: TierPlan) -> list[dict[str, Any]]:
    """The calendar's peaks, in the retailer's own time; KEDA follows summer time by the zone's name."""
    settings = args.plan.settings
    return [
        {
            "type": "cron",
            "name": f"peak-{peak.name}",
            "metadata": {
                "timezone": settings.time_zone,
                "start": cron(prescale_start(peak)),
                "end": cron(peak.end),
                "desiredReplicas": str(tier.floors_at_peaks[peak.name]),
            },
        }
        for peak in settings.peaks
    ]
