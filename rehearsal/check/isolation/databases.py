"""PostgreSQL: a role of one retailer gets into no database of another's, and no archive holds two histories."""

import configparser
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rehearsal.check.cursor import Cursor
from rehearsal.check.inventory import Declared
from rehearsal.check.isolation.estate import DATABASE_CLUSTER, Estate, Leak, Tenant

DATABASE: Final = "Database.postgresql.cnpg.io"
ROLE: Final = "DatabaseRole.postgresql.cnpg.io"
OBJECT_STORE: Final = "ObjectStore.barmancloud.cnpg.io"
CONF: Final = "odoo.conf"
DEFAULT_RULE: Final = "host all all all scram-sha-256"
"""What CloudNativePG puts after the rules given (its docs/src/postgresql_conf.md): everybody in, everywhere."""


@dataclass(frozen=True)
class Lodger:
    """A retailer's place in a PostgreSQL cluster: one database, and the roles that get in as it."""

    tenant: Tenant
    database: str
    roles: frozenset[str]


def leaks(estate: Estate) -> Iterator[Leak]:
    for tenant in estate.tenants.values():
        for cluster in tenant.of_kind(DATABASE_CLUSTER):
            yield from _lodgers(estate, tenant, cluster)
        yield from _clients(estate, tenant)
    yield from _archives(estate)


def _lodgers(estate: Estate, owner: Tenant, cluster: Declared) -> Iterator[Leak]:
    """All pairs of those who live in one cluster: first by name, then by its pg_hba."""
    rules = [entry.text() for entry in cluster.root.down("spec", "postgresql", "pg_hba")]
    found = list(_living_in(estate, owner, cluster))
    for one in found:
        for other in found:
            if one.tenant is other.tenant:
                continue
            estate.compared["roles before databases"] += 1
            if one.database == other.database or one.roles & other.roles:
                yield Leak(one.tenant.stack, other.tenant.stack, str(cluster.where), "both have that database or role")
            for role in sorted(one.roles):
                if admits(rules, role, other.database):
                    message = f"role {role} gets into database {other.database}"
                    yield Leak(one.tenant.stack, other.tenant.stack, str(cluster.where), message)


def _living_in(estate: Estate, owner: Tenant, cluster: Declared) -> Iterator[Lodger]:
    spec = cluster.root["spec"]
    own = spec.down("bootstrap", "initdb", "database").text()
    roles = {spec.down("bootstrap", "initdb", "owner").text(), *spec.down("managed", "roles").each("name")}
    yield Lodger(owner, own, frozenset(roles))
    for tenant in estate.neighbours(owner):
        databases = [item for item in tenant.of_kind(DATABASE) if _is_in(item, cluster)]
        roles_here = {item.root.down("spec", "name").text() for item in tenant.of_kind(ROLE) if _is_in(item, cluster)}
        for item in databases:
            yield Lodger(tenant, item.root.down("spec", "name").text(), frozenset(roles_here))


def _is_in(item: Declared, cluster: Declared) -> bool:
    return (item.namespace, item.root.down("spec", "cluster", "name").value) == (cluster.namespace, cluster.name)


def admits(rules: list[str], role: str, database: str) -> bool:
    """Whether a network connection of that role to that database is let in: PostgreSQL takes the first rule that fits,
    and CloudNativePG adds one that always does."""
    for rule in (*rules, DEFAULT_RULE):
        kind, databases, roles, *rest = rule.split()
        names = databases.split(",")
        fits = bool({"all", database} & {*names}) or ("sameuser" in names and role == database)
        if kind != "local" and fits and {"all", role} & {*roles.split(",")}:
            return rest[-1] != "reject"
    return False


def _clients(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    """odoo.conf names the one database the retailer has, and never a list or a pattern that fits another's."""
    own = {item.root.down("spec", "name").text() for item in tenant.of_kind(DATABASE)}
    own |= {
        item.root.down("spec", "bootstrap", "initdb", "database").text() for item in tenant.of_kind(DATABASE_CLUSTER)
    }
    for item in tenant.of_kind("ExternalSecret.external-secrets.io"):
        text = item.root.down("spec", "target", "template", "data", CONF).text()
        if not isinstance(text, str) or not text:
            continue
        estate.compared["configurations of Odoo"] += 1
        conf = configparser.RawConfigParser()
        conf.read_string(text)
        database = conf.get("options", "db_name", fallback="")
        if database not in own or conf.get("options", "dbfilter", fallback="") != f"^{database}$":
            yield Leak(tenant.stack, "", str(item.where), f"Odoo serves database {database or 'of any name'}")


def _archives(estate: Estate) -> Iterator[Leak]:
    """Each history has a folder of its own, in a bucket of its own stack."""
    writers: dict[tuple[str, str], Tenant] = {}
    for tenant in estate.tenants.values():
        buckets = {each.outputs["bucket"] for each in tenant.of_type("aws:s3/bucket:Bucket")}
        stores = {(item.namespace, item.name): _path(item.root) for item in tenant.of_kind(OBJECT_STORE)}
        for item in tenant.of_kind(OBJECT_STORE):
            estate.compared["archives"] += 1
            if _anywhere(_path(item.root).removeprefix("s3://").partition("/")[0]) not in map(_anywhere, buckets):
                yield Leak(tenant.stack, "", str(item.where), f"is in {_path(item.root)}, not a bucket of its own")
        for cluster in tenant.of_kind(DATABASE_CLUSTER):
            for plugin in cluster.root["spec"]["plugins"]:
                parameters = plugin["parameters"]
                store = (cluster.namespace, parameters["barmanObjectName"].text())
                folder = (stores.get(store, ""), parameters["serverName"].text(cluster.name))
                other = writers.setdefault(folder, tenant)
                if other is not tenant or not folder[0]:
                    yield Leak(tenant.stack, other.stack, str(cluster.where), f"archives to {'/'.join(folder)}")


def _anywhere(bucket: str) -> str:
    """A bucket's name without its region: the database's other end has one of the same name there."""
    return re.sub(r"-[a-z]{2}(-[a-z]+)+-[0-9]$", "", bucket)


def _path(root: Cursor) -> str:
    return str(root.down("spec", "configuration", "destinationPath").text())
