"""What a picture of the architecture shows, as plain facts.

`borrowed` says that a part belongs to the platform whose cluster a hosted stack lives on. Zones are full names
(`eu-central-1a`); a namespaced thing is keyed by (namespace, name).
"""

from dataclasses import dataclass, field
from typing import Literal

Key = tuple[str, str]


def count(number: int, noun: str) -> str:
    """`1 pod`, `2 pods`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


@dataclass(frozen=True)
class Pool:
    """A node pool, keyed by its labels (pool, tenant); the operators' has no tenant. `size` says how far it grows,
    `elastic` that Karpenter makes its nodes."""

    key: Key
    instance_types: tuple[str, ...]
    zones: tuple[str, ...]
    size: str
    elastic: bool
    borrowed: bool

    @property
    def name(self) -> str:
        return self.key[0]


@dataclass(frozen=True)
class Tier:
    """A workload of pods: a Deployment, or the CronJobs of one tier.

    `floor` and `ceiling` are pods, 0 for CronJobs; `zones` are those its pods must spread over, empty without such a
    rule. `path` is how it reaches the database: by a pooler, straight, or not at all.
    """

    key: Key
    name: str
    workload_class: str
    pool: Key
    processes: str
    floor: int
    ceiling: int
    note: str
    zones: tuple[str, ...]
    path: Literal["pooler", "direct", ""]
    database: Key | None
    sessions: str
    attachments: str


@dataclass(frozen=True)
class Edge:
    """Where requests come in: Traefik with the kinds of its middlewares, and the load balancer before it."""

    name: str
    pods: int
    zones: tuple[str, ...]
    pool: Key
    load_balancer: str
    middlewares: tuple[str, ...]
    borrowed: bool


@dataclass(frozen=True)
class Pooler:
    """A PgBouncer pooler; `mode` is its pool mode."""

    name: str
    pods: int
    mode: str
    client_limit: str


@dataclass(frozen=True)
class Volume:
    """What it holds, its size, and its speed where the storage class says one."""

    what: str
    size: str
    speed: str


@dataclass(frozen=True)
class Database:
    """A PostgreSQL cluster. `volumes` are those of each instance; `tenants` are the stack's databases in a cluster that
    is another's; `backups` is a bucket's name."""

    key: Key
    instances: int
    pool: Key
    image: str
    compute: tuple[str, ...]
    rules: str
    volumes: tuple[Volume, ...]
    poolers: tuple[Pooler, ...]
    tenants: tuple[str, ...]
    backups: str
    schedule: str
    borrowed: bool


@dataclass(frozen=True)
class Bucket:
    """A bucket and its copy elsewhere. `place` is region and account, `delay` how far behind the copy may be."""

    purpose: str
    place: str
    content: str
    guard: str
    copy: "Bucket | None"
    delay: str
    borrowed: bool
    name: str = ""


@dataclass(frozen=True)
class Cluster:
    """The EKS cluster, its network and what is installed in it: (name, version)."""

    name: str
    version: str
    network: str
    zones: tuple[str, ...]
    operators: tuple[tuple[str, str], ...]
    addons: tuple[str, ...]
    borrowed: bool


@dataclass(frozen=True)
class Service:
    """A managed service outside the cluster: a heading and short lines."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Architecture:
    """All of it. `hosts` are public names with the tier that answers by default; `routed` are all that are reached."""

    title: str
    subtitle: str
    platform: str
    cluster: Cluster | None
    edge: Edge | None
    hosts: tuple[tuple[str, Key], ...]
    routed: frozenset[Key]
    pools: tuple[Pool, ...]
    tiers: tuple[Tier, ...]
    databases: tuple[Database, ...]
    services: tuple[Service, ...]
    buckets: tuple[Bucket, ...] = field(default=())
