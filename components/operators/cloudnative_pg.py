"""CloudNativePG and its backup plugin: PostgreSQL clusters, poolers, backups to S3."""

from typing import Any

from components.operators.operator import Chart
from components.operators.pods import PRIORITY_CLASS, REPLICAS, placed
from retail.versions import BARMAN_PLUGIN_CHART, CLOUDNATIVE_PG_CHART

REPOSITORY = "https://cloudnative-pg.github.io/charts"
CHART = Chart("cloudnative-pg", CLOUDNATIVE_PG_CHART, REPOSITORY)
PLUGIN_CHART = Chart("plugin-barman-cloud", BARMAN_PLUGIN_CHART, REPOSITORY)

NAMESPACE = "cnpg-system"
"""The plugin must be in the operator's namespace: that is where the operator looks for it."""

LABELS = {"app.kubernetes.io/name": "cloudnative-pg", "app.kubernetes.io/instance": "cnpg"}
PLUGIN_LABELS = {"app.kubernetes.io/name": "plugin-barman-cloud", "app.kubernetes.io/instance": "barman-cloud"}


def values() -> dict[str, Any]:
    """The operator, for all namespaces; it needs no AWS role, instances have their own."""
    return {
        "replicaCount": REPLICAS,
        "priorityClassName": PRIORITY_CLASS,
        "monitoring": {"podMonitorEnabled": True},
        **placed(LABELS, "100m", "256Mi"),
    }


def plugin_values() -> dict[str, Any]:
    """The backup plugin, once only.

    Its gRPC server starts on the leader alone, while a standby answers the chart's readiness probe as well: with two
    replicas the Service sends calls to a pod that doesn't listen. While the one pod is away no new backup starts;
    archiving goes on in the sidecars.
    """
    return {
        "replicaCount": 1,
        "priorityClassName": PRIORITY_CLASS,
        **placed(PLUGIN_LABELS, "50m", "128Mi"),
    }
