"""kube-prometheus-stack: Prometheus, Alertmanager, and what they read."""

from typing import Any

from components.cluster_defaults import STORAGE_CLASS
from components.operators.alert_topics import SERVICE_ACCOUNT, alertmanager_config
from components.operators.operator import Chart
from components.operators.pods import NODE_SELECTOR, PRIORITY_CLASS, resources
from components.placement import ZONE
from retail.naming import Identity
from retail.versions import KUBE_PROMETHEUS_STACK_CHART, PROMETHEUS_OPERATOR_CRDS_CHART

REPOSITORY = "https://prometheus-community.github.io/helm-charts"
CHART = Chart("kube-prometheus-stack", KUBE_PROMETHEUS_STACK_CHART, REPOSITORY)
CRD_CHART = Chart("prometheus-operator-crds", PROMETHEUS_OPERATOR_CRDS_CHART, REPOSITORY)
CRD_VALUES: dict[str, Any] = {"crds": {"annotations": {"helm.sh/resource-policy": "keep"}}}
"""Before everything else, because every operator brings monitors of its own; and a chart that upgrades them."""

NAMESPACE = "observability"
RETENTION_DAYS = 15
PROMETHEUS_GIB, ALERTMANAGER_GIB = 50, 2


def values(identity: Identity) -> dict[str, Any]:
    """Two Prometheus that scrape the same, three Alertmanagers, one copy of each in a zone.

    Monitors and rules of all namespaces count, whoever made them. Grafana stays off: its chart has a well-known
    password. The control plane's own targets can't be reached on EKS and would alert for ever. Alerts go to the topics
    of `identity` (alert_topics.py); the chart's default sends them to nobody.
    """
    return {
        "crds": {"enabled": False},
        "grafana": {"enabled": False},
        "kubeControllerManager": {"enabled": False},
        "kubeScheduler": {"enabled": False},
        "kubeEtcd": {"enabled": False},
        "prometheusOperator": {
            "nodeSelector": NODE_SELECTOR,
            "priorityClassName": PRIORITY_CLASS,
            "resources": resources("50m", "128Mi"),
            "admissionWebhooks": {"certManager": {"enabled": True}},
        },
        "prometheus": {
            "podDisruptionBudget": {"enabled": True, "minAvailable": 1},
            "prometheusSpec": {
                "replicas": 2,
                **_apart(),
                "resources": {"requests": {"cpu": "250m", "memory": "1536Mi"}, "limits": {"memory": "3Gi"}},
                "retention": f"{RETENTION_DAYS}d",
                "retentionSize": f"{PROMETHEUS_GIB * 8 // 10}GiB",
                "storageSpec": _storage(PROMETHEUS_GIB),
                **{
                    f"{kind}SelectorNilUsesHelmValues": False
                    for kind in ("rule", "serviceMonitor", "podMonitor", "probe", "scrapeConfig")
                },
            },
        },
        "alertmanager": {
            "podDisruptionBudget": {"enabled": True, "minAvailable": 2},
            "serviceAccount": {"name": SERVICE_ACCOUNT},
            "config": alertmanager_config(identity),
            "alertmanagerSpec": {
                "replicas": 3,
                **_apart(),
                "resources": resources("20m", "64Mi"),
                "storage": _storage(ALERTMANAGER_GIB),
            },
        },
        "kube-state-metrics": {"nodeSelector": NODE_SELECTOR, "resources": resources("25m", "128Mi")},
        "prometheus-node-exporter": {"resources": resources("25m", "48Mi")},
    }


def _apart() -> dict[str, Any]:
    return {
        "nodeSelector": NODE_SELECTOR,
        "priorityClassName": PRIORITY_CLASS,
        "podAntiAffinity": "hard",
        "podAntiAffinityTopologyKey": ZONE,
    }


def _storage(gib: int) -> dict[str, Any]:
    return {
        "volumeClaimTemplate": {
            "spec": {
                "storageClassName": STORAGE_CLASS,
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": f"{gib}Gi"}},
            }
        }
    }
