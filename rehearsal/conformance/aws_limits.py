"""Limits that AWS documents and botocore's models leave out, for names the program makes up. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Limit:
    """The whole text must match `pattern`; `allowed` says so to people."""

    pattern: str
    allowed: str


_GROUP_NAME: Final = Limit(
    r"(?!sg-)[A-Za-z0-9 ._\-:/()#,@\[\]+=&;{}!$*]{1,255}", "at most 255 of its characters, not sg-"
)
LIMITS: Final[Mapping[tuple[str, str], Limit]] = {
    # S3, "General purpose bucket naming rules"
    ("aws:s3/bucket:Bucket", "bucket"): Limit(
        r"(?!xn--|sthree-|amzn-s3-demo-)(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"
        r"(?<!-s3alias)(?<!--ol-s3)",
        "3 to 63 lower-case letters, digits, dots and hyphens, a letter or digit first and last",
    ),
    # ElastiCache API reference, CreateReplicationGroup
    ("aws:elasticache/replicationGroup:ReplicationGroup", "replicationGroupId"): Limit(
        r"(?!.*--)[A-Za-z][A-Za-z0-9-]{0,39}(?<!-)", "1 to 40 letters, digits and single hyphens, a letter first"
    ),
    # ElastiCache User Guide, "Authenticating with the AUTH command"
    ("aws:elasticache/replicationGroup:ReplicationGroup", "authToken"): Limit(
        r"[A-Za-z0-9!&#$^<>-]{16,128}", "16 to 128 letters, digits and ! & # $ ^ < > -"
    ),
    # EKS API reference, CreateNodegroup; the provider adds 26 characters to a prefix
    ("aws:eks/nodeGroup:NodeGroup", "nodeGroupNamePrefix"): Limit(
        r"[A-Za-z0-9][A-Za-z0-9_-]{0,36}", "at most 37 letters, digits, hyphens and underscores"
    ),
    # SQS Developer Guide, "Quotas related to queues"
    ("aws:sqs/queue:Queue", "name"): Limit(
        r"[A-Za-z0-9_-]{1,80}(\.fifo)?", "1 to 80 letters, digits, hyphens and underscores"
    ),
    # EC2 API reference, CreateSecurityGroup
    ("aws:ec2/securityGroup:SecurityGroup", "name"): _GROUP_NAME,
    ("aws:ec2/securityGroup:SecurityGroup", "description"): _GROUP_NAME,
}
