"""An S3 bucket for data that must not be lost."""

import json
from dataclasses import dataclass
from typing import Any, Literal

import pulumi
from pulumi_aws import s3

TIERING_DAYS = 30
"""What outlives a month pays the monitoring of Intelligent-Tiering, which finds out what is read seldom."""

TIERING_BYTES = 128 * 1024
"""Smaller objects are never moved by it, and cost a transition for nothing (S3 user guide, Intelligent-Tiering)."""

LockMode = Literal["GOVERNANCE", "COMPLIANCE"]


@dataclass(frozen=True, kw_only=True)
class ProtectedBucketArgs:
    """region: where it is; plain, for data residency to be read from. keep_days: how long an overwritten or deleted
    version is kept. expire_days: when a current object is deleted, None for never. tiered: whether what outlives a
    month moves to where rare reading makes it cheaper.

    lock_days: Object Lock's default retention from the moment of writing, None for a bucket without Object Lock.
    lock_mode: GOVERNANCE can be lifted by who has `s3:BypassGovernanceRetention`; COMPLIANCE by nobody.
    replication_role_arn: the role that may replicate into this bucket from another account; plain, so that a preview
    shows the bucket's whole policy. It must exist first: S3 refuses a policy that names nobody.
    """

    bucket: str
    region: str
    kms_key_arn: pulumi.Input[str]
    keep_days: int
    expire_days: int | None = None
    tiered: bool = False
    lock_days: int | None = None
    lock_mode: LockMode = "GOVERNANCE"
    replication_role_arn: str | None = None

    def __post_init__(self) -> None:
        if self.lock_days is not None and self.keep_days <= self.lock_days:
            reason = f"must be more than the {self.lock_days} days of Object Lock; given {self.keep_days}"
            error: pulumi.InputPropertyErrorDetails = {"property_path": "keep_days", "reason": reason}
            raise pulumi.InputPropertiesError(f"ProtectedBucketArgs: keep_days: {reason}", [error])


class ProtectedBucket(pulumi.ComponentResource):
    """Private, versioned, encrypted with the given key, TLS only, with a lifecycle for what was deleted.

    Which key is the bucket's to say: a write that names an encryption of its own is refused, whatever it names. One
    that asks for `aws:kms` without a key would get AWS's, and one with a customer's key (SSE-C) could hold the data to
    ransom.
    Lifecycle rules touch old versions alone unless `expire_days` is given: a rule that expired current objects by age
    would delete the last backups of a database whose backups have failed unnoticed for long enough.

    Example:
        ProtectedBucket("backups", ProtectedBucketArgs(bucket=identity.bucket("backups"), region=identity.region,
            kms_key_arn=key.key_arn, keep_days=38, lock_days=37, lock_mode="COMPLIANCE"))
    """

    bucket: pulumi.Output[str]
    arn: pulumi.Output[str]
    versioning: s3.BucketVersioning

    def __init__(self, name: str, args: ProtectedBucketArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:storage:ProtectedBucket",
            name,
            {"bucket": args.bucket, "keepDays": args.keep_days, "lockDays": args.lock_days},
            opts,
        )
        child = pulumi.ResourceOptions(parent=self)
        bucket = s3.Bucket(
            f"{name}-bucket",
            bucket=args.bucket,
            region=args.region,
            object_lock_enabled=args.lock_days is not None,
            force_destroy=False,
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True),
        )
        self.versioning = s3.BucketVersioning(
            f"{name}-versioning",
            bucket=bucket.bucket,
            versioning_configuration={"status": "Enabled"},
            opts=child,
        )
        versioned = pulumi.ResourceOptions(parent=self, depends_on=[self.versioning])
        if args.lock_days is not None:
            s3.BucketObjectLockConfiguration(
                f"{name}-lock",
                bucket=bucket.bucket,
                rule={"default_retention": {"mode": args.lock_mode, "days": args.lock_days}},
                opts=versioned,
            )
        s3.BucketServerSideEncryptionConfiguration(
            f"{name}-encryption",
            bucket=bucket.bucket,
            rules=[
                {
                    "apply_server_side_encryption_by_default": {
                        "sse_algorithm": "aws:kms",
                        "kms_master_key_id": args.kms_key_arn,
                    },
                    "bucket_key_enabled": True,
                }
            ],
            opts=child,
        )
        block = s3.BucketPublicAccessBlock(
            f"{name}-public-access",
            bucket=bucket.bucket,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=child,
        )
        s3.BucketOwnershipControls(
            f"{name}-ownership",
            bucket=bucket.bucket,
            rule={"object_ownership": "BucketOwnerEnforced"},
            opts=child,
        )
        s3.BucketLifecycleConfiguration(
            f"{name}-lifecycle",
            bucket=bucket.bucket,
            rules=_lifecycle(args),
            transition_default_minimum_object_size="all_storage_classes_128K",
            opts=versioned,
        )
        s3.BucketPolicy(
            f"{name}-policy",
            bucket=bucket.bucket,
            policy=_policy(args),
            # S3 answers OperationAborted to a policy and a public access block set at the same time.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[block]),
        )
        self.bucket = bucket.bucket
        self.arn = bucket.arn
        self.register_outputs({"bucket": self.bucket, "arn": self.arn})


def _lifecycle(args: ProtectedBucketArgs) -> list[dict[str, Any]]:
    """An expiry by age leaves a delete marker behind, and S3 takes only one kind of expiry in a rule."""
    rules: list[dict[str, Any]] = [
        {
            "id": "old-versions",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "noncurrent_version_expiration": {"noncurrent_days": args.keep_days},
            "expiration": {"expired_object_delete_marker": True},
            "abort_incomplete_multipart_upload": {"days_after_initiation": 7},
        }
    ]
    if args.expire_days is not None:
        expired = {"expiration": {"days": args.expire_days}}
        rules.append({"id": "by-age", "status": "Enabled", "filter": {"prefix": ""}, **expired})
    if args.tiered:
        tier = {"days": TIERING_DAYS, "storage_class": "INTELLIGENT_TIERING"}
        large = {"object_size_greater_than": TIERING_BYTES}
        rules.append({"id": "seldom-read", "status": "Enabled", "filter": large, "transitions": [tier]})
    return rules


def _policy(args: ProtectedBucketArgs) -> str:
    arn = f"arn:aws:s3:::{args.bucket}"
    everything = [arn, f"{arn}/*"]
    statements: list[dict[str, Any]] = [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": everything,
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        },
        {
            "Sid": "Tls12OrNewer",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": everything,
            "Condition": {"NumericLessThan": {"s3:TlsVersion": "1.2"}},
        },
        *(
            {
                "Sid": sid,
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": f"{arn}/*",
                "Condition": {"Null": {f"s3:x-amz-server-side-encryption{header}": "false"}},
            }
            for sid, header in (("BucketsEncryptionOnly", ""), ("NoCustomerKeys", "-customer-algorithm"))
        ),
    ]
    if args.replication_role_arn is not None:
        principal = {"AWS": args.replication_role_arn}
        statements += [
            {
                "Sid": "ReplicateInto",
                "Effect": "Allow",
                "Principal": principal,
                "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"],
                "Resource": f"{arn}/*",
            },
            {
                "Sid": "SeeVersioning",
                "Effect": "Allow",
                "Principal": principal,
                "Action": ["s3:GetBucketVersioning", "s3:ListBucket"],
                "Resource": arn,
            },
        ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
