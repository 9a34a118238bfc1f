"""Who may do what in AWS: the documents that a role has, and what a statement in one reaches."""

import fnmatch
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from guardrails import kinds
from guardrails.aws.iam import Statement, statements
from guardrails.resource import Resource

if TYPE_CHECKING:
    from guardrails.graph import Graph

RUN_BY_NOBODY: Final = ("eks.amazonaws.com", "vpc-flow-logs.amazonaws.com", "monitoring.rds.amazonaws.com")
"""Services whose roles no pod, node or person takes on; what such a role may do may be known only after deployment."""


def covers(statement: Statement, arn: str) -> bool:
    """Whether a statement is about what has this ARN; `*` and `?` are wildcards on either side."""
    patterns = statement.not_resources or statement.resources
    if not patterns:
        return True
    hit = any(fnmatch.fnmatchcase(arn, pattern) or fnmatch.fnmatchcase(pattern, arn) for pattern in patterns)
    return hit is not bool(statement.not_resources)


def statements_of(role: Resource, graph: "Graph") -> Iterator[Statement]:
    """What the inline policies of a role say."""
    for policy in graph.all(kinds.IAM_ROLE_POLICY):
        if graph.means(policy, "role", role):
            yield from statements(policy.at("policy"))
    for inline in role.items("inlinePolicies"):
        yield from statements(inline.at("policy"))


def granted_to(account: str, namespace: str, graph: "Graph") -> list[Statement]:
    """What the roles say that Pod Identity gives to a ServiceAccount."""
    return [
        statement
        for each in graph.all(kinds.POD_IDENTITY_ASSOCIATION)
        if (each.text("namespace"), each.text("serviceAccount")) == (namespace, account)
        for role in graph.sources(each, "roleArn", kinds.IAM_ROLE)
        for statement in statements_of(role, graph)
    ]


def role_of(policy: Resource, graph: "Graph") -> Resource | None:
    """The role of this stack that an inline policy is for."""
    return next((role for role in graph.all(kinds.IAM_ROLE) if graph.means(policy, "role", role)), None)


def is_run_by_nobody(role: Resource | None) -> bool:
    """Whether a role of this stack is for such services alone."""
    if role is None:
        return False
    trusted = [who for each in statements(role.at("assumeRolePolicy")) for who in each.principals]
    return bool(trusted) and all(who in RUN_BY_NOBODY for who in trusted)


def allowed(said: Iterable[Statement], action: str, arn: str) -> bool:
    """Whether `said` lets an action be done to what has this ARN, conditions left aside: allowed, and not denied."""
    about = [each for each in said if each.takes(action) and covers(each, arn)]
    return any(each.allows for each in about) and not any(_denies(each) for each in about)


def _denies(statement: Statement) -> bool:
    return not statement.allows and not statement.conditions.has()
