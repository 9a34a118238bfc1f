"""When Prometheus calls somebody about one retailer, or about what a platform's retailers share."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.alerts.database import database_alerts
from components.alerts.drills import drill_alerts
from components.alerts.edge import certificate_alerts, scaling_alerts, secret_alerts, traefik_alerts
from components.alerts.freeze import freeze_alerts
from components.alerts.queue import queue_alerts
from components.alerts.rule import Alert, Recording, while_awake
from components.alerts.tiers import public_tier_rules, tier_pod_alerts, websocket_alerts
from components.recovery import NAME as DRILL
from components.route_table import ROUTED
from retail.load import WEBSOCKETS_PER_POD
from retail.naming import Identity
from retail.objectives import Objectives
from retail.tiers import Tier

API_VERSION = "monitoring.coreos.com/v1"

ROTATION = "rotation"
"""The CronJob that replaces passwords."""

SLEEPLESS = ("database", "drills", "secrets", "certificates")
"""Groups about what a stack's working hours don't touch."""

Groups = dict[str, Sequence[Alert | Recording]]


@dataclass(frozen=True, kw_only=True)
class ObservabilityArgs:
    """cluster_name: of the stack's own CNPG Cluster, None where it is the platform's. drills: whether its archive is
    restored in drills.

    database_namespace: where the database is that the retailer uses. edge_replicas: of the stack's own Traefik, 0 where
    it is the platform's. tiers: that run here; none on a platform. sleeps: whether the stack has working hours.
    """

    identity: Identity
    objectives: Objectives
    cluster_name: str | None
    drills: bool
    database_namespace: pulumi.Input[str]
    edge_replicas: int
    tiers: Collection[Tier] = ()
    sleeps: bool = False


class Observability(pulumi.ComponentResource):
    """Alerts in PrometheusRules, one to an area (components/alerts/). PodMonitors stand with what they scrape.

    Every rule names its namespace, as Prometheus serves all retailers of a cluster; every alert carries the tenant's
    label, by which it is routed, says whether it is a page (`critical`) or a ticket (`warning`), and what to do first
    (`action`). What is called about: lost requests and pods, data at risk, work that stands still, an edge that closes,
    scaling that is blind, passwords and certificates that grow old.

    Example:
        Observability("observability", ObservabilityArgs(identity=identity, objectives=plan.objectives,
            cluster_name="acme-db", drills=True, database_namespace=identity.namespace,
            edge_replicas=plan.traefik_replicas, tiers=tuple(plan.tiers)))
    """

    def __init__(self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:observability:Observability", name, {"tiers": [str(tier) for tier in args.tiers]}, opts
        )
        identity = args.identity
        tenant = {"tenant": identity.retailer, "environment": identity.environment}
        for area, groups in self._areas(args):
            CustomResource(
                f"{name}-{area}",
                api_version=API_VERSION,
                kind="PrometheusRule",
                metadata={
                    "name": area,
                    "namespace": identity.namespace,
                    "labels": identity.labels("observability"),
                },
                spec={"groups": groups.apply(lambda made: _groups(identity.namespace, made, tenant, args.sleeps))},
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({})

    def _areas(self, args: ObservabilityArgs) -> Iterator[tuple[str, pulumi.Output[Groups]]]:
        """Each PrometheusRule's name and groups."""
        identity, namespace = args.identity, args.identity.namespace
        if args.cluster_name is not None:
            database: Groups = {"database": database_alerts(namespace, args.cluster_name, args.objectives)}
            if args.drills:
                database = {**database, "drills": drill_alerts(identity.drill_namespace, DRILL, args.objectives)}
            yield "database", _known(database)
        secrets = {"secrets": secret_alerts(namespace, ROTATION), "freeze": freeze_alerts(namespace)}
        if args.edge_replicas:
            secrets["edge"] = traefik_alerts(namespace, args.edge_replicas)
        if not args.tiers:
            yield "platform", _known({**secrets})
            return
        yield (
            "platform",
            _known({**secrets, "certificates": certificate_alerts(namespace), "scaling": scaling_alerts(namespace)}),
        )
        tiers: Groups = {
            str(tier): [
                *(public_tier_rules(namespace, str(tier), args.objectives) if tier in ROUTED else ()),
                *tier_pod_alerts(namespace, tier),
                *(websocket_alerts(namespace, WEBSOCKETS_PER_POD) if tier is Tier.WEBSOCKET else ()),
            ]
            for tier in args.tiers
            if tier is not Tier.BATCH
        }
        yield "tiers", _known(tiers)
        yield (
            "jobs",
            pulumi.Output.from_input(args.database_namespace).apply(
                lambda where: {"jobs": queue_alerts(where, identity.database)}
            ),
        )


def _known(groups: Groups) -> pulumi.Output[Groups]:
    return pulumi.Output.from_input(groups)


def _groups(namespace: str, groups: Groups, labels: dict[str, str], sleeps: bool) -> list[dict[str, Any]]:
    if sleeps:
        groups = {
            group: rules if group in SLEEPLESS else while_awake(rules, namespace) for group, rules in groups.items()
        }
    return [
        {"name": f"{namespace}.{group}", "rules": [rule.rule(labels) for rule in rules]}
        for group, rules in groups.items()
    ]
