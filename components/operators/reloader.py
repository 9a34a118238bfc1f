"""Stakater Reloader: rolls the pods whose Secrets have changed."""

from typing import Any

from components.operators.operator import Chart
from components.operators.pods import PRIORITY_CLASS, REPLICAS, placed
from retail.versions import RELOADER_CHART

CHART = Chart("reloader", RELOADER_CHART, "https://stakater.github.io/stakater-charts")
NAMESPACE = "reloader"
LABELS = {"app.kubernetes.io/name": "reloader", "app.kubernetes.io/instance": "reloader"}


def values() -> dict[str, Any]:
    """Only workloads that ask for it, and by an annotation on the pod template: changing environment variables, the
    default, would be undone by the next deployment, which would roll the pods a second time."""
    return {
        "reloader": {
            "autoReloadAll": False,
            "reloadStrategy": "annotations",
            "ignoreJobs": True,
            "ignoreCronJobs": True,
            "readOnlyRootFileSystem": True,
            "enableHA": True,
            "deployment": {
                "replicas": REPLICAS,
                "priorityClassName": PRIORITY_CLASS,
                # Left empty by the chart, and the namespace's Pod Security would refuse the pods.
                "containerSecurityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                **placed(LABELS, "25m", "128Mi"),
            },
            "podDisruptionBudget": {"enabled": True, "maxUnavailable": 1},
            "podMonitor": {"enabled": True},
        }
    }
