"""A bucket and its copy in another account and region."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import iam, s3

from components.encryption import key_use
from components.protected_bucket import LockMode, ProtectedBucket, ProtectedBucketArgs
from retail.naming import Identity

REPLICATION_ROLE = "backup-replication"

REPLICATION_MINUTES = 15
"""S3 Replication Time Control's only threshold; its metrics alert when copies fall behind it."""


@dataclass(frozen=True, kw_only=True)
class ReplicatedBucketArgs:
    """purpose: `backups`, `filestore`. tiered: see ProtectedBucketArgs. lock_days: Object Lock, in days; lock_source:
    on the bucket itself too, not only on its copy. copy_provider: the aws provider of the backup account, in the
    recovery region. role: the one named by REPLICATION_ROLE.
    """

    identity: Identity
    purpose: str
    backup_account: str
    recovery_region: str
    lock_days: int
    lock_mode: LockMode
    lock_source: bool
    tiered: bool
    kms_key_arn: pulumi.Input[str]
    copy_kms_key_arn: pulumi.Input[str]
    copy_provider: pulumi.ProviderResource
    role: iam.Role


class ReplicatedBucket(pulumi.ComponentResource):
    """Whoever takes over the workload account can't reach what the copy has: other account, other key, Object Lock.

    Deletions are replicated too, as markers: the copy's versions stay under their lock, and afterwards the lifecycle
    clears both sides alike. Without that, whatever the database's retention removes would stay in the copy for ever, as
    would every attachment that a customer had a right to see erased.

    Example:
        ReplicatedBucket("backups", ReplicatedBucketArgs(identity=identity, purpose="backups", lock_days=37,
            lock_mode="COMPLIANCE", lock_source=True, tiered=False, backup_account=settings.backup_account,
            recovery_region=settings.recovery_region, kms_key_arn=key.key_arn, copy_kms_key_arn=key.recovery_key_arn,
            copy_provider=backup_provider, role=replication_role))
    """

    bucket: pulumi.Output[str]
    copy: pulumi.Output[str]

    def __init__(self, name: str, args: ReplicatedBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:storage:ReplicatedBucket", name, {"purpose": args.purpose}, opts)
        child = pulumi.ResourceOptions(parent=self)
        identity = args.identity
        keep_days = args.lock_days + 1
        source = ProtectedBucket(
            f"{name}-source",
            ProtectedBucketArgs(
                bucket=identity.bucket(args.purpose),
                region=identity.region,
                tiered=args.tiered,
                kms_key_arn=args.kms_key_arn,
                keep_days=keep_days,
                lock_days=args.lock_days if args.lock_source else None,
                lock_mode=args.lock_mode,
            ),
            opts=child,
        )
        copy = ProtectedBucket(
            f"{name}-copy",
            ProtectedBucketArgs(
                bucket=_copy_bucket(args),
                region=args.recovery_region,
                kms_key_arn=args.copy_kms_key_arn,
                keep_days=keep_days,
                lock_days=args.lock_days,
                lock_mode=args.lock_mode,
                replication_role_arn=identity.iam_arn(REPLICATION_ROLE),
            ),
            opts=pulumi.ResourceOptions(parent=self, providers=[args.copy_provider], depends_on=[args.role]),
        )
        # Not the ARNs that AWS tells: those are not known before the buckets are there, and a preview shows these.
        source_arn, copy_arn = (pulumi.Output.concat("arn:aws:s3:::", end.bucket) for end in (source, copy))
        policy = iam.RolePolicy(
            f"{name}-permission",
            name=args.purpose,
            role=args.role.name,
            policy=pulumi.Output.json_dumps(_permissions(args, source_arn, copy_arn)),
            opts=child,
        )
        minutes = {"minutes": REPLICATION_MINUTES}
        s3.BucketReplicationConfig(
            f"{name}-replication",
            bucket=source.bucket,
            role=args.role.arn,
            rules=[
                {
                    "id": "everything",
                    "status": "Enabled",
                    "priority": 1,
                    "filter": {"prefix": ""},
                    "delete_marker_replication": {"status": "Enabled"},
                    "source_selection_criteria": {"sse_kms_encrypted_objects": {"status": "Enabled"}},
                    "destination": {
                        "bucket": copy_arn,
                        # Standard-IA bills 128 KiB for every smaller object: right for backups, not for attachments.
                        "storage_class": "INTELLIGENT_TIERING" if args.tiered else "STANDARD_IA",
                        "encryption_configuration": {"replica_kms_key_id": args.copy_kms_key_arn},
                        "replication_time": {"status": "Enabled", "time": minutes},
                        "metrics": {"status": "Enabled", "event_threshold": minutes},
                    },
                }
            ],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[source.versioning, copy.versioning, policy]),
        )
        self.bucket = source.bucket
        self.copy = copy.bucket
        self.register_outputs({"bucket": self.bucket, "copy": self.copy})


def _copy_bucket(args: ReplicatedBucketArgs) -> str:
    return args.identity.bucket(f"{args.purpose}-copy", account=args.backup_account, region=args.recovery_region)


def _permissions(args: ReplicatedBucketArgs, source: pulumi.Output[str], copy: pulumi.Output[str]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Source",
                "Effect": "Allow",
                "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
                "Resource": source,
            },
            {
                "Sid": "SourceVersions",
                "Effect": "Allow",
                "Action": [
                    "s3:GetObjectVersionForReplication",
                    "s3:GetObjectVersionAcl",
                    "s3:GetObjectVersionTagging",
                    "s3:GetObjectRetention",
                    "s3:GetObjectLegalHold",
                ],
                "Resource": pulumi.Output.concat(source, "/*"),
            },
            {
                "Sid": "Copy",
                "Effect": "Allow",
                "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
                "Resource": pulumi.Output.concat(copy, "/*"),
            },
            {**key_use(args.identity, ["kms:Decrypt"], service="s3"), "Sid": "ReadKey"},
            {
                # An alias of that account is not ours to know the key by. Its own policy lets in this role alone, and
                # S3 names the bucket in the encryption context (with a bucket key, the bucket itself).
                "Sid": "WriteKey",
                "Effect": "Allow",
                "Action": ["kms:Encrypt", "kms:GenerateDataKey"],
                "Resource": f"arn:aws:kms:{args.recovery_region}:{args.backup_account}:key/*",
                "Condition": {
                    "StringEquals": {"kms:ViaService": f"s3.{args.recovery_region}.amazonaws.com"},
                    "StringLike": {"kms:EncryptionContext:aws:s3:arn": [copy, pulumi.Output.concat(copy, "/*")]},
                },
            },
        ],
    }
