"""The one KMS key that a retailer's data is encrypted with, in both regions."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import kms

from retail.naming import Identity

DELETION_WINDOW_DAYS = 30
"""The longest that KMS allows: until then a key scheduled for deletion, and all data under it, can be saved."""


@dataclass(frozen=True, kw_only=True)
class EncryptionKeyArgs:
    """recovery_region: where the key's replica is; another region than the identity's."""

    identity: Identity
    recovery_region: str

    def __post_init__(self) -> None:
        if self.recovery_region == self.identity.region:
            reason = f"must be another region than {self.identity.region}, where the key itself is"
            error: pulumi.InputPropertyErrorDetails = {"property_path": "recovery_region", "reason": reason}
            raise pulumi.InputPropertiesError(f"EncryptionKeyArgs: recovery_region: {reason}", [error])


class EncryptionKey(pulumi.ComponentResource):
    """A multi-region key of its own for each retailer: what may decrypt one retailer's data can't decrypt another's.

    Volumes, buckets, the session store and Secrets Manager use it. Its replica in the recovery region is for the copies
    of the secrets there; the copies of the buckets are under a key of the backup account, which this account can't
    schedule for deletion. Protected and retained: without the key the data is gone.

    Example:
        key = EncryptionKey("encryption", EncryptionKeyArgs(identity=identity, recovery_region="eu-west-1"))
    """

    key_arn: pulumi.Output[str]
    recovery_key_arn: pulumi.Output[str]

    def __init__(self, name: str, args: EncryptionKeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:security:EncryptionKey", name, {"recoveryRegion": args.recovery_region}, opts)
        kept = pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True)
        identity = args.identity
        description = f"Data of {identity.namespace}"
        key = kms.Key(
            f"{name}-key",
            description=description,
            multi_region=True,
            enable_key_rotation=True,
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            policy=_policy(identity.account, identity.region),
            opts=kept,
        )
        kms.Alias(
            f"{name}-alias",
            name=f"alias/{identity.secret_path().rstrip('/')}",
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        replica = kms.ReplicaKey(
            f"{name}-replica",
            region=args.recovery_region,
            primary_key_arn=key.arn,
            description=description,
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            policy=_policy(identity.account, args.recovery_region),
            opts=kept,
        )
        self.key_arn = key.arn
        self.recovery_key_arn = replica.arn
        self.register_outputs({"key_arn": self.key_arn, "recovery_key_arn": self.recovery_key_arn})


def _policy(account: str, region: str) -> str:
    """IAM of the account decides who uses the key; volumes are the exception.

    The second statement is that of AWS's own `aws/ebs` key: whoever attaches a volume may use the key through EC2. The
    CSI driver belongs to the cluster, which may be a platform's that knows no retailer's key, so the key names no role.
    """
    statements: list[dict[str, Any]] = [
        {
            "Sid": "IamOfTheAccount",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
            "Action": "kms:*",
            "Resource": "*",
        },
        {
            "Sid": "VolumesThroughEc2",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": [
                "kms:Encrypt",
                "kms:Decrypt",
                "kms:ReEncrypt*",
                "kms:GenerateDataKey*",
                "kms:CreateGrant",
                "kms:DescribeKey",
            ],
            "Resource": "*",
            "Condition": {
                "StringEquals": {"kms:CallerAccount": account, "kms:ViaService": f"ec2.{region}.amazonaws.com"}
            },
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
