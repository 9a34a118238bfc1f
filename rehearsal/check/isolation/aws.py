"""AWS: roles are given to a stack's own pods, and what they allow ends at the stack's own buckets, secrets and keys."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from rehearsal.check.isolation.estate import COMMON, EKS_CLUSTER, AwsResource, Estate, Leak, Tenant

ROLE: Final = "aws:iam/role:Role"
ASSOCIATION: Final = "aws:eks/podIdentityAssociation:PodIdentityAssociation"
ADDON: Final = "aws:eks/addon:Addon"
RESOURCE_POLICIES: Final = {"aws:s3/bucketPolicy:BucketPolicy": "policy", "aws:kms/key:Key": "policy"}
HELD: Final = {
    "s3": "aws:s3/bucket:Bucket",
    "secretsmanager": "aws:secretsmanager/secret:Secret",
    "kms": "aws:kms/key:Key",
    "sts": ROLE,
    "elasticache": "aws:elasticache/replicationGroup:ReplicationGroup",
}
"""What a tenant has that another's policy could reach, by the service prefix of the actions for it."""


@dataclass(frozen=True)
class Statement:
    """One Allow statement. `condition` is kept as it stands."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: dict[str, Any]
    principals: tuple[str, ...]


def leaks(estate: Estate) -> Iterator[Leak]:
    for tenant in estate.tenants.values():
        yield from _given_to_pods(estate, tenant)
        yield from _permissions(estate, tenant)
        yield from _trust(estate, tenant)
        yield from _resource_policies(estate, tenant)


def statements(document: Any) -> list[Statement]:
    """The Allow statements of a policy document (JSON text). NotAction, NotResource and NotPrincipal count as all."""
    parsed = json.loads(document) if isinstance(document, str) else {}
    return [
        Statement(
            actions=_listed(entry, "Action"),
            resources=_listed(entry, "Resource"),
            condition=entry.get("Condition", {}),
            principals=_principals(entry),
        )
        for entry in _as_list(parsed.get("Statement"))
        if entry.get("Effect") == "Allow"
    ]


def _listed(entry: dict[str, Any], field: str) -> tuple[str, ...]:
    return ("*",) if f"Not{field}" in entry else tuple(map(str, _as_list(entry.get(field))))


def _principals(entry: dict[str, Any]) -> tuple[str, ...]:
    principal = "*" if "NotPrincipal" in entry else entry.get("Principal", {})
    if isinstance(principal, str):
        return (principal,)
    return tuple(str(name) for names in principal.values() for name in _as_list(names))


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _given_to_pods(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    own = {each.outputs["arn"] for each in tenant.of_type(ROLE)}
    hosting = tenant.stack == estate.hosts[tenant.stack]
    for each in tenant.of_type(ASSOCIATION):
        estate.compared["roles of pods"] += 1
        namespace, where = each.inputs["namespace"], str(each)
        owner = estate.owner_of_namespace(tenant, namespace)
        operators = owner is None and hosting
        if namespace in COMMON or (owner is not tenant and not operators):
            other = owner.stack if owner and owner is not tenant else ""
            yield Leak(tenant.stack, other, where, f"gives a role to pods of namespace {namespace}")
        if each.inputs["roleArn"] not in own:
            yield Leak(tenant.stack, "", where, f"gives away {each.inputs['roleArn']}, which isn't its own role")


def _trust(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    """Who may take a role on: AWS services for themselves, EKS for exactly those pods, and External Secrets."""
    clusters = {each.outputs["name"] for each in estate.host(tenant).of_type(EKS_CLUSTER)}
    operators = {each.outputs["arn"] for each in estate.host(tenant).of_type(ROLE)}
    given = {
        each.inputs["roleArn"]: (each.inputs["namespace"], each.inputs["serviceAccount"])
        for each in tenant.of_type(ASSOCIATION)
    }
    for addon in tenant.of_type(ADDON):  # EKS makes their associations, in the namespace that its add-ons have
        for each in addon.inputs.get("podIdentityAssociations", []):
            given[each["roleArn"]] = ("kube-system", each["serviceAccount"])
    for role in tenant.of_type(ROLE):
        for statement in statements(role.inputs["assumeRolePolicy"]):
            estate.compared["trust policies"] += 1
            for principal in statement.principals:
                if principal == "pods.eks.amazonaws.com":
                    tags = statement.condition.get("StringEquals", {})
                    wanted = given.get(role.outputs["arn"])
                    found = (
                        tags.get("aws:RequestTag/kubernetes-namespace"),
                        tags.get("aws:RequestTag/kubernetes-service-account"),
                    )
                    if tags.get("aws:RequestTag/eks-cluster-name") not in clusters or found != wanted:
                        yield Leak(tenant.stack, "", str(role), f"any association but {wanted} could hand it out")
                elif not principal.endswith(".amazonaws.com") and principal not in operators:
                    yield Leak(tenant.stack, "", str(role), f"{principal} may take it on")


def _permissions(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    """No statement of an own role fits what another stack holds. Conditions are taken to be met, but for keys that are
    named by alias, or used for one's own buckets. A role may be allowed to take on roles by pattern: those must trust
    it (`_trust` looks at them)."""
    for policy in tenant.of_type("aws:iam/rolePolicy:RolePolicy", "aws:iam/policy:Policy"):
        for statement in statements(policy.inputs["policy"]):
            for other in estate.others(tenant):
                for arn in _reached(statement, other):
                    estate.compared["permissions"] += 1
                    if arn and not (estate.host(other) is tenant and _for_volumes(statement)):
                        yield Leak(tenant.stack, other.stack, str(policy), f"allows {statement.actions[0]} on {arn}")
    attached = {each.inputs["role"] for each in tenant.of_type("aws:iam/rolePolicyAttachment:RolePolicyAttachment")}
    pods = {each.inputs["roleArn"].rpartition("/")[2]: each for each in tenant.of_type(ASSOCIATION)}
    for role in sorted(attached & pods.keys()):
        if pods[role].inputs["namespace"] in tenant.namespaces:
            yield Leak(tenant.stack, "", f"Role {role}", "has a managed policy, which knows no tenants")


def _reached(statement: Statement, other: Tenant) -> Iterator[str]:
    """ARNs of `other` that the statement fits; an empty text for each that it doesn't."""
    services = {action.partition(":")[0].lower() for action in statement.actions}
    for service, held in HELD.items():
        if not services & {service, "*"} or _only_who_trusts(statement):
            continue
        for each in other.of_type(held):
            arn = str(each.outputs["arn"])
            inside = f"{arn}/anything" if service == "s3" else arn
            fits = any(_pattern(pattern).fullmatch(name) for pattern in statement.resources for name in (arn, inside))
            meant = _meant_by_alias(statement, other, each) and _meant_by_context(statement, other)
            yield arn if fits and meant else ""


def _meant_by_alias(statement: Statement, other: Tenant, key: AwsResource) -> bool:
    """Whether a condition on `kms:ResourceAliases` lets the key through; without one every key is meant."""
    patterns = [
        str(pattern)
        for operator, condition in statement.condition.items()
        if operator.removeprefix("ForAnyValue:") in ("StringLike", "StringEquals")
        for pattern in _as_list(condition.get("kms:ResourceAliases"))
    ]
    aliases = [
        str(alias.inputs["name"])
        for alias in other.of_type("aws:kms/alias:Alias")
        if alias.inputs["targetKeyId"] in (key.outputs.get("keyId"), key.outputs.get("arn"))
    ]
    return not patterns or any(_pattern(pattern).fullmatch(alias) for pattern in patterns for alias in aliases)


def _meant_by_context(statement: Statement, other: Tenant) -> bool:
    """Whether a condition on the encryption context that S3 gives lets any bucket of `other` through."""
    patterns = [
        str(pattern)
        for condition in statement.condition.values()
        for pattern in _as_list(condition.get("kms:EncryptionContext:aws:s3:arn"))
    ]
    buckets = [str(each.outputs["arn"]) for each in other.of_type(HELD["s3"])]
    contexts = [context for bucket in buckets for context in (bucket, f"{bucket}/anything")]
    return not patterns or any(_pattern(pattern).fullmatch(context) for pattern in patterns for context in contexts)


def _for_volumes(statement: Statement) -> bool:
    """A cluster's driver makes the volumes of all who live there, with their keys, through EC2 alone."""
    service = str(statement.condition.get("StringEquals", {}).get("kms:ViaService", ""))
    return service.startswith("ec2.") and all(action.startswith("kms:") for action in statement.actions)


def _only_who_trusts(statement: Statement) -> bool:
    """Taking on a role needs the role's own consent as well, which is looked at from its side."""
    return all(action in ("sts:AssumeRole", "sts:TagSession") for action in statement.actions)


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    """An ARN with IAM's wildcards. Prefixes inside a bucket don't matter here: every bucket is one stack's."""
    return re.compile("".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in pattern))


def _resource_policies(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    """Buckets and keys let in the account's own administration and the stack's own roles."""
    own = {each.outputs["arn"] for each in tenant.of_type(ROLE)}
    for resource in tenant.of_type(*RESOURCE_POLICIES):
        for statement in statements(resource.inputs.get(RESOURCE_POLICIES[resource.type])):
            estate.compared["resource policies"] += 1
            for principal in statement.principals:
                if not (principal in own or principal.endswith(":root") or _through_a_service(statement, principal)):
                    yield Leak(tenant.stack, "", str(resource), f"lets in {principal}")


def _through_a_service(statement: Statement, principal: str) -> bool:
    """AWS services, and volumes: EC2 uses a key for whoever may attach them (components/encryption.py)."""
    equals = statement.condition.get("StringEquals", {})
    return principal.endswith(".amazonaws.com") or {"kms:CallerAccount", "kms:ViaService"} <= equals.keys()
