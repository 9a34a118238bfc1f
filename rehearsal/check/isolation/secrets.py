"""Secrets: what a stack copies out of Secrets Manager it has put there, through a store and with a role of its own."""

from collections.abc import Iterator
from typing import Final

from rehearsal.check.isolation.estate import Estate, Leak, Tenant

COPY: Final = "ExternalSecret.external-secrets.io"
STORE: Final = "SecretStore.external-secrets.io"
WIDE: Final = ("ClusterSecretStore", "ClusterExternalSecret", "PushSecret")
"""Kinds of External Secrets that reach beyond a namespace, or write."""


def leaks(estate: Estate) -> Iterator[Leak]:
    for tenant in estate.tenants.values():
        yield from _copies(estate, tenant)
        yield from _stores(estate, tenant)
        for item in tenant.objects:
            if item.where.kind in WIDE:
                yield Leak(tenant.stack, "", str(item.where), "reaches beyond its namespace")


def _copies(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    own = {name for each in tenant.of_type("aws:secretsmanager/secret:Secret") for name in _names(each.outputs)}
    stores = {(item.namespace, item.name) for item in tenant.of_kind(STORE)}
    for item in tenant.of_kind(COPY):
        spec = item.root["spec"]
        store = spec["secretStoreRef"]
        if store["kind"].text("SecretStore") != "SecretStore" or (item.namespace, store["name"].value) not in stores:
            yield Leak(tenant.stack, "", str(item.where), f"reads through a store that isn't its own: {store.value}")
        for entry in spec["dataFrom"]:
            if entry["find"]:
                yield Leak(tenant.stack, "", str(item.where), "copies whatever fits a pattern")
        for place in (*(entry["remoteRef"] for entry in spec["data"]), *(each["extract"] for each in spec["dataFrom"])):
            if not place:
                continue
            estate.compared["copied secrets"] += 1
            if place["key"].value not in own:
                yield Leak(
                    tenant.stack, "", f"{item.where}: {place.path}", f"copies {place['key'].value}, not its own secret"
                )


def _names(outputs: dict[str, str]) -> tuple[str, str]:
    return outputs["name"], outputs["arn"]


def _stores(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    roles = {each.outputs["arn"] for each in tenant.of_type("aws:iam/role:Role")}
    for item in tenant.of_kind(STORE):
        estate.compared["stores"] += 1
        role = item.root.down("spec", "provider", "aws", "role").value
        if role not in roles:
            yield Leak(tenant.stack, "", str(item.where), f"reads as {role or 'the operator itself'}, not its own role")
