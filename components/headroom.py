"""Room kept warm in a pool: pods that do nothing and are the first to give way."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import ServiceAccount

from components.cluster_defaults import HEADROOM
from components.placement import Placement, zone_spread
from components.pod_security import container_security, pod_security
from retail.naming import LABEL_CLASS, Identity, selector
from retail.plan import HeadroomPlan
from retail.versions import PAUSE_IMAGE

PAUSE_USER = 65535
"""The image's own user."""


@dataclass(frozen=True, kw_only=True)
class HeadroomArgs:
    """identity: the owner of the pool, in whose namespace the pods are. plan: how many, and how large."""

    identity: Identity
    plan: HeadroomPlan

    def __post_init__(self) -> None:
        if self.plan.pods < 1:
            reason = f"must be at least 1; given {self.plan.pods}"
            raise pulumi.InputPropertiesError(
                f"HeadroomArgs: plan.pods {reason}", [{"property_path": "plan.pods", "reason": reason}]
            )


class Headroom(pulumi.ComponentResource):
    """A Deployment of pause pods of negative priority, each as large as a critical pod of the pool.

    The scheduler pushes one off for any pod that finds no room, at once; Karpenter then starts a node for the pod that
    was pushed off, and so keeps the room warm. Spread over the zones like the pods it keeps room for. No disruption
    budget, no grace period: nothing may wait for it. Nothing waits for its pods to be ready either, as a busy cluster
    would make `pulumi up` fail on what is there to be pushed off.
    What it gives up: it costs what its nodes cost, and a surge beyond it still waits for machines.

    Example:
        Headroom("acme-web-headroom", HeadroomArgs(identity=identity, plan=plan.headroom[Pool.WEB]))
    """

    def __init__(self, name: str, args: HeadroomArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        plan, identity = args.plan, args.identity
        super().__init__("retail:nodes:Headroom", name, {"pool": str(plan.pool), "pods": plan.pods}, opts)
        child = pulumi.ResourceOptions(parent=self)
        labels = {**identity.labels(f"headroom-{plan.pool}"), LABEL_CLASS: HEADROOM}
        metadata = {"name": f"headroom-{plan.pool}", "namespace": identity.namespace, "labels": labels}
        account = ServiceAccount(
            f"{name}-account", metadata=metadata, automount_service_account_token=False, opts=child
        )
        memory = f"{plan.memory_request_mib}Mi"
        Deployment(
            f"{name}-deployment",
            metadata={**metadata, "annotations": {"pulumi.com/skipAwait": "true"}},
            spec={
                "replicas": plan.pods,
                "selector": {"matchLabels": selector(labels)},
                # Never more than it keeps room for: surplus pods would start nodes.
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}},
                "revisionHistoryLimit": 3,
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "serviceAccountName": account.metadata["name"],
                        "automountServiceAccountToken": False,
                        "enableServiceLinks": False,
                        "priorityClassName": HEADROOM,
                        "terminationGracePeriodSeconds": 0,
                        "securityContext": pod_security(user=PAUSE_USER, group=PAUSE_USER),
                        "topologySpreadConstraints": zone_spread(selector(labels)),
                        "containers": [
                            {
                                "name": "pause",
                                "image": PAUSE_IMAGE,
                                "securityContext": container_security(),
                                "resources": {
                                    "requests": {"cpu": f"{plan.cpu_request_millis}m", "memory": memory},
                                    "limits": {"memory": memory},
                                },
                            }
                        ],
                        **Placement(plan.pool, identity.retailer).pod_fields(),
                    },
                },
            },
            opts=child,
        )
        self.register_outputs({})
