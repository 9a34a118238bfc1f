"""The storage classes of a database: gp3 volumes with the performance its plan asks for."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.storage.v1 import StorageClass

from retail.naming import Identity
from retail.plan import DatabasePlan

BASELINE_IOPS, BASELINE_THROUGHPUT, MAX_THROUGHPUT = 3000, 125, 1000
"""gp3: what every volume has at no extra cost, and what one may have at most (MiB/s)."""

IOPS_PER_GIB = 500
"""gp3 refuses a volume with more provisioned IOPS than this for each GiB, beyond the baseline."""

KIB_PER_OPERATION = 32
"""Mean size of PostgreSQL's reads and writes: 8 KiB pages and larger sequential runs."""


def provisioned(iops: int, gib: int) -> dict[str, str]:
    """`iops` and `throughput` (MiB/s) of a gp3 volume of that size that is asked for that many operations."""
    possible = max(BASELINE_IOPS, min(iops, gib * IOPS_PER_GIB))
    throughput = min(MAX_THROUGHPUT, max(BASELINE_THROUGHPUT, possible * KIB_PER_OPERATION // 1024))
    return {"iops": str(possible), "throughput": str(throughput)}


def volume_tags(identity: Identity) -> dict[str, str]:
    """Parameters that make the CSI driver tag its volumes: the AWS provider's default tags don't reach them."""
    tags = enumerate(sorted(identity.tags.items()), start=1)
    return {f"tagSpecification_{number}": f"{key}={value}" for number, (key, value) in tags}


@dataclass(frozen=True, kw_only=True)
class DatabaseVolumesArgs:
    """kms_key_arn: the retailer's key."""

    identity: Identity
    plan: DatabasePlan
    kms_key_arn: pulumi.Input[str]


class DatabaseVolumes(pulumi.ComponentResource):
    """One class for data and one for WAL: their sizes differ, and with them the IOPS that EBS allows.

    Reclaim policy Retain: a deleted claim leaves its volume, as the last resort before the backups. Whoever deletes an
    instance for good deletes its volumes by hand. Volumes bind where the pod lands, because EBS is zonal.

    Example:
        volumes = DatabaseVolumes("volumes", DatabaseVolumesArgs(identity=identity, plan=plan.database,
            kms_key_arn=key.key_arn))
    """

    data_class: str
    wal_class: str

    def __init__(self, name: str, args: DatabaseVolumesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:database:DatabaseVolumes", name, {"iops": args.plan.iops}, opts)
        # Storage classes have no namespace, and one retailer may have several environments on one cluster.
        self.data_class = f"gp3-database-{args.identity.namespace}"
        self.wal_class = f"gp3-wal-{args.identity.namespace}"
        for role, class_name, gib in (
            ("data", self.data_class, args.plan.storage_gib),
            ("wal", self.wal_class, args.plan.wal_storage_gib),
        ):
            StorageClass(
                f"{name}-{role}",
                metadata={"name": class_name, "labels": args.identity.labels("database")},
                provisioner="ebs.csi.aws.com",
                parameters={
                    "type": "gp3",
                    **provisioned(args.plan.iops, gib),
                    "encrypted": "true",
                    "kmsKeyId": args.kms_key_arn,
                    "csi.storage.k8s.io/fstype": "ext4",
                    **volume_tags(args.identity),
                },
                reclaim_policy="Retain",
                volume_binding_mode="WaitForFirstConsumer",
                allow_volume_expansion=True,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({"data_class": self.data_class, "wal_class": self.wal_class})
