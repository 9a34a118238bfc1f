"""Scaling of a retailer's tiers: between floor and ceiling, by what is busy, and by the calendar before it is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.odoo_release import QUIESCED, image_digest
from components.scaling_signals import TRIGGER_AUTHENTICATION, load_triggers
from retail.naming import ANNOTATION_CEILING, Identity
from retail.peaks import floor_crons
from retail.plan import Plan, TierPlan
from retail.tiers import Tier

API_VERSION = "keda.sh/v1alpha1"
PAUSE_SCALE_IN = "autoscaling.keda.sh/paused-scale-in"
PAUSED = "autoscaling.keda.sh/paused"
RELEASED = "retail/released"
"""The image that the stack runs: what differs after each release, so that `pulumi up` unpauses what it had paused."""

WORKING_HOURS = "working-hours"
"""The trigger that a stack with working hours is awake by."""

POLL_SECONDS = 30
"""Between queries of the queue (`useCachedMetrics`); metrics of Prometheus are asked for by the HPA, every 15 s."""

FAILURES = 3
"""Queries in a row without an answer before the fallback holds; until then the HPA keeps what runs."""

SCALE_IN_WINDOW_SECONDS = 600
"""Scale in only on ten minutes' best: a new pod costs a minute or two of warm-up (facts, Odoo §10). It also outlasts a
failover of the database, in which no request ends and so none seems to be under way."""


BEHAVIOUR: dict[str, Any] = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [
            {"type": "Percent", "value": 100, "periodSeconds": 15},
            {"type": "Pods", "value": 4, "periodSeconds": 15},
        ],
    },
    "scaleDown": {
        "stabilizationWindowSeconds": SCALE_IN_WINDOW_SECONDS,
        "policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}],
    },
}
"""Out at once, in slowly. KEDA's way to zero takes no notice of it."""


@dataclass(frozen=True, kw_only=True)
class AutoscalingArgs:
    """identity, plan: whose tiers, and between which numbers. edge_namespace: where their Traefik runs.

    database_host: the primary, by a name that KEDA's namespace can resolve. database_secret: Secret (basic-auth) of
    the role that asks for the queue's depth: one that can read the queue and nothing else, where the retailer has a
    database cluster of its own; in a shared one only the role that is named like the database reaches it.
    edge: Deployment of the stack's own Traefik, which sleeps with it; empty where it is the platform's.
    """

    identity: Identity
    plan: Plan
    edge_namespace: pulumi.Input[str]
    database_host: pulumi.Input[str]
    database_secret: str = "database-keda"  # noqa: S105 - the name of a Secret
    edge: str = ""


class Autoscaling(pulumi.ComponentResource):
    """A ScaledObject for each scaled tier; KEDA takes the largest of what its triggers ask for.

    What each is measured by stands in components/scaling_signals.py. A cron trigger per peak of the calendar raises the
    floor 45 minutes ahead. Out at once, by doubling; in by a tenth a minute. No ceiling is higher than the
    plan's, which the database's connections are counted for.
    An empty answer of Prometheus is an error (`ignoreNullValues: false`), not zero load, and while a source is away the
    tier stays at the higher of what runs and its floor. KEDA can't fall back while the database is away: it then has no
    connection to ask by, gives no metric at all, and the HPA leaves the tier as it is.
    In season peak nothing scales in; the annotation is there in both seasons, so that the season changes a value and no
    more (KEDA parses "false" as false).

    A stack with working hours sleeps outside them, in season normal: floors are 0, one more cron trigger holds them in
    those hours, and all that is fixed elsewhere (jobrunner, scheduled, Traefik) sleeps and wakes with the rest. Load
    wakes nobody, so that what a night costs doesn't depend on robots. Peaks of the calendar are not slept through.
    KEDA takes a tier to zero five minutes after the hours end; Karpenter takes the nodes that are left empty. The
    database, the sessions' Valkey and the system pool stay, and nightly Jobs start the node that they need.

    Example:
        Autoscaling("acme-scaling", AutoscalingArgs(identity=identity, plan=plan, edge_namespace=identity.namespace,
                                                    database_host=postgres.direct_host))
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
            labels = args.identity.tier_labels(str(tier), str(plan.profile.workload_class))
            self._scaled_object(name, args, str(tier), labels, _by_load(args, plan), after)
        if args.plan.settings.hours:
            for tier, plan in args.plan.tiers.items():
                if not plan.profile.scaled and tier is not Tier.BATCH:
                    labels = args.identity.tier_labels(str(tier), str(plan.profile.workload_class))
                    spec = _by_calendar(args, str(tier), plan.floor)
                    self._scaled_object(name, args, str(tier), labels, spec, after)
            if args.edge:
                spec = _by_calendar(args, args.edge, args.plan.traefik_replicas)
                self._scaled_object(name, args, args.edge, args.identity.labels("autoscaling"), spec, after)
        self.register_outputs({})

    def _scaled_object(
        self,
        name: str,
        args: AutoscalingArgs,
        target: str,
        labels: dict[str, str],
        spec: dict[str, Any],
        opts: pulumi.ResourceOptions,
    ) -> None:
        settings = args.plan.settings
        ceilings = {str(tier): plan.peak_ceiling for tier, plan in args.plan.tiers.items()}
        annotations = {
            PAUSE_SCALE_IN: "true" if settings.season == "peak" else "false",
            ANNOTATION_CEILING: str(ceilings.get(target, spec["maxReplicaCount"])),
        }
        if target in QUIESCED:
            released = image_digest(settings.image)[:12]
            annotations |= {PAUSED: "false", RELEASED: released, "pulumi.com/patchForce": "true"}
        CustomResource(
            f"{name}-{target}",
            api_version=API_VERSION,
            kind="ScaledObject",
            metadata={
                "name": target,
                "namespace": args.identity.namespace,
                "labels": labels,
                "annotations": annotations,
            },
            spec=spec,
            opts=opts,
        )


def _floor(args: AutoscalingArgs, pods: int) -> int:
    """Pods that there are at any hour."""
    settings = args.plan.settings
    return 0 if settings.hours and settings.season == "normal" else pods


def _by_calendar(args: AutoscalingArgs, target: str, pods: int) -> dict[str, Any]:
    """Of what nothing scales while the stack is awake."""
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target},
        "minReplicaCount": _floor(args, pods),
        "maxReplicaCount": pods,
        "pollingInterval": POLL_SECONDS,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": BEHAVIOUR}},
        "triggers": _calendar(args, pods, {}),
    }


def _by_load(args: AutoscalingArgs, tier: TierPlan) -> dict[str, Any]:
    triggers = load_triggers(
        args.plan,
        tier,
        namespace=args.identity.namespace,
        edge_namespace=args.edge_namespace,
        database=args.identity.database,
        database_host=args.database_host,
    )
    return {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": str(tier.tier)},
        "minReplicaCount": _floor(args, tier.floor),
        "maxReplicaCount": tier.ceiling,
        "pollingInterval": POLL_SECONDS,
        "fallback": {"failureThreshold": FAILURES, "replicas": tier.floor, "behavior": "currentReplicasIfHigher"},
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": BEHAVIOUR}},
        "triggers": [*triggers, *_calendar(args, tier.floor, tier.floors_at_peaks)],
    }


def _calendar(args: AutoscalingArgs, pods: int, at_peaks: Mapping[str, int]) -> list[dict[str, Any]]:
    """Floors by the calendar, in the retailer's own time; KEDA follows summer time by the zone's name.

    pods: of an ordinary hour, and of a peak that `at_peaks` doesn't name.
    """
    settings = args.plan.settings
    triggers = [
        _cron(f"peak-{peak.name}", floor_crons(peak, settings.time_zone), args, at_peaks.get(peak.name, pods))
        for peak in settings.peaks
    ]
    return [*triggers, _cron(WORKING_HOURS, settings.hours.crons, args, pods)] if settings.hours else triggers


def _cron(name: str, window: tuple[str, str], args: AutoscalingArgs, pods: int) -> dict[str, Any]:
    start, end = window
    zone = args.plan.settings.time_zone
    metadata = {"timezone": zone, "start": start, "end": end, "desiredReplicas": str(pods)}
    return {"type": "cron", "name": name, "metadata": metadata}
