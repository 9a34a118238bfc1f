"""When Prometheus calls somebody about one retailer."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.alert_rules import database_alerts, tier_alerts
from components.recovery import NAME as DRILL
from retail.naming import Identity
from retail.objectives import Objectives

API_VERSION = "monitoring.coreos.com/v1"


@dataclass(frozen=True, kw_only=True)
class ObservabilityArgs:
    """cluster_name: of the stack's own CNPG Cluster, None where it is the platform's. tiers: public tiers by name."""

    identity: Identity
    objectives: Objectives
    cluster_name: str | None
    tiers: tuple[str, ...]


class Observability(pulumi.ComponentResource):
    """The retailer's alerts, as one PrometheusRule. PodMonitors stand with what they scrape.

    Every rule names its namespace, as Prometheus serves all retailers of a cluster; every alert carries the tenant's
    label, by which it is routed.

    Example:
        Observability("observability", ObservabilityArgs(identity=identity, objectives=objectives,
            cluster_name="acme-db", tiers=("storefront", "backoffice", "pos")))
    """

    def __init__(self, name: str, args: ObservabilityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:observability:Observability", name, {"tiers": list(args.tiers)}, opts)
        identity = args.identity
        tenant = {"tenant": identity.retailer, "environment": identity.environment}
        groups = {"tiers": tier_alerts(identity.namespace, args.tiers)}
        if args.cluster_name is not None:
            groups["database"] = database_alerts(identity.namespace, args.cluster_name, args.objectives, DRILL)
        CustomResource(
            f"{name}-alerts",
            api_version=API_VERSION,
            kind="PrometheusRule",
            metadata={
                "name": "alerts",
                "namespace": identity.namespace,
                "labels": identity.labels("observability"),
            },
            spec={
                "groups": [
                    {"name": f"{identity.namespace}.{group}", "rules": [alert.rule(tenant) for alert in alerts]}
                    for group, alerts in sorted(groups.items())
                    if alerts
                ]
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
