"""That nobody whom a workload could be taken over as may erase what brings it back."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.aws.grants import covers, is_run_by_nobody, role_of
from guardrails.aws.iam import Statement, statements
from guardrails.aws.providers import provider_of
from guardrails.graph import Graph
from guardrails.reading import Node
from guardrails.resource import Resource, family
from guardrails.rule import Protects, Severity, Violation, stack_rule

ERASING: Final = (
    "s3:DeleteObjectVersion",
    "s3:BypassGovernanceRetention",
    "s3:PutLifecycleConfiguration",
    "s3:PutBucketVersioning",
    "s3:PutBucketObjectLockConfiguration",
    "s3:PutBucketPolicy",
    "s3:DeleteBucketPolicy",
    "s3:PutReplicationConfiguration",
    "s3:PutEncryptionConfiguration",
    "s3:PutBucketPublicAccessBlock",
    "s3:DeleteBucket",
)
"""What erases a version, or takes away what keeps it, its copy, or its privacy."""

CHANGING: Final = ("s3:PutObject", "s3:DeleteObject")
"""What nobody but S3's replication does to a copy."""

LOCKING_OUT: Final = (
    "kms:ScheduleKeyDeletion",
    "kms:DisableKey",
    "kms:PutKeyPolicy",
    "kms:CreateAlias",
    "kms:UpdateAlias",
    "kms:DeleteAlias",
)
"""What makes everything under a key unreadable, or a key somebody else's: roles know keys by alias."""

MIGHTY: Final = re.compile(
    r"(AdministratorAccess|PowerUserAccess|SystemAdministrator|AmazonS3FullAccess|AWSKeyManagementServicePowerUser"
    r"|AWSBackupFullAccess|IAMFullAccess)"
)
"""AWS's own policies that allow one of these, or to allow it oneself."""


@stack_rule(
    "bk-06",
    of=(
        kinds.IAM_ROLE_POLICY,
        kinds.IAM_POLICY,
        kinds.IAM_USER_POLICY,
        kinds.IAM_GROUP_POLICY,
        kinds.IAM_ROLE_POLICY_ATTACHMENT,
        kinds.IAM_ROLE,
        kinds.BUCKET_POLICY,
        kinds.KMS_KEY,
        kinds.KMS_REPLICA_KEY,
    ),
    severity=Severity.CRITICAL,
    says="No role of the stack may erase a version of a backup, lift its lock, change what keeps it, or take its key.",
    why="Who takes over a pod has its role. With DeleteObject a backup becomes an older version; with "
    "DeleteObjectVersion, a lifecycle of a day or a key scheduled for deletion it is gone.",
    fix="allow GetObject, PutObject, DeleteObject and AbortMultipartUpload on the workload's own prefix, and no more",
    scenario="A plugin of the shop is exploited; what the storefront's role can reach is still there afterwards.",
    implies=("bk-05", "bk-07", "bk-09", "bk-11", "iso-04", "iso-05", "iso-11", "sec-01", "sec-08", "sec-15"),
    protects=Protects.DATA,
)
def nobody_erases(resource: Resource, graph: Graph) -> Iterable[Violation]:
    match resource.family:
        case found if found in (family(kinds.KMS_KEY), family(kinds.KMS_REPLICA_KEY)):
            yield from _of_key(resource, graph)
        case found if found == family(kinds.IAM_ROLE_POLICY_ATTACHMENT):
            yield from _mighty(resource, resource.at("policyArn"))
        case found if found == family(kinds.IAM_ROLE):
            for arn in resource.items("managedPolicyArns"):
                yield from _mighty(resource, arn)
            for inline in resource.items("inlinePolicies"):
                yield from _said(resource, inline.at("policy"), graph)
        case found if found == family(kinds.IAM_ROLE_POLICY) and not resource.known("policy"):
            if not is_run_by_nobody(role_of(resource, graph)):
                raise resource.at("policy").unjudged(
                    "is not known before the deployment: make it of names, not of ARNs"
                )
        case _:
            yield from _said(resource, resource.at("policy"), graph)


def _mighty(resource: Resource, arn: Node) -> Iterator[Violation]:
    if not arn.known():
        return  # a policy of the stack itself, which is judged where it stands
    if found := MIGHTY.search(arn.text()):
        yield Violation(resource, f"{found[1]} may erase backups")


def _said(resource: Resource, document: Node, graph: Graph) -> Iterator[Violation]:
    theirs = graph.kept.copies
    kept = {bucket.name: bucket.arn for bucket in (*graph.kept.archives, *graph.kept.filestores, *theirs)}
    beyond = {bucket.name for bucket in theirs}
    for statement in statements(document):
        if not statement.allows:
            continue
        if any(each.startswith("arn:aws:kms:") or "*" in each for each in statement.resources or ("*",)):
            for action in _taken(statement, LOCKING_OUT):
                yield Violation(resource, f"it may {action}")
        for name, arn in kept.items():
            if not (covers(statement, arn) or covers(statement, f"{arn}/x")):
                continue
            for action in _taken(statement, (*ERASING, *(CHANGING if name in beyond else ()))):
                yield Violation(resource, f"it may {action} in {name}")


def _taken(statement: Statement, actions: Iterable[str]) -> list[str]:
    return [action for action in actions if statement.takes(action)]


def _of_key(key: Resource, graph: Graph) -> Iterator[Violation]:
    """A key's own policy leaves deciding to the IAM of its own account; others only use it."""
    if not key.has("policy"):
        return  # AWS's default: its account's IAM decides
    accounts = provider_of(key, graph).document("allowedAccountIds").words()
    for statement in statements(key.at("policy")):
        if not statement.allows:
            continue
        for who in statement.principals:
            if who == "*" and not statement.conditions.entries():
                yield Violation(key, "everybody may use it")
            owner = any(who in (account, f"arn:aws:iam::{account}:root") for account in accounts)
            if not owner and (taken := _taken(statement, LOCKING_OUT)):
                yield Violation(key, f"{who} may {', '.join(taken)}")
