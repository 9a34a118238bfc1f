"""Where pods run: on the pool of their owner, spread over the zones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retail.naming import LABEL_POOL, LABEL_TENANT, Pool

ZONE = "topology.kubernetes.io/zone"
HOSTNAME = "kubernetes.io/hostname"


@dataclass(frozen=True)
class Placement:
    """A pool of one owner: the retailer's own, or its platform's where hosting is shared."""

    pool: Pool
    owner: str

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the pool's nodes, which pods select."""
        return {LABEL_POOL: str(self.pool), LABEL_TENANT: self.owner}

    @property
    def taints(self) -> list[dict[str, str]]:
        """Taints of the pool's nodes: nothing lands on them by accident, and no other tenant's pods at all."""
        return [{"key": key, "value": value, "effect": "NoSchedule"} for key, value in self.labels.items()]

    @property
    def tolerations(self) -> list[dict[str, str]]:
        return [{**taint, "operator": "Equal"} for taint in self.taints]

    def pod_fields(self) -> dict[str, Any]:
        """`nodeSelector` and `tolerations` of a pod spec."""
        return {"nodeSelector": self.labels, "tolerations": self.tolerations}


def zone_spread(match_labels: Mapping[str, str], *, fixed: int | None = None) -> list[dict[str, Any]]:
    """Spread over zones as evenly as can be, and over nodes where possible.

    fixed: pods of a set that nothing scales, which asks for so many zones, three at most. The scheduler knows only the
    zones that have nodes of the pool, so without `minDomains` a set that starts before Karpenter has a node in each
    zone comes to lie in one of them, and stays. Scaled tiers go without: with it a zone outage would stop replacement
    and scale-out (docs/architecture.md, choices). `nodeTaintsPolicy: Honor` leaves other pools' zones and cordoned
    nodes out of the arithmetic; each revision is spread for itself, so that a rollout ends as even as it began.
    """
    zone: dict[str, Any] = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "labelSelector": {"matchLabels": dict(match_labels)},
        "matchLabelKeys": ["pod-template-hash"],
    }
    if fixed and fixed > 1:
        zone["minDomains"] = min(fixed, 3)
    host = {
        "maxSkew": 1,
        "topologyKey": HOSTNAME,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(match_labels)},
    }
    return [zone, host]
