"""Where a database's WAL and base backups go: the object store of the barman-cloud plugin, and who may write to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.encryption import key_use
from components.pod_identity import PodIdentity, PodIdentityArgs
from retail.naming import Identity
from retail.objectives import Objectives

PLUGIN = "barman-cloud.cloudnative-pg.io"
PURPOSE = "backups"
"""Of the bucket, in its name (components/backups.py)."""

PREFIX = "postgresql"
"""Folder of the backup bucket; below it is one folder per server name."""


@dataclass(frozen=True, kw_only=True)
class DatabaseArchiveArgs:
    """The Cluster's name is that of its ServiceAccount too. bucket: the backup bucket's name.

    other_region: where the database has a second end, whose archive this one may have to follow; None for a single end.
    """

    identity: Identity
    objectives: Objectives
    eks_cluster_name: pulumi.Input[str]
    bucket: pulumi.Input[str]
    other_region: str | None = None


class DatabaseArchive(pulumi.ComponentResource):
    """An ObjectStore, and a role for the database's pods that may add to it and mark as deleted, but never erase.

    No `s3:DeleteObjectVersion`: what the plugin's retention deletes becomes an older version, under Object Lock, and
    the bucket's lifecycle removes it when the lock ends. Encryption is left to the bucket: a request for `aws:kms`
    without a key would use AWS's own key instead of the retailer's. The archive of the other region, of the same
    account, can be read and not written to; its names are known before it is there.

    Example:
        archive = DatabaseArchive("archive", DatabaseArchiveArgs(identity=identity, objectives=objectives,
            eks_cluster_name=access.cluster_name, bucket=backups.backup_bucket))
    """

    object_store: pulumi.Output[str]

    def __init__(self, name: str, args: DatabaseArchiveArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:database:DatabaseArchive", name, {"retentionDays": args.objectives.retention_days}, opts
        )
        identity = args.identity
        other = replace(identity, region=args.other_region) if args.other_region is not None else None
        PodIdentity(
            f"{name}-identity",
            PodIdentityArgs(
                role_name=identity.iam("database"),
                cluster_name=args.eks_cluster_name,
                namespace=identity.namespace,
                service_account=cluster_name(identity),
                policy=archive_policy(identity, args.bucket, write=True, also=_other_archive(other) if other else ()),
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # What is kept is decided by the end that writes.
        keeping = {"retentionPolicy": f"{args.objectives.retention_days}d"}
        store = self._store(f"{name}-store", identity, args.bucket, keeping)
        if other:
            self._store(f"{name}-other-store", other, other.bucket(PURPOSE), {})
        self.object_store = store.metadata["name"]
        self.register_outputs({"object_store": self.object_store})

    def _store(
        self,
        name: str,
        identity: Identity,
        bucket: pulumi.Input[str],
        keeping: Mapping[str, str],
    ) -> CustomResource:
        """The object store of one end."""
        return CustomResource(
            name,
            api_version="barmancloud.cnpg.io/v1",
            kind="ObjectStore",
            metadata={
                "name": object_store_name(identity),
                "namespace": identity.namespace,
                "labels": identity.labels("database"),
            },
            spec={
                **keeping,
                "configuration": archive_location(bucket),
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


def cluster_name(identity: Identity) -> str:
    """The CNPG Cluster's name, which those of its Services and ServiceAccount begin with."""
    return f"{identity.retailer}-db"


def object_store_name(identity: Identity) -> str:
    """The ObjectStore of one region's archive; on both ends of a database over two regions both have these names."""
    return f"{cluster_name(identity)}-{identity.region}"


def _other_archive(other: Identity) -> list[dict[str, Any]]:
    """Statements to read the archive of the other region; its key is known by its alias."""
    arn = f"arn:aws:s3:::{other.bucket(PURPOSE)}"
    return [
        {"Sid": "OtherBucket", "Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn},
        {"Sid": "OtherArchive", "Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{arn}/{PREFIX}/*"},
        {**key_use(other, ["kms:Decrypt"], service="s3"), "Sid": "OtherKey"},
    ]


def archive_location(bucket: pulumi.Input[str]) -> dict[str, Any]:
    """`spec.configuration` of an ObjectStore: the same for who writes and who restores."""
    return {
        "destinationPath": pulumi.Output.concat("s3://", bucket, f"/{PREFIX}"),
        "s3Credentials": {"inheritFromIAMRole": True},
        "wal": {"compression": "zstd", "maxParallel": 8},
        "data": {"compression": "snappy", "jobs": 2},
    }


def archive_policy(
    identity: Identity,
    bucket: pulumi.Input[str],
    *,
    write: bool,
    also: Sequence[dict[str, Any]] = (),
) -> pulumi.Output[str]:
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
        key_use(identity, ["kms:Decrypt", *(["kms:GenerateDataKey"] if write else [])], service="s3"),
        *also,
    ]
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": statements})
