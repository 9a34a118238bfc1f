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


def zone_spread(match_labels: Mapping[str, str], *, fixed_three: bool = False) -> list[dict[str, Any]]:
    """Spread over zones as evenly as can be, and over nodes where possible.

    Only a fixed set of three asks for three domains: with `minDomains` a zone outage stops replacement and scale-out
    of scaled tiers (docs/architecture.md, choices). `nodeTaintsPolicy: Honor` leaves other pools' zones out of the
    arithmetic.
    """
    zone: dict[str, Any] = {
        "maxSkew": 1,
        "topologyKey": ZONE,
        "whenUnsatisfiable": "DoNotSchedule",
        "nodeTaintsPolicy": "Honor",
        "labelSelector": {"matchLabels": dict(match_labels)},
    }
    if fixed_three:
        zone["minDomains"] = 3
    else:
        zone["matchLabelKeys"] = ["pod-template-hash"]
    host = {
        "maxSkew": 1,
        "topologyKey": HOSTNAME,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": dict(match_labels)},
    }
    return [zone, host]
