"""Names: no two stacks have one in common, none stands in another's namespace, none names what is another's."""

import re
from collections.abc import Iterator
from typing import Any, Final

from rehearsal.check.cursor import Cursor
from rehearsal.check.isolation.estate import COMMON, DATABASE_CLUSTER, EKS_CLUSTER, Estate, Leak, Tenant

IDENTIFYING: Final = {
    "aws:cloudwatch/logGroup:LogGroup": ("name",),
    "aws:eks/nodeGroup:NodeGroup": ("nodeGroupNamePrefix",),
    "aws:elasticache/replicationGroup:ReplicationGroup": ("replicationGroupId", "primaryEndpointAddress"),
    "aws:iam/role:Role": ("name", "arn"),
    "aws:kms/alias:Alias": ("name",),
    "aws:kms/key:Key": ("arn", "keyId"),
    "aws:kms/replicaKey:ReplicaKey": ("arn",),
    "aws:s3/bucket:Bucket": ("bucket", "arn"),
    "aws:secretsmanager/secret:Secret": ("name", "arn"),
}
"""What holds data or rights, and the properties that name it. The first one must be nobody else's: the accounts of
stacks may be the same."""

BESIDE_THE_DATABASE: Final = frozenset(
    {
        "Database.postgresql.cnpg.io",
        "DatabaseRole.postgresql.cnpg.io",
        "ExternalSecret.external-secrets.io",
        "Role.rbac.authorization.k8s.io",
        "RoleBinding.rbac.authorization.k8s.io",
        "SecretStore.external-secrets.io",
    }
)
"""Kinds that CloudNativePG wants in the namespace of the cluster, so a shared retailer has them there; and the right to
have them refreshed (what a Role there may say: accounts.py)."""

OF_A_SWITCH: Final = frozenset(
    {
        "ConfigMap",
        "CronJob.batch",
        "Role.rbac.authorization.k8s.io",
        "RoleBinding.rbac.authorization.k8s.io",
        "ServiceAccount",
    }
)
"""Kinds in a common namespace: the switch of a stack's freezes (components/freeze_switch.py)."""

SHARED_OUTPUTS: Final = frozenset({"shared_database", "edge_namespace", "namespace", "load_balancer"})
"""Stack outputs of a platform that only retailers of shared hosting have a use for."""

_SERVICES_OF_A_DATABASE: Final = ("rw", "ro", "r")

_HOST_CALL = re.compile(r"Host\(`([^`]+)`\)")


def leaks(estate: Estate) -> Iterator[Leak]:
    yield from _same_names(estate)
    for tenant in estate.tenants.values():
        yield from _foreign_places(estate, tenant)
        yield from _foreign_names(estate, tenant)


def _same_names(estate: Estate) -> Iterator[Leak]:
    owners: dict[tuple[str, ...], Tenant] = {}
    for tenant in estate.tenants.values():
        for address in _addresses(estate, tenant):
            estate.compared["names"] += 1
            other = owners.setdefault(address, tenant)
            if other is not tenant:
                yield Leak(tenant.stack, other.stack, " ".join(filter(None, address)), "both have this name")


def _addresses(estate: Estate, tenant: Tenant) -> Iterator[tuple[str, ...]]:
    """What must be one stack's alone: within the accounts for AWS, within the cluster for Kubernetes."""
    cluster = estate.hosts[tenant.stack]
    for item in tenant.objects:
        yield cluster, item.kind, item.namespace or "", item.name
    made = ((thing.namespace, thing.name) for thing in tenant.things if thing.kind == "Secret")
    for namespace, name in set(made):
        yield cluster, "Secret", str(namespace), str(name)
    for resource in tenant.of_type(*IDENTIFYING):
        yield resource.type, str(resource.outputs.get(IDENTIFYING[resource.type][0]))
    for entry in tenant.of_type("aws:eks/accessEntry:AccessEntry"):
        yield cluster, entry.type, str(entry.inputs["principalArn"])
    for host in set(hosts(tenant)):
        yield "host", host


def hosts(tenant: Tenant) -> Iterator[str]:
    """The hosts that its routes answer to."""
    for item in tenant.of_kind("IngressRoute.traefik.io"):
        for route in item.root["spec"]["routes"]:
            yield from _HOST_CALL.findall(route["match"].text())


def _foreign_places(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    """Objects are in their stack's own namespaces; those of a shared retailer beside its database, and all in common
    namespaces, begin with the name of its namespace there, so that they can't be taken for another's."""
    for item in tenant.objects:
        estate.compared["objects in their place"] += 1
        owner = estate.owner_of_namespace(tenant, item.namespace) if item.namespace else None
        if owner is None or owner is tenant:
            continue
        if item.namespace in COMMON:
            kinds = OF_A_SWITCH
        else:
            kinds = BESIDE_THE_DATABASE if estate.shares(tenant) and estate.host(tenant) is owner else frozenset()
        if item.kind not in kinds or not tenant.owns_name(item.name):
            yield Leak(tenant.stack, owner.stack, str(item.where), f"stands in {owner.stack}'s namespace")


def _foreign_names(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    """No input names what is another's, but for what a platform tells those it hosts."""
    texts = list(_inputs(tenant))
    for other in estate.others(tenant):
        names = identifiers(other) - _told(estate, tenant, other)
        if not names:
            continue
        pattern = re.compile(f"(?<![A-Za-z0-9-])({'|'.join(map(re.escape, sorted(names)))})(?![A-Za-z0-9-])")
        for where, text in texts:
            estate.compared["texts searched for names of others"] += 1
            if found := pattern.search(text):
                yield Leak(tenant.stack, other.stack, where, f"names {found[0]}, which is {other.stack}'s")


def identifiers(tenant: Tenant) -> set[str]:
    """Every name by which something of this stack alone can be meant, anywhere."""
    found: set[str] = set(hosts(tenant))
    for resource in tenant.of_type(*IDENTIFYING):
        found |= {str(resource.outputs[name]) for name in IDENTIFYING[resource.type] if resource.outputs.get(name)}
    for namespace in tenant.own_namespaces:
        databases = [item.name for item in tenant.of_kind(DATABASE_CLUSTER)]
        found |= {f"{name}-{suffix}.{namespace}" for name in databases for suffix in _SERVICES_OF_A_DATABASE}
        found |= {f"{item.name}.{namespace}" for item in tenant.of_kind("Service", "Pooler.postgresql.cnpg.io")}
    # An EKS cluster may have the name of its owner's namespace; those on the cluster may name it.
    clusters = {str(resource.outputs.get("name")) for resource in tenant.of_type(EKS_CLUSTER)}
    return (found | tenant.own_namespaces) - clusters


def _told(estate: Estate, tenant: Tenant, other: Tenant) -> set[str]:
    """What `tenant` may name of `other`: of its host what that exports, database and edge only where it shares them."""
    if estate.host(tenant) is not other:
        return set()
    hidden = frozenset() if estate.shares(tenant) else SHARED_OUTPUTS
    outputs = {name: value for name, value in other.evaluation.outputs.items() if name not in hidden}
    texts = [str(place.value) for place in Cursor(outputs).strings()]
    return {name for name in identifiers(other) if any(name in text for text in texts)}


def _inputs(tenant: Tenant) -> Iterator[tuple[str, str]]:
    """Every text in what the stack asks for, and where it stands."""
    for item in tenant.objects:
        yield from ((f"{item.where}: {place.path}", place.value) for place in item.root.strings())
        yield from ((f"{item.where}: {path}", key) for path, key in _keys(item.root.value))
    for resource in tenant.aws:
        cursor = Cursor(resource.inputs)
        yield from ((f"{resource}: {place.path}", place.value) for place in cursor.strings())


def _keys(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Names of fields: labels and file names can name something, too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield path, str(key)
            yield from _keys(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for item in value:
            yield from _keys(item, path)
