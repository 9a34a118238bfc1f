"""Where operators run and what they get: fragments of values that most charts share."""

from collections.abc import Mapping
from typing import Any

from components.placement import ZONE
from retail.naming import LABEL_POOL, Pool

REPLICAS = 2
"""One leads, one stands by; every controller of a cluster that can is run twice."""

NODE_SELECTOR = {LABEL_POOL: str(Pool.SYSTEM)}
PRIORITY_CLASS = "system-cluster-critical"
"""Nothing of a tenant may push an operator off: it is what would bring the tenant back."""


def spread(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Over zones where possible. Never a condition: with a zone lost, a controller must start in any other."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": ZONE,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": dict(labels)},
        }
    ]


def resources(cpu: str, memory: str) -> dict[str, Any]:
    """Requests, and a memory limit of the same size. No CPU limit of ours: it would slow a controller down
    when it matters."""
    return {"requests": {"cpu": cpu, "memory": memory}, "limits": {"memory": memory}}


def placed(labels: Mapping[str, str], cpu: str, memory: str) -> dict[str, Any]:
    """The values of a chart (or of a component of one) that follows the usual key names."""
    return {
        "nodeSelector": NODE_SELECTOR,
        "topologySpreadConstraints": spread(labels),
        "resources": resources(cpu, memory),
    }
