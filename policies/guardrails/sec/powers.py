"""What the stack's own roles may do in AWS: nothing that raises their rights, and nothing to what is another's."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from guardrails import kinds
from guardrails.aws.grants import is_run_by_nobody, role_of
from guardrails.aws.iam import Statement, statements
from guardrails.graph import Graph
from guardrails.reading import Node
from guardrails.resource import Resource, family
from guardrails.rule import Severity, Violation, stack_rule

RAISING: Final = (
    "iam:AddUserToGroup",
    "iam:AttachGroupPolicy",
    "iam:AttachRolePolicy",
    "iam:AttachUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreatePolicyVersion",
    "iam:PutGroupPolicy",
    "iam:PutRolePolicy",
    "iam:PutUserPolicy",
    "iam:SetDefaultPolicyVersion",
    "iam:UpdateAssumeRolePolicy",
    "iam:UpdateLoginProfile",
    "eks:AssociateAccessPolicy",
    "eks:CreateAccessEntry",
    "eks:CreatePodIdentityAssociation",
    "eks:UpdateAccessEntry",
    "eks:UpdatePodIdentityAssociation",
)
"""What makes whoever may do it an administrator (Rhino Security Labs, "AWS IAM Privilege Escalation"), and its like in
EKS, whose entries and associations give out rights and roles."""

WHOLE_SERVICES: Final = re.compile(
    r":policy/(?:.+/)*(\w*(?:FullAccess|PowerUser|Administrator)\w*)|:policy/(job-function/.+)"
)
"""AWS's own policies that leave nothing out of a service."""


@dataclass(frozen=True)
class Power:
    """Actions on what everybody has: each needs a name, or a condition on one of `keys` that binds it.

    kinds: how the last part of ARNs of such things begins; others of the same actions are free. marked: whether the
    mere mark of a controller binds it, whoever's controller that is.
    """

    actions: tuple[str, ...]
    kinds: tuple[str, ...]
    keys: tuple[str, ...]
    harm: str
    marked: bool = False


OWN: Final = ("aws:ResourceTag/",)
POWERS: Final = (
    Power(("sts:AssumeRole",), ("role/",), OWN, "take on any role that trusts the account"),
    Power(
        ("ec2:TerminateInstances", "ec2:StopInstances", "ec2:DeleteLaunchTemplate"),
        ("instance/", "launch-template/"),
        OWN,
        "end the nodes of every cluster in the account",
    ),
    Power(
        ("ec2:RunInstances", "ec2:CreateLaunchTemplate"),
        ("instance/", "launch-template/"),
        (*OWN, "aws:RequestTag/"),
        "start machines that no cluster and no bill knows",
    ),
    # A tag is what the powers above are bound by: who may give it to anything may do all of them to it.
    Power(
        ("ec2:CreateTags", "ec2:DeleteTags"),
        ("instance/", "launch-template/"),
        (*OWN, "ec2:CreateAction"),
        "mark what is another's as its own",
    ),
    # The load balancer controller's documented policy binds these alone, and by its mark.
    Power(
        ("ec2:CreateTags", "ec2:DeleteTags", "ec2:DeleteSecurityGroup"),
        ("security-group/",),
        (*OWN, "ec2:CreateAction"),
        "mark or delete what is another's",
        marked=True,
    ),
    Power(
        (
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:DeleteLoadBalancer",
            "elasticloadbalancing:DeleteTargetGroup",
            "elasticloadbalancing:ModifyLoadBalancerAttributes",
            "elasticloadbalancing:SetSecurityGroups",
            "elasticloadbalancing:SetSubnets",
        ),
        ("loadbalancer/", "loadbalancer/net/", "loadbalancer/app/", "targetgroup/"),
        (*OWN, "elasticloadbalancing:CreateAction"),
        "take the load balancers of others away",
        marked=True,
    ),
    Power(
        ("kms:Decrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:CreateGrant"),
        ("key/",),
        ("kms:ResourceAliases", "kms:RequestAlias", "kms:EncryptionContext:"),
        "read what any key of the account encrypts",
    ),
    Power(("kms:CreateGrant",), ("key/",), ("kms:GrantIsForAWSResource",), "hand keys on to anybody"),
    Power(
        ("route53:ChangeResourceRecordSets",),
        ("hostedzone/",),
        ("route53:ChangeResourceRecordSetsNormalizedRecordNames",),
        "lead every shop's address elsewhere",
    ),
    Power(
        ("secretsmanager:GetSecretValue", "ssm:GetParameter", "ssm:GetParametersByPath"),
        ("secret:", "parameter/"),
        (*OWN, "secretsmanager:ResourceTag/"),
        "read everybody's secrets",
    ),
    Power(
        ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:PurgeQueue", "sns:Publish"),
        ("",),
        OWN,
        "take other clusters' warnings off their queues, or call their people out",
    ),
)


@stack_rule(
    "sec-15",
    of=(
        kinds.IAM_ROLE_POLICY,
        kinds.IAM_POLICY,
        kinds.IAM_USER_POLICY,
        kinds.IAM_GROUP_POLICY,
        kinds.IAM_ROLE_POLICY_ATTACHMENT,
        kinds.IAM_ROLE,
    ),
    severity=Severity.CRITICAL,
    says="No role of the stack may raise its rights in AWS, or end, mark, decrypt or re-route what is not its own.",
    why="Several clusters and retailers share an account: a controller whose tags are not asked for ends the nodes of "
    "all of them, and one that may pass any role is administrator of the account.",
    fix="name actions and resources; iam:PassRole for roles of the stack by name; conditions on the cluster's tags "
    "(aws:ResourceTag, aws:RequestTag), key aliases, kms:GrantIsForAWSResource, and names of DNS records",
    scenario="The outlet's Karpenter goes wild on a Saturday; the flagship's nodes in the same account stay up.",
    implies=("bk-06", "iso-05", "iso-11"),
)
def own_powers(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.family == family(kinds.IAM_ROLE_POLICY_ATTACHMENT):
        yield from _managed(resource.at("policyArn"))
    elif resource.family == family(kinds.IAM_ROLE):
        for arn in resource.items("managedPolicyArns"):
            yield from _managed(arn)
        for inline in resource.items("inlinePolicies"):
            yield from _said(inline.at("policy"), graph)
    elif resource.known("policy") or not is_run_by_nobody(role_of(resource, graph)):
        yield from _said(resource.at("policy"), graph)


def _managed(arn: Node) -> Iterator[Violation]:
    if not arn.known():
        return  # a policy of the stack itself, which is judged where it stands
    if found := WHOLE_SERVICES.search(arn.text()):
        yield Violation(arn.owner, f"{found[1] or found[2]} allows everything of a service, on everybody's")


def _said(document: Node, graph: Graph) -> Iterator[Violation]:
    for statement in statements(document):
        if statement.allows:
            for told in _too_much(statement, graph):
                yield Violation(document.owner, told)


def _too_much(statement: Statement, graph: Graph) -> Iterator[str]:
    if statement.not_actions or statement.not_resources:
        yield "it may everything but what a statement leaves out, and so what AWS adds tomorrow"
        return
    if whole := [action for action in statement.actions if re.fullmatch(r"\*+|[^:]+:\*+", action)]:
        yield f"it may {', '.join(whole)}: everything of a service"
        return
    if raising := [action for action in RAISING if statement.takes(action)]:
        yield f"it may {', '.join(raising)}: raise its rights"
    if statement.takes("iam:PassRole"):
        for arn in statement.resources:
            if not _is_own_role(arn, graph):
                yield f"it may iam:PassRole {arn}, which is no role of this stack by name: have rights of others"
    for power in POWERS:
        taken = [action for action in power.actions if statement.takes(action)]
        reached = [arn for arn in statement.resources if any(_is_anybodys(arn, kind) for kind in power.kinds)]
        if taken and reached and not _is_bound(statement, power):
            keys = " or ".join(each.rstrip("/:") for each in power.keys)
            yield f"it may {', '.join(taken)} on {reached[0]} with no condition on {keys} that binds it: {power.harm}"


def _is_own_role(arn: str, graph: Graph) -> bool:
    name = arn.rpartition("/")[2]
    return any(each.known("name") and each.text("name", "") == name for each in graph.all(kinds.IAM_ROLE))


def _is_anybodys(arn: str, kind: str) -> bool:
    """Whether an ARN stands for any thing of a kind: its wildcard comes before anything of a name."""
    if not re.search(r"[*?]", arn):
        return False
    said = arn.split(":", 5)[5:] or [""]
    return kind.startswith(re.split(r"[*?]", said[0])[0])


def _is_bound(statement: Statement, power: Power) -> bool:
    """Whether a condition holds only for what is the role's own.

    Operators with IfExists, and ForAllValues, hold where there is no such key at all; a change of DNS records always
    has names (Route 53 developer guide, "Using IAM policy conditions").
    """
    for operator, block in statement.conditions.entries().items():
        for key, node in block.entries().items():
            if key.lower().startswith(tuple(each.lower() for each in power.keys)) and _holds(
                operator, key, node, power
            ):
                return True
    return False


def _holds(operator: str, key: str, node: Node, power: Power) -> bool:
    if operator == "Bool":
        return node.flag()
    if operator == "Null":
        return power.marked and not node.flag()
    always_there = key.lower().startswith("route53:")
    name = operator.removeprefix("ForAllValues:" if always_there else "ForAnyValue:")
    if name not in ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike"):
        return False
    values = node.words()
    return bool(values) and (power.marked or all(value.strip("*?") for value in values))
