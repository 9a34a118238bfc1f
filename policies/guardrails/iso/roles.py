"""AWS identities: each tier its own role, which its pods alone can take on, and which ends at the retailer's own."""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.aws.grants import role_of
from guardrails.aws.iam import Statement, statements
from guardrails.graph import Graph
from guardrails.iso.aws_names import names_of, secrets_of
from guardrails.reading import Node
from guardrails.resource import Resource, family
from guardrails.rule import Protects, Severity, Violation, stack_rule

PODS: Final = "pods.eks.amazonaws.com"
TAGS: Final = {
    "eks-cluster-name": "clusterName",
    "kubernetes-namespace": "namespace",
    "kubernetes-service-account": "serviceAccount",
}
"""Session tags that EKS sets, by the input of the association that they repeat."""

IRSA: Final = "eks.amazonaws.com/role-arn"


@stack_rule(
    "iso-05",
    of=(
        kinds.POD_IDENTITY_ASSOCIATION,
        kinds.IAM_ROLE,
        kinds.IAM_ROLE_POLICY,
        kinds.IAM_ROLE_POLICY_ATTACHMENT,
        kinds.SERVICE_ACCOUNT,
        kinds.IAM_POLICY,
        kinds.BUCKET_POLICY,
    ),
    severity=Severity.CRITICAL,
    says="Every tier has an AWS role of its own, which only its own pods can take on, and which reaches the retailer's "
    "own buckets by prefix, its own secrets and its own key.",
    why="A role that any association in the account could hand out, or that says bucket/*, makes one exploited plugin "
    "the reader of every retailer's attachments; a shared one hides in CloudTrail who it was.",
    fix="one PodIdentityAssociation and role per ServiceAccount; trust with StringEquals on the three session tags; "
    "resources of the retailer's own name, objects below a prefix, keys by kms:ResourceAliases; no managed policies",
    scenario="The storefront's credentials leak in a core dump: they open the pictures of that one shop, nothing else.",
    implies=(
        "iso-03",
        "iso-04",
        "iso-06",
        "bk-01",
        "bk-02",
        "bk-05",
        "bk-06",
        "bk-07",
        "bk-08",
        "bk-09",
        "bk-11",
        "sec-02",
        "sec-15",
    ),
    protects=Protects.ISOLATION,
)
def own_role(resource: Resource, graph: Graph) -> Iterable[Violation]:
    match resource.family:
        case found if found == family(kinds.POD_IDENTITY_ASSOCIATION):
            yield from _association(resource, graph)
        case found if found == family(kinds.SERVICE_ACCOUNT):
            if resource.namespace in graph.rooms and IRSA in resource.annotations:
                yield Violation(resource, f"takes on {resource.annotations[IRSA]} by annotation, beside Pod Identity")
        case found if found == family(kinds.IAM_ROLE):
            yield from _role(resource, graph)
        case found if found == family(kinds.IAM_ROLE_POLICY_ATTACHMENT):
            for role in graph.sources(resource, "role", kinds.IAM_ROLE) or _named(resource.at("role"), graph):
                if _is_tenants(role, graph):
                    yield Violation(resource, f"gives {role.text('name')} a managed policy, which knows no retailers")
        case found if found == family(kinds.BUCKET_POLICY):
            yield from _bucket_policy(resource, graph)
        case found if found == family(kinds.IAM_POLICY):
            yield Violation(resource, "is a policy by itself, which any role may be given")
        case _:
            owner = role_of(resource, graph)
            if owner is None:
                yield Violation(resource, "belongs to no role of this stack")
            elif _is_tenants(owner, graph):
                for statement in statements(resource.at("policy")):
                    for told in _beyond(statement, owner, graph):
                        yield Violation(resource, told)


def _named(node: Node, graph: Graph) -> list[Resource]:
    if not node.known():
        return []
    name = node.text("", "").rpartition("/")[2]
    return [each for each in graph.all(kinds.IAM_ROLE) if each.known("name") and each.text("name", "") == name]


# Associations, and who can take a role on


def _association(association: Resource, graph: Graph) -> Iterator[Violation]:
    namespace, account = association.text("namespace"), association.text("serviceAccount")
    roles = graph.sources(association, "roleArn", kinds.IAM_ROLE)
    if len(roles) != 1:
        yield Violation(association, "gives pods a role that is none of this stack")
        return
    if namespace not in graph.rooms and not (graph.contract.owns_cluster and namespace in _operators(graph)):
        yield Violation(association, f"gives a role to pods of {namespace}, which is not this stack's")
    if "*" in account or account in ("", "default"):
        yield Violation(association, f"gives a role to ServiceAccount {account or 'of no name'}, which is everybody's")
    for other in graph.all(kinds.POD_IDENTITY_ASSOCIATION):
        if other is not association and roles[0] in graph.sources(other, "roleArn", kinds.IAM_ROLE):
            yield Violation(association, f"shares {roles[0].text('name')} with {other.name}: one role for two")
    if association.has("targetRoleArn"):
        yield Violation(association, "passes its pods on to another role")
    trusted = [each for each in statements(roles[0].at("assumeRolePolicy")) if each.allows and PODS in each.principals]
    if not any(_pins(each, association) for each in trusted):
        yield Violation(
            association, f"{roles[0].text('name')} is not bound to {namespace}/{account}: other pods could have it"
        )
    if namespace in graph.rooms and not _is_used(namespace, account, graph):
        yield Violation(association, f"no pod of this stack runs as {namespace}/{account}")


def _is_used(namespace: str, account: str, graph: Graph) -> bool:
    made = graph.named(kinds.SERVICE_ACCOUNT, namespace, account)
    clusters = graph.named(kinds.POSTGRES_CLUSTER, namespace, account)
    return made is not None or clusters is not None


def _operators(graph: Graph) -> set[str]:
    return {"kube-system", *(each.text("namespace", "") for each in graph.all(kinds.HELM_RELEASE))}


def _pins(statement: Statement, association: Resource) -> bool:
    """Whether a trust is for the pods of that association alone."""
    tags = _equals(statement)
    for tag, key in TAGS.items():
        said = tags.get(f"aws:RequestTag/{tag}")
        if not association.known(key):
            if said is None:
                return False
        elif said != [association.text(key)]:
            return False
    return True


def _equals(statement: Statement) -> dict[str, list[str]]:
    block = statement.conditions.entries("StringEquals")
    return {key: node.words() for key, node in block.items()}


def _role(role: Resource, graph: Graph) -> Iterator[Violation]:
    if not role.known("assumeRolePolicy"):
        # Known after deployment alone where it names the role of an operator that is made with it.
        if not graph.sources(role, "assumeRolePolicy", kinds.IAM_ROLE, kinds.EKS_CLUSTER):
            raise role.at("assumeRolePolicy").unjudged("is not known, nor made from a role or cluster of this stack")
    else:
        for statement in statements(role.at("assumeRolePolicy")):
            yield from _trusted(role, statement, graph)
    if _is_tenants(role, graph):
        if role.items("managedPolicyArns"):
            yield Violation(role, "has managed policies, which know no retailers")
        for inline in role.items("inlinePolicies"):
            for statement in statements(inline.at("policy")):
                for told in _beyond(statement, role, graph):
                    yield Violation(role, told)


def _trusted(role: Resource, statement: Statement, graph: Graph) -> Iterator[Violation]:
    if not statement.allows:
        return
    if not statement.principals:
        yield Violation(role, "trusts everybody but those that it names")
    for who in statement.principals:
        if who == PODS:
            tags = _equals(statement)
            for tag in TAGS:
                values = tags.get(f"aws:RequestTag/{tag}", [])
                if len(values) != 1 or "*" in values[0]:
                    yield Violation(
                        role, f"any association could hand it out: its trust doesn't pin {tag} to one value"
                    )
            if not _is_given(role, graph):
                yield Violation(role, "is for pods, and no association of this stack gives it to any")
        elif who == "*" or who.endswith((":root", "/*")) or re.fullmatch(r"[0-9]{12}", who):
            yield Violation(role, f"{who} may take it on: a whole account, or everybody")
        elif ":oidc-provider/" in who or ":saml-provider/" in who:
            yield Violation(role, f"{who} may take it on: whoever it says somebody is")
        elif who.startswith("arn:") and f"::{graph.contract.given.text('account')}:" not in who:
            yield Violation(role, f"{who} may take it on, of another account")


def _is_given(role: Resource, graph: Graph) -> bool:
    listed = graph.all(kinds.POD_IDENTITY_ASSOCIATION)
    addons = graph.all(kinds.EKS_ADDON)
    return any(role in graph.sources(each, "roleArn", kinds.IAM_ROLE) for each in listed) or any(
        role in graph.sources(each, "podIdentityAssociations", kinds.IAM_ROLE) for each in addons
    )


# What a role reaches


def _is_tenants(role: Resource, graph: Graph) -> bool:
    """Whether a role acts for a retailer: for its pods, its secrets or its copies; operators' act for the cluster."""
    for association in graph.all(kinds.POD_IDENTITY_ASSOCIATION):
        if role in graph.sources(association, "roleArn", kinds.IAM_ROLE):
            return association.text("namespace") in graph.rooms
    if not role.known("assumeRolePolicy"):
        return True
    services = [who for each in statements(role.at("assumeRolePolicy")) for who in each.principals]
    return not all(who.endswith(".amazonaws.com") and who != "s3.amazonaws.com" for who in services)


def _beyond(statement: Statement, role: Resource, graph: Graph) -> Iterator[str]:
    """What a statement allows beyond the retailer's own."""
    if not statement.allows:
        return
    if statement.not_actions or any("*" in action for action in statement.actions):
        yield "allows actions by pattern, and so what AWS adds tomorrow"
    if statement.not_resources or not statement.resources:
        yield "allows all resources but some"
    copies = "s3.amazonaws.com" in _trust(role)
    for arn in statement.resources:
        if told := _outside(arn, statement, copies, graph):
            yield f"allows {', '.join(sorted(statement.actions)[:3])} on {arn}: {told}"


def _trust(role: Resource) -> set[str]:
    if not role.known("assumeRolePolicy"):
        return set()
    return {who for each in statements(role.at("assumeRolePolicy")) for who in each.principals}


def _outside(arn: str, statement: Statement, copies: bool, graph: Graph) -> str:
    """Why an ARN is not the retailer's own; empty if it is."""
    names, secrets = f"{names_of(graph)}-", f"{secrets_of(graph)}/"
    parts = arn.split(":", 5)
    if len(parts) != 6:
        return "everything"
    service, rest = parts[2], parts[5]
    if service == "s3":
        bucket, _, key = rest.partition("/")
        if "*" in bucket or "?" in bucket or not (bucket.startswith(names) or _is_bucket(bucket, graph)):
            return "not a bucket of the retailer's"
        literal = re.split(r"[*?]", key)[0]
        if "/" in rest and "/" not in literal and not copies:
            return "every object of the bucket, not those below a prefix"
    elif service == "secretsmanager":
        if not rest.startswith(f"secret:{secrets}"):
            return "not the retailer's secrets"
    elif service == "kms":
        if not _by_own_key(statement, graph):
            return "any key, as no condition names the retailer's own alias or bucket"
    elif names.rstrip("-") not in rest:
        return "not the retailer's by name"
    return ""


def _is_bucket(name: str, graph: Graph) -> bool:
    return any(each.known("bucket") and each.text("bucket", "") == name for each in graph.all(kinds.BUCKET))


def _by_own_key(statement: Statement, graph: Graph) -> bool:
    aliases = {each.text("name") for each in graph.all(kinds.KMS_ALIAS) if each.known("name")}
    names = f"{names_of(graph)}-"
    for operator, block in statement.conditions.entries().items():
        if operator.removeprefix("ForAnyValue:") not in ("StringEquals", "StringLike"):
            continue  # ForAllValues and IfExists hold where there is no such key at all
        for key, node in block.entries().items():
            values = node.words()
            if key == "kms:ResourceAliases" and values and aliases >= {*values}:
                return True
            if key == "kms:EncryptionContext:aws:s3:arn" and values:
                buckets = [value.removeprefix("arn:aws:s3:::").partition("/")[0] for value in values]
                if all(each.startswith(names) and "*" not in each and "?" not in each for each in buckets):
                    return True
    return False


def _bucket_policy(policy: Resource, graph: Graph) -> Iterator[Violation]:
    """A bucket lets in its own account's IAM, and roles of this stack."""
    own = {each.text("name") for each in graph.all(kinds.IAM_ROLE) if each.known("name") and each.has("name")}
    account = graph.contract.given.text("account")
    for statement in statements(policy.at("policy")):
        if not statement.allows:
            continue
        if not statement.principals:
            yield Violation(policy, "lets in everybody but those that it names")
        for who in statement.principals:
            if who.startswith(f"arn:aws:iam::{account}:role/") and who.rpartition("/")[2] in own:
                continue
            yield Violation(policy, f"lets in {who}, which is no role of this stack")
