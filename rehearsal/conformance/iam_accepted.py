"""What parliament says that is not a fault here, each with its reason. Data only.

Its IAM definitions are those of its release (April 2025), and some rules know no difference between a policy of an
identity and one of a resource. An entry that no shipped stack needs any more fails a test.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

NEW_ACTIONS: Final[Mapping[str, str]] = {
    "elasticloadbalancing:ModifyIpPools": "elbv2's operation of that name, newer than parliament's definitions",
}
"""Actions that IAM knows and parliament does not. They are left out of what it is given, so that it judges the rest of
their statement; botocore must have an operation of that name (a test)."""


@dataclass(frozen=True)
class Accepted:
    """Findings of kind `issue`, on resources whose type matches `type`, with names and details that match."""

    issue: str
    reason: str
    type: str = ""
    name: str = ""
    detail: str = ""

    def covers(self, issue: str, type_token: str, name: str, detail: str) -> bool:
        """Whether it accepts that finding."""
        pairs = ((self.type, type_token), (self.name, name), (self.detail, detail))
        return issue == self.issue and all(re.search(pattern, text) for pattern, text in pairs)


ACCEPTED: Final = (
    Accepted(
        "RESOURCE_STAR",
        "in a key's own policy, * is that key: the only value AWS takes",
        type="^aws:kms/(key|replicaKey|keyPolicy):",
    ),
    Accepted(
        "RESOURCE_STAR",
        "the load balancer controller's documented policy; what it makes has names it makes up, so conditions on its "
        "tags narrow what can be narrowed",
        name="aws-load-balancer-controller",
    ),
    Accepted(
        "RESOURCE_STAR",
        "Karpenter's documented policy; the condition names the one cluster",
        name="karpenter",
        detail="arc-zonal-shift:GetManagedResource",
    ),
    Accepted(
        "RESOURCE_MISMATCH",
        "AWS's public parameters have no account in their ARN",
        name="karpenter",
        detail="ssm:GetParameter'",
    ),
    Accepted(
        "MISMATCHED_TYPE",
        "1.2 is a number to IAM; parliament takes whole ones only",
        detail="^Type mismatch: s3:TlsVersion requires a value of type Numeric but given \\['1\\.[0-9]'\\]$",
    ),
    Accepted(
        "UNKNOWN_CONDITION_FOR_ACTION",
        "in a denial of s3:*, the key is absent from the few calls that don't carry it",
        type="^aws:s3/bucketPolicy:",
        detail="^Unknown condition s3:TlsVersion for action",
    ),
    Accepted(
        "UNKNOWN_CONDITION_FOR_ACTION",
        "documented for AddTags: the call in which the tags are given",
        detail="^Unknown condition elasticloadbalancing:CreateAction for action elasticloadbalancing:AddTags$",
    ),
)
