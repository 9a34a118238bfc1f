"""One tier of Odoo: Deployment, configuration, AWS role, and where it serves a Service."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Service, ServiceAccount
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.external_secret import external_secret
from components.odoo_config import CONF_FILE, conf_secrets, odoo_conf, sends_mail
from components.odoo_pod import (
    EXPORT_TIERS,
    OdooPodArgs,
    has_filestore,
    http_port,
    pod_labels,
    port_name,
    server_template,
)
from components.odoo_release import QUIESCED, TAKE_BACK
from components.tier_role import Filestore, tier_role
from retail.naming import ANNOTATION_CEILING, selector
from retail.plan import TierPlan
from retail.tiers import Tier

PROGRESS_SECONDS = 1200
"""How long a rollout may stand still: a new node, the image, Odoo's modules, and as long again."""


@dataclass(frozen=True, kw_only=True)
class OdooTierArgs:
    """The tier's numbers, and what all tiers share.

    host: PostgreSQL as this tier's path to it wants: the poolers, or the primary itself. standby_host: a standby's,
    for what the tier only reads; None where the tier reads from the primary.
    after: what must be there before pods of a new image are (the release).
    """

    pod: OdooPodArgs
    tier: TierPlan
    host: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    filestore: Filestore
    standby_host: pulumi.Input[str] | None = None
    after: Sequence[pulumi.Resource] = ()


def tier_account(name: str, args: OdooTierArgs, opts: pulumi.ResourceOptions) -> list[pulumi.Resource]:
    """The tier's own ServiceAccount, AWS role and odoo.conf: what its pods can't start without."""
    identity, tier = args.pod.identity, args.tier.tier
    labels = pod_labels(identity, args.tier)
    needed: list[pulumi.Resource] = [
        ServiceAccount(
            f"{name}-account",
            metadata={"name": str(tier), "namespace": identity.namespace, "labels": labels},
            automount_service_account_token=False,
            opts=opts,
        ),
        external_secret(
            f"odoo-{tier}",
            identity.namespace,
            labels=labels,
            data=conf_secrets(identity, mail=sends_mail(args.pod.plan, tier)),
            template={
                CONF_FILE: odoo_conf(
                    args.pod.plan,
                    tier,
                    database=identity.database,
                    host=args.host,
                    filestore=args.filestore,
                    standby_host=args.standby_host,
                )
            },
            opts=opts,
        ),
    ]
    if has_filestore(tier):
        needed.append(
            tier_role(
                f"{name}-role",
                str(tier),
                identity,
                cluster_name=args.cluster_name,
                filestore=args.filestore,
                exports=tier in EXPORT_TIERS,
                opts=opts,
            )
        )
    return needed


class OdooTier(pulumi.ComponentResource):
    """A Deployment of one kind of Odoo process, with everything that is this tier's alone.

    Its replicas are left out where KEDA owns them: a number here would undo the autoscaler at every `pulumi up`.
    Rollouts never go below what runs (maxUnavailable 0). The disruption budget always lets one pod go, so it can't
    block a drain, and unhealthy pods don't count. Changed Secrets reach the pods through the reloader's annotation.

    Example:
        OdooTier("acme-pos", OdooTierArgs(pod=pod, tier=plan.tiers[Tier.POS], host=postgres.pooler_host,
                                          cluster_name=access.cluster_name, filestore=filestore))
    """

    deployment: Deployment
    service: pulumi.Output[str] | None

    def __init__(self, name: str, args: OdooTierArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        tier = args.tier
        super().__init__(
            "retail:odoo:OdooTier",
            name,
            {
                "tier": str(tier.tier),
                "class": str(tier.profile.workload_class),
                "databasePath": str(tier.profile.path),
                "processes": tier.profile.processes,
                "databaseConnectionsPerProcess": tier.profile.db_maxconn,
                "floor": tier.floor,
                "ceiling": tier.ceiling,
            },
            opts,
        )
        identity = args.pod.identity
        child = pulumi.ResourceOptions(parent=self)
        labels = pod_labels(identity, tier)
        metadata = {"name": str(tier.tier), "namespace": identity.namespace, "labels": labels}
        needed = tier_account(name, args, child)
        spec: dict[str, Any] = {
            "selector": {"matchLabels": selector(labels)},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": "25%"}},
            "revisionHistoryLimit": 3,
            "progressDeadlineSeconds": PROGRESS_SECONDS,
            "template": server_template(args.pod, tier),
        }
        if not tier.profile.scaled and not args.pod.plan.settings.hours:
            spec["replicas"] = tier.floor
        self.deployment = Deployment(
            f"{name}-deployment",
            metadata={
                **metadata,
                "annotations": {
                    "secret.reloader.stakater.com/reload": f"odoo-{tier.tier},redis",
                    ANNOTATION_CEILING: str(tier.peak_ceiling),
                    **(TAKE_BACK if tier.tier in QUIESCED else {}),
                },
            },
            spec=spec,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*needed, *args.after],
                # As long as Kubernetes itself waits; the provider would give up after ten minutes.
                custom_timeouts=pulumi.CustomTimeouts(create=f"{PROGRESS_SECONDS}s", update=f"{PROGRESS_SECONDS}s"),
            ),
        )
        PodDisruptionBudget(
            f"{name}-budget",
            metadata=metadata,
            spec={
                # A tenth of a large tier may go at once, so that a drained node is not a matter of hours.
                "maxUnavailable": "10%" if tier.profile.scaled else 1,
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
                "selector": {"matchLabels": selector(labels)},
            },
            opts=child,
        )
        self.service = self._service(name, metadata, labels, args) if http_port(tier.tier) else None
        if tier.tier is Tier.WEBSOCKET:
            self._monitor(name, metadata, labels)
        self.register_outputs({"service": self.service})

    def _service(
        self, name: str, metadata: dict[str, Any], labels: dict[str, str], args: OdooTierArgs
    ) -> pulumi.Output[str]:
        tier = args.tier.tier
        # The provider waits for a pod behind every Service, also at night.
        sleeps = args.pod.plan.settings.hours is not None
        service = Service(
            f"{name}-service",
            metadata={**metadata, "annotations": {"pulumi.com/skipAwait": "true"}} if sleeps else metadata,
            spec={
                "type": "ClusterIP",
                "selector": selector(labels),
                "ports": [
                    {
                        "name": port_name(tier),
                        "port": http_port(tier),
                        "targetPort": port_name(tier),
                    }
                ],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        return pulumi.Output.from_input(service.metadata["name"])

    def _monitor(self, name: str, metadata: dict[str, Any], labels: dict[str, str]) -> None:
        CustomResource(
            f"{name}-monitor",
            api_version="monitoring.coreos.com/v1",
            kind="PodMonitor",
            metadata=metadata,
            spec={
                "selector": {"matchLabels": selector(labels)},
                "podMetricsEndpoints": [{"port": "metrics", "interval": "15s"}],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
