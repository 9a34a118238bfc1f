"""The PostgreSQL clusters of a picture."""

from collections.abc import Iterator, Sequence
from typing import Any

from rehearsal.report.picture.graph import Graph, Item
from rehearsal.report.picture.parts import Database, Pooler, Tier, Volume
from retail.naming import LABEL_POOL, LABEL_TENANT


def read_databases(graph: Graph, tiers: Sequence[Tier]) -> Iterator[Database]:
    """The stack's own clusters, and those of others that its tiers use."""
    used = {tier.database for tier in tiers}
    for item in sorted(graph.objects("postgresql.cnpg.io/Cluster"), key=lambda item: (item.borrowed, item.key)):
        if not item.borrowed or item.key in used:
            yield _database(graph, item)


def _database(graph: Graph, item: Item) -> Database:
    spec = item.spec
    selector = (spec.get("affinity") or {}).get("nodeSelector") or {}
    return Database(
        key=item.key,
        instances=spec["instances"],
        pool=(selector.get(LABEL_POOL, ""), selector.get(LABEL_TENANT, "")),
        image=_version(str(spec.get("imageName"))),
        compute=_compute((spec.get("resources") or {}).get("requests") or {}),
        rules=_rules(spec),
        volumes=tuple(_volumes(graph, spec)),
        poolers=tuple(
            Pooler(
                each.name,
                each.spec["instances"],
                each.spec["pgbouncer"].get("poolMode", "session"),
                str((each.spec["pgbouncer"].get("parameters") or {}).get("max_client_conn", "")),
            )
            for each in graph.objects("postgresql.cnpg.io/Pooler")
            if (each.namespace, each.spec["cluster"]["name"]) == item.key
        ),
        tenants=tuple(_tenants(graph, item)) if item.borrowed else (),
        backups=_backups(graph, item),
        schedule=_schedule(graph, item),
        borrowed=item.borrowed,
    )


def _version(image: str) -> str:
    """`.../postgresql:18.4-standard@sha256:...` -> PostgreSQL 18.4."""
    return f"PostgreSQL {image.partition('@')[0].rpartition(':')[2].partition('-')[0]}"


def _compute(requests: dict[str, Any]) -> tuple[str, ...]:
    cpu, memory = str(requests.get("cpu", "")), str(requests.get("memory", ""))
    cores = f"{float(cpu.removesuffix('m')) / (1000 if cpu.endswith('m') else 1):.3g} CPU" if cpu else ""
    size = f"{int(memory.removesuffix('Mi')) / 1024:.3g} GiB" if memory.endswith("Mi") else memory.replace("Gi", " GiB")
    return tuple(filter(None, [cores, size]))


def _rules(spec: dict[str, Any]) -> str:
    settings = spec.get("postgresql") or {}
    synchronous = settings.get("synchronous") or {}
    said = [
        f"synchronous, {synchronous.get('method')} {synchronous.get('number')}" if synchronous else "",
        "asynchronous standbys" if not synchronous and spec["instances"] > 1 else "",
        f"durability {synchronous['dataDurability']}" if synchronous.get("dataDurability") else "",
        "failover quorum" if synchronous.get("failoverQuorum") else "",
        f"{limit} connections" if (limit := (settings.get("parameters") or {}).get("max_connections")) else "",
    ]
    return " · ".join(filter(None, said))


def _volumes(graph: Graph, spec: dict[str, Any]) -> Iterator[Volume]:
    for what, key in (("data", "storage"), ("WAL", "walStorage")):
        volume = spec.get(key)
        if volume:
            storage_class = graph.find("storage.k8s.io/StorageClass", ("", volume.get("storageClass") or ""))
            parameters = storage_class.manifest.get("parameters") or {} if storage_class else {}
            speed = f"{parameters['iops']} IOPS" if parameters.get("iops") else ""
            yield Volume(what, str(volume.get("size", "")).replace("Gi", " GiB"), speed)


def _tenants(graph: Graph, item: Item) -> Iterator[str]:
    """The stack's own databases in a cluster of another, with the connections its role may have."""
    limits = {
        role.spec["name"]: role.spec.get("connectionLimit")
        for role in graph.objects("postgresql.cnpg.io/DatabaseRole", own=True)
    }
    for database in graph.objects("postgresql.cnpg.io/Database", own=True):
        if (database.namespace, database.spec["cluster"]["name"]) == item.key:
            limit = limits.get(database.spec.get("owner"))
            yield f"database {database.spec['name']}" + (f" · at most {limit} connections" if limit else "")


def _backups(graph: Graph, item: Item) -> str:
    """The bucket of the object store that its archiver plugin names."""
    for plugin in item.spec.get("plugins") or ():
        name = (plugin.get("parameters") or {}).get("barmanObjectName", "")
        store = graph.find("barmancloud.cnpg.io/ObjectStore", (item.namespace, name))
        if store:
            return str(store.spec["configuration"]["destinationPath"]).removeprefix("s3://").partition("/")[0]
    return ""


def _schedule(graph: Graph, item: Item) -> str:
    times = [
        each.spec["schedule"]
        for each in graph.objects("postgresql.cnpg.io/ScheduledBackup")
        if each.spec["cluster"]["name"] == item.name
    ]
    return "; ".join(["WAL", *(f"base {_clock(time)}" for time in times)])


def _clock(schedule: str) -> str:
    """CloudNativePG's six cron fields as hours where they say no more: `0 0 2,14 * * *` -> 2, 14 h."""
    seconds, minutes, hours, *days = schedule.split()
    plain = seconds == minutes == "0" and days == ["*", "*", "*"]
    return f"at {hours.replace(',', ', ')} h" if plain else schedule
