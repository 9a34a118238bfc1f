"""What every workload of a cluster refers to by name: priorities and the storage class."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.scheduling.v1 import PriorityClass
from pulumi_kubernetes.storage.v1 import StorageClass

from components.database_volumes import volume_tags
from retail.naming import Identity
from retail.objectives import WorkloadClass

STORAGE_CLASS = "gp3"
HEADROOM = "headroom"


@dataclass(frozen=True)
class Priority:
    """One PriorityClass. preempts: whether its pods may push off lower ones to find room."""

    value: int
    preempts: bool
    description: str


PRIORITIES = {
    str(WorkloadClass.CRITICAL): Priority(1_000_000, True, "Selling: storefront, tills, staff, their database"),
    str(WorkloadClass.IMPORTANT): Priority(100_000, True, "Integrations, queued and scheduled jobs, live chat"),
    str(WorkloadClass.DEFERRABLE): Priority(10_000, False, "Reports, exports, imports: wait rather than displace"),
    HEADROOM: Priority(-10, False, "Room kept warm; the first to give way"),
}
"""All far below Kubernetes' own 2,000,000,000; a pod without a class (0) ranks between headroom and the rest."""


@dataclass(frozen=True, kw_only=True)
class ClusterDefaultsArgs:
    """identity: of the cluster's owner; its tags go on every volume."""

    identity: Identity


class ClusterDefaults(pulumi.ComponentResource):
    """The PriorityClasses and the StorageClass `gp3`: encrypted, expandable, bound in the zone where the pod lands.

    No class is the default: a pod says how much it matters, a claim says which storage it wants. The driver writes the
    tags itself, as the AWS provider's default tags do not reach volumes.

    Example:
        ClusterDefaults("acme", ClusterDefaultsArgs(identity=identity))
    """

    def __init__(self, name: str, args: ClusterDefaultsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:cluster:ClusterDefaults", name, {"priorities": sorted(PRIORITIES)}, opts)
        child = pulumi.ResourceOptions(parent=self)
        labels = args.identity.labels("platform")
        for title, priority in PRIORITIES.items():
            PriorityClass(
                f"{name}-{title}",
                metadata={"name": title, "labels": labels},
                value=priority.value,
                global_default=False,
                preemption_policy="PreemptLowerPriority" if priority.preempts else "Never",
                description=priority.description,
                opts=child,
            )
        StorageClass(
            f"{name}-{STORAGE_CLASS}",
            metadata={"name": STORAGE_CLASS, "labels": labels},
            provisioner="ebs.csi.aws.com",
            parameters={
                "type": "gp3",
                "encrypted": "true",
                "csi.storage.k8s.io/fstype": "ext4",
                **volume_tags(args.identity),
            },
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
            reclaim_policy="Delete",
            opts=child,
        )
        self.register_outputs({})
