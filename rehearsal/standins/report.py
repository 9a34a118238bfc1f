"""What stood in for what: the table of the result page and the README."""

from typing import NamedTuple


class StoodIn(NamedTuple):
    """One stand-in: its name (label `retail/stand-in`), the operator, and what of it is not there."""

    name: str
    operator: str
    makes: str
    leaves_out: str


STAND_INS: tuple[StoodIn, ...] = (
    StoodIn(
        "cnpg",
        "CloudNativePG",
        "instance pods, volumes, Services, Secrets, disruption budgets, poolers; rolling update, switchover, failover",
        "PostgreSQL and PgBouncer themselves, replication, backups, WAL archiving, fencing, quorum",
    ),
    StoodIn(
        "karpenter",
        "Karpenter",
        "nodes for pending pods within limits and zones; removes empty ones",
        "prices, spot interruption, consolidation of half-empty nodes, drift, expiry, NodeClaims",
    ),
    StoodIn(
        "keda",
        "KEDA",
        "replicas from minimum, open cron triggers and pauses, or the maximum at ceiling",
        "metrics, HorizontalPodAutoscalers, stabilisation windows, ScaledJobs",
    ),
    StoodIn(
        "storage",
        "EBS CSI driver",
        "zonal volumes, growth, reclaim",
        "disks, attach limits, IOPS, snapshots, encryption",
    ),
    StoodIn("load-balancer", "AWS Load Balancer Controller", "host names of Services", "load balancers, target groups"),
    StoodIn("certificates", "cert-manager", "TLS Secrets, renewal", "ACME, issuers, trust"),
    StoodIn("external-secrets", "External Secrets Operator", "Secrets with made-up values", "the store, refresh"),
)
