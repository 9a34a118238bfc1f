"""KEDA: scales tiers on requests, queues and the calendar."""

from typing import Any

from components.operators.operator import Chart
from components.operators.pods import NODE_SELECTOR, PRIORITY_CLASS, REPLICAS, resources, spread
from retail.versions import KEDA_CHART

CHART = Chart("keda", KEDA_CHART, "https://kedacore.github.io/charts")
NAMESPACE = "keda"


def values() -> dict[str, Any]:
    """Operator, metrics server and admission webhooks, twice each.

    CRDs are kept when the release goes: with them would go every ScaledObject, and each tier fall to its last size.
    """
    return {
        "operator": {"replicaCount": REPLICAS},
        "metricsServer": {"replicaCount": REPLICAS},
        "webhooks": {"replicaCount": REPLICAS},
        "podDisruptionBudget": {
            "operator": {"maxUnavailable": 1},
            "metricServer": {"maxUnavailable": 1},
            "webhooks": {"maxUnavailable": 1},
        },
        "nodeSelector": NODE_SELECTOR,
        "topologySpreadConstraints": {
            "operator": spread({"app": "keda-operator"}),
            "metricsServer": spread({"app": "keda-operator-metrics-apiserver"}),
            "webhooks": spread({"app": "keda-admission-webhooks"}),
        },
        "resources": {
            "operator": resources("100m", "256Mi"),
            "metricServer": resources("50m", "128Mi"),
            "webhooks": resources("25m", "64Mi"),
        },
        "priorityClassName": PRIORITY_CLASS,
        "image": {"pullPolicy": "IfNotPresent"},
        "crds": {"install": True, "additionalAnnotations": {"helm.sh/resource-policy": "keep"}},
        "prometheus": {
            "operator": {"enabled": True, "serviceMonitor": {"enabled": True}},
            "metricServer": {"enabled": True, "serviceMonitor": {"enabled": True}},
        },
    }
