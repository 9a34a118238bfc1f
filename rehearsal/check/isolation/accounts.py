"""Kubernetes rights: nobody is bound to another's namespace, and no team of one retailer is let into another's."""

from collections.abc import Iterator
from typing import Final

from rehearsal.check.isolation.estate import COMMON, Estate, Leak, Tenant

ROLE: Final = "Role.rbac.authorization.k8s.io"
BINDING: Final = "RoleBinding.rbac.authorization.k8s.io"
CLUSTER_BINDING: Final = "ClusterRoleBinding.rbac.authorization.k8s.io"
ACCESS_ENTRY: Final = "aws:eks/accessEntry:AccessEntry"


def leaks(estate: Estate) -> Iterator[Leak]:
    for tenant in estate.tenants.values():
        yield from _accounts(estate, tenant)
        yield from _roles_elsewhere(estate, tenant)
        yield from _people(estate, tenant)


def _accounts(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    hosting = tenant.stack == estate.hosts[tenant.stack]
    own = {(item.namespace, item.name) for item in tenant.of_kind("ServiceAccount")}
    for item in tenant.of_kind(BINDING, CLUSTER_BINDING):
        for subject in item.root["subjects"]:
            estate.compared["bound subjects"] += 1
            if item.kind == CLUSTER_BINDING and not hosting:
                yield Leak(tenant.stack, "", str(item.where), "gives rights in every namespace")
            if subject["kind"].value == "ServiceAccount":
                namespace = subject["namespace"].text(item.namespace or "")
                owner = estate.owner_of_namespace(tenant, namespace)
                elsewhere = owner not in (tenant, None) or namespace in COMMON
                if elsewhere and (namespace, subject["name"].value) not in own:
                    other = owner.stack if owner and owner is not tenant else ""
                    yield Leak(tenant.stack, other, str(item.where), f"binds {namespace}'s pods")


def _roles_elsewhere(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    """A Role in another's or a common namespace is about objects by name, and the names are the tenant's own; what is
    bound there is such a Role, and none that is about everything in the namespace."""
    roles = {(item.namespace, item.name) for item in tenant.of_kind(ROLE)}
    for item in tenant.of_kind(ROLE, BINDING):
        owner = estate.owner_of_namespace(tenant, item.namespace or "")
        if owner is None or (owner is tenant and item.namespace not in COMMON):
            continue
        other = "" if owner is tenant else owner.stack
        bound = item.root["roleRef"]
        if item.kind == BINDING and (
            bound["kind"].value != "Role" or (item.namespace, bound["name"].value) not in roles
        ):
            yield Leak(tenant.stack, other, str(item.where), "binds a role that is not its own")
        for rule in item.root["rules"]:
            estate.compared["rights in another's namespace"] += 1
            names = [str(entry.value) for entry in rule["resourceNames"]]
            if not names or not all(map(tenant.owns_name, names)):
                message = f"{rule.path} is about objects that are not its own"
                yield Leak(tenant.stack, other, str(item.where), message)


def _people(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    """A binding lets in groups that its own stack's access entries hand out, or its cluster's: who hands a group out
    says who is in it."""
    handed_out = {*_groups(tenant), *_groups(estate.host(tenant))}
    for item in tenant.of_kind(BINDING, CLUSTER_BINDING):
        for subject in item.root["subjects"]:
            if subject["kind"].value == "Group":
                estate.compared["groups of people"] += 1
                if subject["name"].value not in handed_out:
                    message = f"lets in {subject['name'].value}, whom its own access entries don't hand out"
                    yield Leak(tenant.stack, "", str(item.where), message)


def _groups(tenant: Tenant) -> set[str]:
    entries = tenant.of_type(ACCESS_ENTRY)
    return {str(group) for entry in entries for group in entry.inputs.get("kubernetesGroups") or ()}
