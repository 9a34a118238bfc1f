"""The workloads of a picture: what runs in their pods, how many there are, and what they reach."""

import re
from calendar import month_abbr
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from rehearsal.report.picture.graph import Graph, Item
from rehearsal.report.picture.parts import Key, Tier, count
from retail.naming import LABEL_CLASS, LABEL_POOL, LABEL_TENANT, LABEL_TIER

_ZONE: Final = "topology.kubernetes.io/zone"
_DAYS: Final = ("Sundays", "Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays")
_CLUSTER_SERVICES: Final = ("-rw", "-ro", "-r")
"""Suffixes of the Services that CloudNativePG makes for a cluster."""


def read_tiers(graph: Graph, zones_of: Mapping[Key, tuple[str, ...]]) -> Iterator[Tier]:
    """The stack's own Deployments and StatefulSets but for the edge, then its CronJobs, those of one tier together."""
    services = [item for item in graph.objects("/Service") if item.spec.get("type") == "LoadBalancer"]
    for item in graph.objects("apps/Deployment", "apps/StatefulSet", own=True):
        if item.key not in {service.key for service in services}:
            yield _tier(graph, item, zones_of)
    jobs: dict[str, list[Item]] = {}
    for item in graph.objects("batch/CronJob", own=True):
        jobs.setdefault(item.labels.get(LABEL_TIER, item.name), []).append(item)
    for name, members in jobs.items():
        yield _cron_tier(graph, name, members)


def pod_pool(item: Item) -> Key:
    """The labels of the node pool that a workload's pods select."""
    wanted = item.pod["spec"].get("nodeSelector") or {}
    return wanted.get(LABEL_POOL, ""), wanted.get(LABEL_TENANT, "")


def required_zones(item: Item, zones: tuple[str, ...]) -> tuple[str, ...]:
    """`zones` of its pool where its pods must spread over them, else none."""
    rules = item.pod["spec"].get("topologySpreadConstraints") or ()
    strict = any(rule["topologyKey"] == _ZONE and rule["whenUnsatisfiable"] == "DoNotSchedule" for rule in rules)
    return zones if strict else ()


def scaling(graph: Graph, item: Item) -> Any:
    """The spec of the ScaledObject that scales a Deployment; None where nothing does."""
    scalers = graph.objects("keda.sh/ScaledObject")
    return next(
        (each.spec for each in scalers if (each.namespace, each.spec["scaleTargetRef"]["name"]) == item.key), None
    )


def _tier(graph: Graph, item: Item, zones_of: Mapping[Key, tuple[str, ...]]) -> Tier:
    scaled = scaling(graph, item)
    fixed = item.spec.get("replicas") or 1
    floor = (scaled.get("minReplicaCount") or 0) if scaled else fixed
    ceiling = (scaled.get("maxReplicaCount") or floor) if scaled else fixed
    pool = pod_pool(item)
    path, database = _database(graph, item)
    return Tier(
        key=item.key,
        name=item.labels.get(LABEL_TIER, item.name),
        workload_class=_class(item),
        pool=pool,
        processes=_processes(item),
        floor=floor,
        ceiling=ceiling,
        note=_pods(floor, ceiling),
        zones=required_zones(item, zones_of.get(pool, ())),
        path=path,
        database=database,
        sessions=_sessions(graph, item),
        attachments=_attachments(graph, item),
    )


def _cron_tier(graph: Graph, name: str, members: list[Item]) -> Tier:
    first = members[0]
    paused = sum(bool(member.spec.get("suspend")) for member in members)
    when = cron_words(str(first.spec["schedule"])) if len(members) == 1 else f"{len(members)} CronJobs"
    path, database = _database(graph, first)
    return Tier(
        key=first.key,
        name=name,
        workload_class=_class(first),
        pool=pod_pool(first),
        processes=first.name if len(members) == 1 and first.name != name else "CronJob",
        floor=0,
        ceiling=0,
        note=f"{when}, paused" if paused == len(members) else when,
        zones=(),
        path=path,
        database=database,
        sessions=_sessions(graph, first),
        attachments=_attachments(graph, first),
    )


def cron_words(schedule: str) -> str:
    """A cron schedule in words where it is one time on simple days or every so many minutes, else as it is."""
    minute, hour, day, month, weekday = schedule.split()
    if minute.startswith("*/") and [hour, day, month, weekday] == ["*"] * 4:
        return f"every {minute[2:]} minutes"
    months = _month_words(month)
    if not (minute.isdigit() and hour.isdigit()) or months is None:
        return schedule
    clock = f"{hour}:{minute:>02}"
    if (day, weekday) == ("*", "*"):
        return f"daily {clock}{months}"
    if day == "*" and weekday.isdigit():
        return f"{_DAYS[int(weekday) % 7]} {clock}{months}"
    return f"day {day} of the month {clock}{months}" if day.isdigit() and weekday == "*" else schedule


def _month_words(months: str) -> str | None:
    """`1,2,3,6` as `, Jan-Mar, Jun`; nothing for all of them, None for what isn't a list of numbers."""
    if months == "*":
        return ""
    if not re.fullmatch(r"([1-9]|1[0-2])(,([1-9]|1[0-2]))*", months):
        return None
    spans: list[list[int]] = []
    for month in sorted({int(each) for each in months.split(",")}):
        if spans and spans[-1][-1] == month - 1:
            spans[-1].append(month)
        else:
            spans.append([month])
    ends = [(month_abbr[span[0]], month_abbr[span[-1]]) for span in spans]
    return "".join(f", {first}" if first == last else f", {first}-{last}" for first, last in ends)


def _class(item: Item) -> str:
    return str(item.labels.get(LABEL_CLASS) or item.pod["spec"].get("priorityClassName") or "")


def _pods(floor: int, ceiling: int) -> str:
    return count(floor, "pod") if floor == ceiling else f"{floor} to {ceiling} pods"


def _processes(item: Item) -> str:
    """What one pod of Odoo runs, by its flags; the image's name for anything else."""
    container = item.pod["spec"]["containers"][0]
    given = [str(each) for each in [*(container.get("command") or ()), *(container.get("args") or ())]]
    flags = dict(each.removeprefix("--").split("=", 1) for each in given if re.fullmatch(r"--[a-z-]+=.+", each))
    if "gevent" in given:
        return "gevent"
    if int(flags.get("workers", "0")) > 0:
        return f"{flags['workers']} workers each"
    if int(flags.get("max-cron-threads", "0")) > 0:
        return f"{flags['max-cron-threads']} cron threads"
    if "workers" in flags:
        return "1 process"
    return re.sub(r"[:@].*", "", str(container.get("image"))).rpartition("/")[2]


def _files(graph: Graph, item: Item) -> Iterator[str]:
    """The texts of the files that External Secrets mounts into its pods."""
    mounted = {
        volume["secret"]["secretName"] for volume in item.pod["spec"].get("volumes") or () if volume.get("secret")
    }
    for secret in graph.objects("external-secrets.io/ExternalSecret"):
        target = secret.spec.get("target") or {}
        if secret.namespace == item.namespace and target.get("name", secret.name) in mounted:
            data = (target.get("template") or {}).get("data") or {}
            yield from (text for text in data.values() if isinstance(text, str))


def _option(graph: Graph, item: Item, name: str) -> str:
    found = (re.search(rf"(?m)^{name} *= *(\S+)", text) for text in _files(graph, item))
    return next((match[1] for match in found if match), "")


def _database(graph: Graph, item: Item) -> tuple[Literal["pooler", "direct", ""], Key | None]:
    """The way to PostgreSQL by the host in its configuration file, and the Cluster at its end."""
    name, _, rest = _option(graph, item, "db_host").partition(".")
    namespace = rest.partition(".")[0] or item.namespace
    pooler = graph.find("postgresql.cnpg.io/Pooler", (namespace, name))
    if pooler:
        return "pooler", (namespace, pooler.spec["cluster"]["name"])
    for suffix in _CLUSTER_SERVICES:
        key = (namespace, name.removesuffix(suffix))
        if name.endswith(suffix) and graph.find("postgresql.cnpg.io/Cluster", key):
            return "direct", key
    return "", None


def _sessions(graph: Graph, item: Item) -> str:
    """The host of the Redis whose URL its environment holds."""
    names = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for container in item.pod["spec"]["containers"]
        for variable in container.get("env") or ()
        if (variable.get("valueFrom") or {}).get("secretKeyRef")
    }
    for secret in graph.objects("external-secrets.io/ExternalSecret"):
        target: dict[str, Any] = secret.spec.get("target") or {}
        data = (target.get("template") or {}).get("data") or {}
        if secret.namespace == item.namespace and secret.name in names and str(data.get("url")).startswith("redis"):
            return str(data.get("host") or "")
    return ""


def _attachments(graph: Graph, item: Item) -> str:
    """The bucket that its configuration keeps attachments in."""
    return _option(graph, item, "directory_path").partition("/")[0]
