"""What one workload tier may do in AWS: read and write its retailer's attachments, nothing else."""

from dataclasses import dataclass

import pulumi

from components.pod_identity import PodIdentity, PodIdentityArgs
from retail.naming import Identity


@dataclass(frozen=True, kw_only=True)
class Filestore:
    """Where a retailer's attachments are: the bucket's name, the prefix in it, the key that encrypts it."""

    bucket: pulumi.Input[str]
    prefix: str
    key_arn: pulumi.Input[str]

    def __post_init__(self) -> None:
        if not self.prefix or self.prefix.startswith("/") or "*" in self.prefix:
            reason = f"must be a plain prefix, it keeps one retailer out of another's objects; given {self.prefix!r}"
            raise pulumi.InputPropertiesError(
                f"Filestore: prefix {reason}", [{"property_path": "prefix", "reason": reason}]
            )


def tier_role(
    name: str,
    tier: str,
    identity: Identity,
    *,
    cluster_name: pulumi.Input[str],
    filestore: Filestore,
    opts: pulumi.ResourceOptions,
) -> PodIdentity:
    """The role of a tier, bound to the ServiceAccount of the tier's name in the retailer's namespace.

    One role per retailer and tier: what a tier does shows in CloudTrail under its own name, and a leaked credential
    reaches one prefix of one bucket. There is no `s3:DeleteObjectVersion`: what Odoo deletes stays as an older version.
    """
    return PodIdentity(
        name,
        PodIdentityArgs(
            role_name=identity.iam(tier),
            cluster_name=cluster_name,
            namespace=identity.namespace,
            service_account=tier,
            policy=pulumi.Output.json_dumps(_permissions(filestore)),
        ),
        opts=opts,
    )


def _permissions(filestore: Filestore) -> dict[str, object]:
    bucket_arn = pulumi.Output.concat("arn:aws:s3:::", filestore.bucket)
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Attachments",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"],
                "Resource": pulumi.Output.concat(bucket_arn, "/", filestore.prefix, "/*"),
            },
            {
                "Sid": "ListOwnPrefix",
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": bucket_arn,
                "Condition": {"StringLike": {"s3:prefix": [filestore.prefix, f"{filestore.prefix}/*"]}},
            },
            {
                "Sid": "Key",
                "Effect": "Allow",
                "Action": ["kms:Decrypt", "kms:GenerateDataKey"],
                "Resource": filestore.key_arn,
            },
        ],
    }
