"""The plan: what sizing decided, as numbers that components turn into resources."""

from dataclasses import dataclass
from typing import NamedTuple

from retail.naming import Pool
from retail.objectives import Objectives
from retail.peaks import QuietWindow
from retail.settings import Settings
from retail.tiers import PROFILES, Tier, TierProfile


class Reason(NamedTuple):
    """Why a number is what it is: `what` = `value`, computed as `formula`, which rests on `source`."""

    what: str
    value: str
    formula: str
    source: str


@dataclass(frozen=True)
class TierPlan:
    """How much there is of one tier.

    need: pods that carry the season's load. floor and ceiling: what scaling keeps between; equal where nothing scales.
    peak_floor and peak_ceiling: the same in season peak, which quotas and the database are sized for in both seasons.
    floors_at_peaks: pods to have ready for each peak of the calendar, by its name.
    cpu in millicores, memory in MiB, of a pod.
    """

    tier: Tier
    need: int
    floor: int
    ceiling: int
    peak_floor: int
    peak_ceiling: int
    floors_at_peaks: dict[str, int]
    cpu_request_millis: int
    memory_request_mib: int
    memory_limit_mib: int
    service_time_ms: int

    @property
    def profile(self) -> TierProfile:
        return PROFILES[self.tier]


@dataclass(frozen=True)
class ConnectionBudget:
    """Where every connection to the primary comes from; `total` is never above `max_connections`.

    pooled: server connections of all poolers (both databases). direct: tiers that LISTEN. overhead: what comes and goes
    (rollouts, module upgrade, KEDA, reports, drills, monitoring). reserved: superuser and replication. login: what
    each of the two login roles may hold, so that a runaway one leaves the others theirs. client_worst: what all
    processes at their ceilings could open at the poolers; client_expected: what they are seen to open; client_limit:
    what the poolers take with one zone lost.
    """

    pooled: int
    direct: int
    overhead: int
    reserved: int
    login: int
    client_worst: int
    client_expected: int
    client_limit: int
    max_connections: int

    @property
    def total(self) -> int:
        return self.pooled + self.direct + self.overhead + self.reserved


@dataclass(frozen=True)
class PoolerPlan:
    """One set of PgBouncer pods, each with a pool of `pool_size` server connections for every database and user.

    database_limit: server connections of one pod to one database whoever the users are, 0 for no limit.
    max_client_conn: of one pod; enough for all clients with one zone's pod lost. cpu in millicores, memory in MiB, of a
    pod.
    """

    instances: int
    pool_size: int
    database_limit: int
    max_client_conn: int
    cpu_millis: int
    memory_mib: int


@dataclass(frozen=True)
class DatabasePlan:
    """The PostgreSQL cluster, sized for the peak in both seasons. Storage in GiB, memory in MiB, cpu in millicores.

    integration: the poolers of the integration tier, whose storms must not take the others' server connections.
    """

    instances: int
    instance_type: str
    cpu_millis: int
    memory_mib: int
    shared_buffers_mib: int
    storage_gib: int
    wal_storage_gib: int
    iops: int
    pooler: PoolerPlan
    integration: PoolerPlan
    budget: ConnectionBudget


@dataclass(frozen=True)
class NodePoolPlan:
    """One pool of nodes. Managed groups have `nodes_per_zone`; Karpenter pools have limits (whole pool).

    capacity_types: what Karpenter may buy. quiet: when it must not take a node away that pods use.
    """

    pool: Pool
    instance_types: tuple[str, ...]
    zones: tuple[str, ...]
    nodes_per_zone: int
    cpu_limit: int
    memory_limit_gib: int
    capacity_types: tuple[str, ...] = ("on-demand",)
    quiet: tuple[QuietWindow, ...] = ()


@dataclass(frozen=True)
class HeadroomPlan:
    """Room that a pool keeps warm for its critical tiers, as pods that give way. peak_pods: in season peak.

    cpu in millicores, memory in MiB, of a pod: as large as the largest critical one, so that one makes room for one.
    """

    pool: Pool
    pods: int
    peak_pods: int
    cpu_request_millis: int
    memory_request_mib: int


@dataclass(frozen=True)
class Plan:
    """Everything about one stack that is a number. `tiers` is empty for a platform; `database` is None where the stack
    uses its platform's."""

    settings: Settings
    objectives: Objectives
    tiers: dict[Tier, TierPlan]
    database: DatabasePlan | None
    pools: dict[Pool, NodePoolPlan]
    headroom: dict[Pool, HeadroomPlan]
    traefik_replicas: int
    reasons: tuple[Reason, ...]

    def explain(self) -> str:
        """Every result with the formula and the inputs behind it, one per line."""
        width = max((len(reason.what) for reason in self.reasons), default=0)
        return "\n".join(
            f"{reason.what:<{width}} = {reason.value:<10} {reason.formula}  [{reason.source}]"
            for reason in self.reasons
        )
