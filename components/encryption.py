"""The one KMS key that a retailer's data is encrypted with, in both regions."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import kms

from retail.naming import Identity

DELETION_WINDOW_DAYS = 30
"""The longest that KMS allows: until then a key scheduled for deletion, and all data under it, can be saved."""


def key_alias(identity: Identity) -> str:
    """The alias of a retailer's key, which policies know it by before it exists."""
    return f"alias/{identity.secret_path().rstrip('/')}"


def key_use(identity: Identity, actions: Sequence[str], *, service: str, alias: str = "") -> dict[str, Any]:
    """A statement that lets a role use keys of that alias (`*` is a wildcard; the retailer's own where left out),
    through one AWS service and no other way.

    By alias and not by ARN: a key's id is made up when it is created, so a policy with it can't be judged in the first
    preview. Only who may change aliases could widen it, and no role of this program may. A new alias counts within five
    minutes (AWS KMS developer guide, "Use aliases to control access").
    """
    return {
        "Sid": "Key",
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": f"arn:aws:kms:{identity.region}:{identity.account}:key/*",
        "Condition": {
            "StringEquals": {"kms:ViaService": f"{service}.{identity.region}.amazonaws.com"},
            "ForAnyValue:StringLike": {"kms:ResourceAliases": alias or key_alias(identity)},
        },
    }


@dataclass(frozen=True, kw_only=True)
class EncryptionKeyArgs:
    """cluster_name: the EKS cluster that the retailer lives on. recovery_region: where the key's replica is; another
    region than the identity's."""

    identity: Identity
    cluster_name: pulumi.Input[str]
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
        key = EncryptionKey("encryption", EncryptionKeyArgs(identity=identity, cluster_name=access.cluster_name,
            recovery_region="eu-west-1"))
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
            policy=_policy(identity.account),
            opts=kept,
        )
        kms.Alias(
            f"{name}-alias",
            name=key_alias(identity),
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        kms.Alias(
            f"{name}-volume-alias",
            name=pulumi.Output.from_input(args.cluster_name).apply(
                lambda cluster: volume_alias(cluster, identity.namespace)
            ),
            target_key_id=key.key_id,
            opts=pulumi.ResourceOptions(parent=self),
        )
        replica = kms.ReplicaKey(
            f"{name}-replica",
            region=args.recovery_region,
            primary_key_arn=key.arn,
            description=description,
            deletion_window_in_days=DELETION_WINDOW_DAYS,
            policy=_policy(identity.account),
            opts=kept,
        )
        self.key_arn = key.arn
        self.recovery_key_arn = replica.arn
        self.register_outputs({"key_arn": self.key_arn, "recovery_key_arn": self.recovery_key_arn})


def volume_alias(cluster_name: str, retailer: str) -> str:
    """A second alias of a retailer's key, which says whose volumes it may be used for. retailer: `*` for all."""
    return f"alias/volumes/{cluster_name}/{retailer}"


def volume_encryption(identity: Identity, cluster_name: str) -> str:
    """IAM policy (JSON) of a cluster's CSI driver: volumes under the key of any retailer on that cluster, and no other.

    What EC2 asks of whoever creates and attaches encrypted volumes (EC2 user guide, "Requirements for EBS encryption");
    a grant can only be for EC2 itself.
    """
    actions = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"]
    alias = volume_alias(cluster_name, "*")
    use = key_use(identity, actions, service="ec2", alias=alias)
    grant = key_use(identity, ["kms:CreateGrant"], service="ec2", alias=alias)
    grant["Sid"] = "GrantToEc2"
    grant["Condition"]["Bool"] = {"kms:GrantIsForAWSResource": "true"}
    return json.dumps({"Version": "2012-10-17", "Statement": [use, grant]})


def _policy(account: str) -> str:
    """IAM of the account decides who uses the key. Nobody else is named, not even the CSI driver that attaches volumes:
    it belongs to the cluster, which may be a platform's, and brings a statement of its own (components/platform.py).
    """
    statement: dict[str, Any] = {
        "Sid": "IamOfTheAccount",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
