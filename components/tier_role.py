"""What one workload tier may do in AWS: read and write its retailer's attachments, and add to its exports."""

from dataclasses import dataclass

import pulumi

from components.encryption import key_use
from components.pod_identity import PodIdentity, PodIdentityArgs
from retail.naming import Identity


@dataclass(frozen=True, kw_only=True)
class Filestore:
    """Where a retailer's attachments are: the bucket's name, and the prefix in it. The retailer's key encrypts it."""

    bucket: pulumi.Input[str]
    prefix: str

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
    exports: bool = False,
    opts: pulumi.ResourceOptions,
) -> PodIdentity:
    """The role of a tier, bound to the ServiceAccount of the tier's name in the retailer's namespace.

    One role per retailer and tier: what a tier does shows in CloudTrail under its own name, and a leaked credential
    reaches one prefix of one bucket. There is no `s3:DeleteObjectVersion`: what Odoo deletes stays as an older version.
    exports: whether it makes reports and exports; it adds and reads, and what is old goes by its age.
    """
    return PodIdentity(
        name,
        PodIdentityArgs(
            role_name=identity.iam(tier),
            cluster_name=cluster_name,
            namespace=identity.namespace,
            service_account=tier,
            policy=pulumi.Output.json_dumps(
                _permissions(identity, filestore, exports_of(identity) if exports else None)
            ),
        ),
        opts=opts,
    )


def exports_of(identity: Identity) -> Filestore:
    """Where reports and exports go, for people and partners to fetch (components/backups.py makes the bucket)."""
    return Filestore(bucket=identity.bucket("exports"), prefix=identity.namespace)


def _permissions(identity: Identity, filestore: Filestore, exports: Filestore | None) -> dict[str, object]:
    use = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            *_prefix_statements("Attachments", filestore, [*use, "s3:DeleteObject"]),
            *(_prefix_statements("Exports", exports, use) if exports else []),
            key_use(identity, ["kms:Decrypt", "kms:GenerateDataKey"], service="s3"),
        ],
    }


def _prefix_statements(sid: str, place: Filestore, actions: list[str]) -> list[dict[str, object]]:
    """Those actions on the objects below a prefix, and listing it."""
    bucket_arn = pulumi.Output.concat("arn:aws:s3:::", place.bucket)
    return [
        {
            "Sid": sid,
            "Effect": "Allow",
            "Action": actions,
            "Resource": pulumi.Output.concat(bucket_arn, "/", place.prefix, "/*"),
        },
        {
            "Sid": f"List{sid}",
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": bucket_arn,
            "Condition": {"StringLike": {"s3:prefix": [place.prefix, f"{place.prefix}/*"]}},
        },
    ]


def filestore_reading_policy(identity: Identity, filestore: Filestore) -> pulumi.Output[str]:
    """IAM policy (JSON) that reads attachments, older versions too: what a restored database names may have gone."""
    bucket_arn = pulumi.Output.concat("arn:aws:s3:::", filestore.bucket)
    return pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "Attachments",
                    "Effect": "Allow",
                    "Action": ["s3:GetObject", "s3:GetObjectVersion"],
                    "Resource": pulumi.Output.concat(bucket_arn, "/", filestore.prefix, "/*"),
                },
                {
                    "Sid": "ListOwnPrefix",
                    "Effect": "Allow",
                    "Action": ["s3:ListBucket", "s3:ListBucketVersions"],
                    "Resource": bucket_arn,
                    "Condition": {"StringLike": {"s3:prefix": f"{filestore.prefix}/*"}},
                },
                key_use(identity, ["kms:Decrypt"], service="s3"),
            ],
        }
    )
