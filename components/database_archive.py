"""Where a database's WAL and base backups go: the object store of the barman-cloud plugin, and who may write to it."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.pod_identity import PodIdentity, PodIdentityArgs
from retail.naming import Identity
from retail.objectives import Objectives

PLUGIN = "barman-cloud.cloudnative-pg.io"
PREFIX = "postgresql"
"""Folder of the backup bucket; below it is one folder per server name."""


@dataclass(frozen=True, kw_only=True)
class DatabaseArchiveArgs:
    """cluster: name of the CNPG Cluster, which is that of its ServiceAccount too. bucket: the backup bucket's name."""

    identity: Identity
    objectives: Objectives
    cluster: str
    eks_cluster_name: pulumi.Input[str]
    bucket: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str]


class DatabaseArchive(pulumi.ComponentResource):
    """An ObjectStore, and a role for the database's pods that may add to it and mark as deleted, but never erase.

    No `s3:DeleteObjectVersion`: what the plugin's retention deletes becomes an older version, under Object Lock, and
    the bucket's lifecycle removes it when the lock ends. Encryption is left to the bucket: a request for `aws:kms`
    without a key would use AWS's own key instead of the retailer's.

    Example:
        archive = DatabaseArchive("archive", DatabaseArchiveArgs(identity=identity, objectives=objectives,
            cluster="acme-db", eks_cluster_name=access.cluster_name, bucket=backups.backup_bucket,
            kms_key_arn=key.key_arn))
    """

    object_store: pulumi.Output[str]

    def __init__(self, name: str, args: DatabaseArchiveArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:database:DatabaseArchive", name, {"retentionDays": args.objectives.retention_days}, opts
        )
        identity = args.identity
        PodIdentity(
            f"{name}-identity",
            PodIdentityArgs(
                role_name=identity.iam("database"),
                cluster_name=args.eks_cluster_name,
                namespace=identity.namespace,
                service_account=args.cluster,
                policy=archive_policy(args.bucket, args.kms_key_arn, write=True),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        store = CustomResource(
            f"{name}-store",
            api_version="barmancloud.cnpg.io/v1",
            kind="ObjectStore",
            metadata={
                "name": f"{args.cluster}-backups",
                "namespace": identity.namespace,
                "labels": identity.labels("database"),
            },
            spec={
                "retentionPolicy": f"{args.objectives.retention_days}d",
                "configuration": {
                    "destinationPath": pulumi.Output.concat("s3://", args.bucket, f"/{PREFIX}"),
                    "s3Credentials": {"inheritFromIAMRole": True},
                    "wal": {"compression": "zstd", "maxParallel": 8},
                    "data": {"compression": "snappy", "jobs": 2},
                },
                # Room for it is in the plan's node overhead.
                "instanceSidecarConfiguration": {
                    "resources": {
                        "requests": {"cpu": "100m", "memory": "256Mi"},
                        "limits": {"memory": "512Mi"},
                    }
                },
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.object_store = store.metadata["name"]
        self.register_outputs({"object_store": self.object_store})


def archive_policy(bucket: pulumi.Input[str], kms_key_arn: pulumi.Input[str], *, write: bool) -> pulumi.Output[str]:
    """IAM policy (JSON) for the archive; without `write` it serves a restore and can change nothing.

    Listing covers the whole bucket, which is this retailer's alone: barman asks for the bucket itself (HeadBucket),
    without the prefix that a condition could hold it to.
    """
    bucket_arn = pulumi.Output.concat("arn:aws:s3:::", bucket)
    statements: list[dict[str, Any]] = [
        {"Sid": "Bucket", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket_arn},
        {
            "Sid": "Archive",
            "Effect": "Allow",
            "Action": [
                "s3:GetObject",
                *(["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"] if write else []),
            ],
            "Resource": pulumi.Output.concat(bucket_arn, f"/{PREFIX}/*"),
        },
        {
            "Sid": "Key",
            "Effect": "Allow",
            "Action": ["kms:Decrypt", *(["kms:GenerateDataKey"] if write else [])],
            "Resource": kms_key_arn,
        },
    ]
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements})
