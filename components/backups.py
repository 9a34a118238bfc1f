"""Where a retailer's backups, attachments and exports are, and copies out of reach of what can't be made again."""

import json
from dataclasses import dataclass

import pulumi
from pulumi_aws import iam, kms

from components.encryption import DELETION_WINDOW_DAYS
from components.protected_bucket import LockMode, ProtectedBucket, ProtectedBucketArgs
from components.replicated_bucket import REPLICATION_ROLE, ReplicatedBucket, ReplicatedBucketArgs
from retail.naming import Identity
from retail.objectives import EXPORT_DAYS, Objectives


@dataclass(frozen=True, kw_only=True)
class BackupsArgs:
    """backup_provider: the aws provider of `backup_account`, in `recovery_region`.

    lock_mode: COMPLIANCE for production, as not even the account's root can end it early; GOVERNANCE where stacks come
    and go. attachments: False on a platform, which has none.
    """

    identity: Identity
    objectives: Objectives
    backup_account: str
    recovery_region: str
    backup_provider: pulumi.ProviderResource
    kms_key_arn: pulumi.Input[str]
    lock_mode: LockMode
    database: bool = True
    attachments: bool = True

    def __post_init__(self) -> None:
        details: list[pulumi.InputPropertyErrorDetails] = []
        if self.recovery_region == self.identity.region:
            reason = f"must be another region than {self.identity.region}, whose loss the copies are for"
            details.append({"property_path": "recovery_region", "reason": reason})
        if not (self.database or self.attachments):
            details.append({"property_path": "database", "reason": "there must be something to back up"})
        if details:
            joined = "; ".join(f"{error['property_path']}: {error['reason']}" for error in details)
            raise pulumi.InputPropertiesError(f"BackupsArgs: {joined}", details)


class Backups(pulumi.ComponentResource):
    """The database's archive and the filestore: a restored Odoo needs both, so both have the same copies and days.

    The archive is under Object Lock on both sides. The filestore only in its copy: Odoo writes to it all day, and S3
    refuses writes without a checksum to a bucket with default retention, which not every client sends.

    Base backups and WAL stay in S3 Standard: they are gone before another class would have paid for its shortest stay.
    Attachments are tiered by how they are read.

    Reports and exports have a bucket of their own, read by people and partners outside of Odoo. They hold personal data
    and can be made again, so they expire, and are neither locked nor copied.

    A retailer that shares its platform's database has no archive of its own (`database=False`).

    Example:
        backups = Backups("backups", BackupsArgs(identity=identity, objectives=objectives,
            backup_account=settings.backup_account, recovery_region=settings.recovery_region,
            backup_provider=backup_provider, kms_key_arn=key.key_arn, lock_mode="COMPLIANCE"))
    """

    backup_bucket: pulumi.Output[str] | None
    filestore_bucket: pulumi.Output[str] | None
    exports_bucket: pulumi.Output[str] | None

    def __init__(self, name: str, args: BackupsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:storage:Backups",
            name,
            {"lockDays": args.objectives.object_lock_days, "lockMode": args.lock_mode},
            opts,
        )
        identity = args.identity
        role = iam.Role(
            f"{name}-replication",
            name=identity.iam(REPLICATION_ROLE),
            description=f"S3 replication of {identity.namespace}",
            assume_role_policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "s3.amazonaws.com"},
                            "Action": "sts:AssumeRole",
                        }
                    ],
                }
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        copy_key = kms.Key(
            f"{name}-copy-key",
            description=f"Copies of {identity.namespace}",
            multi_region=True,
            enable_key_rotation=True,
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            policy=_copy_key_policy(args.backup_account, identity.iam_arn(REPLICATION_ROLE)),
            opts=pulumi.ResourceOptions(
                parent=self, provider=args.backup_provider, protect=True, retain_on_delete=True, depends_on=[role]
            ),
        )

        def replicated(purpose: str, *, lock_source: bool, tiered: bool) -> pulumi.Output[str]:
            return ReplicatedBucket(
                f"{name}-{purpose}",
                ReplicatedBucketArgs(
                    identity=identity,
                    purpose=purpose,
                    backup_account=args.backup_account,
                    recovery_region=args.recovery_region,
                    lock_days=args.objectives.object_lock_days,
                    lock_mode=args.lock_mode,
                    lock_source=lock_source,
                    tiered=tiered,
                    kms_key_arn=args.kms_key_arn,
                    copy_kms_key_arn=copy_key.arn,
                    copy_provider=args.backup_provider,
                    role=role,
                ),
                opts=pulumi.ResourceOptions(parent=self),
            ).bucket

        self.backup_bucket = replicated("backups", lock_source=True, tiered=False) if args.database else None
        self.filestore_bucket = replicated("filestore", lock_source=False, tiered=True) if args.attachments else None
        self.exports_bucket = self._exports(name, args) if args.attachments else None
        self.register_outputs(
            {
                "backup_bucket": self.backup_bucket,
                "filestore_bucket": self.filestore_bucket,
                "exports_bucket": self.exports_bucket,
            }
        )

    def _exports(self, name: str, args: BackupsArgs) -> pulumi.Output[str]:
        return ProtectedBucket(
            f"{name}-exports",
            ProtectedBucketArgs(
                bucket=args.identity.bucket("exports"),
                region=args.identity.region,
                kms_key_arn=args.kms_key_arn,
                keep_days=args.objectives.retention_days,
                expire_days=EXPORT_DAYS,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        ).bucket


def _copy_key_policy(backup_account: str, replication_role_arn: str) -> str:
    """The backup account's own IAM decides; of the workload account only the replication may write under the key."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "IamOfTheAccount",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{backup_account}:root"},
                    "Action": "kms:*",
                    "Resource": "*",
                },
                {
                    "Sid": "Replication",
                    "Effect": "Allow",
                    "Principal": {"AWS": replication_role_arn},
                    "Action": ["kms:Encrypt", "kms:GenerateDataKey"],
                    "Resource": "*",
                },
            ],
        }
    )
