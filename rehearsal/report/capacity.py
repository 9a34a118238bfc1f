"""How much of everything a stack has, read from its resources: its tiers, and every connection to its PostgreSQL.

From the plan comes only what no resource of the stack shows: how many retailers a platform hosts and what each may use,
and connections that come and go (a module upgrade, drills) or are PostgreSQL's own. A table that adds up says that the
resources do.
"""

import configparser
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, reveal
from rehearsal.errors import RehearsalError
from retail.connection_budget import pooled_slice
from retail.naming import LABEL_TIER
from retail.plan import DatabasePlan, Plan
from retail.tiers import Tier

Manifest = Mapping[str, Any]
Objects = Mapping[tuple[str, str], Manifest]

DATABASES: Final = 2
"""Odoo uses its own database and `postgres` (NOTIFY); PgBouncer keeps a pool for each (facts, Odoo §3)."""

LISTENER: Final = 1
"""Connection of a gevent process that LISTENs, beside its pool."""

CRON_CONNECTIONS: Final = 3
"""What a scheduled worker is seen to hold: its database, `postgres` for LISTEN, one more (facts, Odoo §3)."""


@dataclass(frozen=True)
class TierCapacity:
    """One tier. processes of a pod; memory in MiB of a pod, requested and at most.

    path: which of the database's Services it uses.
    client: connections that all processes at the ceiling could open to their poolers; direct: to PostgreSQL itself.
    """

    tier: str
    floor: int
    ceiling: int
    processes: int
    memory_request: int
    memory_limit: int
    path: str
    client: int
    direct: int
    priority: str
    pool: str


@dataclass(frozen=True)
class Term:
    """A part of the connection budget: `count` of `what`, with the sum behind it."""

    what: str
    formula: str
    count: int


@dataclass(frozen=True)
class Capacity:
    """tiers: empty for a platform. limit: max_connections, or a shared retailer's part of its platform's."""

    stack: str
    tiers: tuple[TierCapacity, ...]
    budget: tuple[Term, ...]
    limit: int

    @property
    def total(self) -> int:
        return sum(term.count for term in self.budget)


def capacity(evaluation: Evaluation, plan: Plan) -> Capacity:
    """Of an evaluation in up mode, and the plan of the same stack."""
    found: Objects = {(each.kind, each.name): reveal(each.manifest) for each in kubernetes_objects(evaluation)}
    tiers = tuple(sorted(_tiers(found), key=lambda row: list(Tier).index(Tier(row.tier))))
    clusters = [manifest for (kind, _), manifest in found.items() if kind == "Cluster"]
    if clusters:
        limit = int(clusters[0]["spec"]["postgresql"]["parameters"]["max_connections"])
        return Capacity(evaluation.stack, tiers, tuple(_own_database(found, tiers, plan)), limit)
    limit = next(manifest["spec"]["connectionLimit"] for (kind, _), manifest in found.items() if kind == "DatabaseRole")
    shared = Term("the platform's poolers", "its part of them", pooled_slice(plan.settings))
    return Capacity(evaluation.stack, tiers, (*_direct(tiers), shared), limit)


def _tiers(found: Objects) -> Iterable[TierCapacity]:
    for (kind, name), manifest in found.items():
        tier = manifest["metadata"].get("labels", {}).get(LABEL_TIER)
        if ("ExternalSecret", f"odoo-{tier}") not in found:
            continue
        if kind == "Deployment":
            scaling = found.get(("ScaledObject", name), {}).get("spec")
            fixed = manifest["spec"].get("replicas", 1)
            bounds = (scaling["minReplicaCount"], scaling["maxReplicaCount"]) if scaling else (fixed, fixed)
            yield _tier(tier, bounds, manifest["spec"]["template"]["spec"], found)
        if kind == "CronJob":
            yield _tier(tier, (0, 1), manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"], found)


def _tier(tier: str, bounds: tuple[int, int], pod: Manifest, found: Objects) -> TierCapacity:
    container = pod["containers"][0]
    command = " ".join([*container.get("command", ()), *container.get("args", ())])
    conf = found["ExternalSecret", f"odoo-{tier}"]["spec"]["target"]["template"]["data"]["odoo.conf"]
    options = configparser.ConfigParser(interpolation=None)
    options.read_string(conf)
    host, most = options["options"]["db_host"], int(options["options"]["db_maxconn"])
    pooled = "-pooler" in host
    workers, threads = _flag(command, "workers"), _flag(command, "max-cron-threads")
    ceiling = bounds[1]
    if workers > 0:
        # Prefork starts a gevent child beside its workers, and that has a pool as well.
        processes, direct, client = workers, 0, ceiling * (workers + 1) * most
    elif threads > 0:
        processes, direct, client = threads, ceiling * threads * CRON_CONNECTIONS, 0
    elif "odoo gevent" in command:
        processes, direct, client = 1, ceiling * (LISTENER + most), 0
    else:
        processes, direct, client = 1, 0 if pooled else ceiling, ceiling * most if pooled else 0
    return TierCapacity(
        tier=tier,
        floor=bounds[0],
        ceiling=ceiling,
        processes=processes,
        memory_request=_mib(container["resources"]["requests"]["memory"]),
        memory_limit=_mib(container["resources"]["limits"]["memory"]),
        path=host.partition(".")[0].rpartition("-db-")[2],
        client=client,
        direct=direct,
        priority=pod["priorityClassName"],
        pool=pod["nodeSelector"]["retail/pool"],
    )


def _own_database(found: Objects, tiers: Iterable[TierCapacity], plan: Plan) -> Iterable[Term]:
    """A platform's poolers and LISTENing tiers are those of all the retailers that it may host."""
    settings, budget = plan.settings, _given(plan.database).budget
    hosted = settings.max_retailers if not settings.hosting.serves_retailer else 0
    for (kind, name), manifest in found.items():
        if kind == "Pooler":
            pods = manifest["spec"]["instances"]
            parameters = manifest["spec"]["pgbouncer"]["parameters"]
            size = int(parameters["default_pool_size"]) + int(parameters.get("reserve_pool_size", 0))
            # PgBouncer asks for passwords on `postgres` as a user of its own; where a database has a limit, within it.
            pools = DATABASES * hosted + 1 if hosted else DATABASES
            formula = f"{pods} poolers x {size} connections x "
            formula += f"({DATABASES} databases x {hosted} retailers + 1)" if hosted else f"{DATABASES} databases"
            yield Term(name, formula, pods * size * pools)
    yield from _direct(tiers)
    if hosted:
        each = settings.connections_per_retailer - pooled_slice(settings)
        yield Term("hosted tiers that LISTEN", f"{hosted} retailers x {each}", hosted * each)
    yield Term("rollouts, upgrade, KEDA, reports, drills, monitoring", "as they come and go", budget.overhead)
    yield Term("superuser, replication", "PostgreSQL's and CloudNativePG's own", budget.reserved)


def _direct(tiers: Iterable[TierCapacity]) -> Iterable[Term]:
    for tier in tiers:
        if tier.direct:
            yield Term(tier.tier, f"{tier.ceiling} pods x {tier.direct // tier.ceiling}", tier.direct)


def _given(database: DatabasePlan | None) -> DatabasePlan:
    if database is None:
        raise RehearsalError("the stack has a PostgreSQL cluster, and its plan has none")
    return database


def _flag(command: str, name: str) -> int:
    given = re.search(rf"--{name}=(-?[0-9]+)", command)
    return int(given[1]) if given else 0


def _mib(quantity: str) -> int:
    return int(quantity.removesuffix("Mi"))
