"""When an object counts as ready, by what its own status says."""

from typing import Any

import pytest

from rehearsal.cluster.readiness import unready

READY = {"type": "Ready", "status": "True"}
APPS, CNPG = "apps/v1", "postgresql.cnpg.io/v1"


def thing(api_version: str, kind: str, spec: dict[str, Any], status: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": "x", "namespace": "shop", "generation": 2, **metadata},
        "spec": spec,
        "status": status,
    }


ROLLED_OUT = {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 3, "availableReplicas": 3}
QUOTA = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: pods=10"}
DAEMONS = {"observedGeneration": 2, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}


@pytest.mark.parametrize(
    "item",
    [
        thing(APPS, "Deployment", {"replicas": 3}, ROLLED_OUT),
        thing(APPS, "Deployment", {"replicas": 0}, {"observedGeneration": 2}),
        thing(APPS, "StatefulSet", {"replicas": 3}, ROLLED_OUT),
        thing(APPS, "DaemonSet", {}, DAEMONS),
        thing("batch/v1", "Job", {}, {"conditions": [{"type": "Complete", "status": "True"}]}),
        thing("batch/v1", "Job", {"suspend": True}, {}),
        thing("batch/v1", "Job", {}, {}, ownerReferences=[{"kind": "CronJob"}]),
        thing("v1", "PersistentVolumeClaim", {}, {"phase": "Bound"}),
        thing("v1", "Service", {"type": "ClusterIP"}, {"loadBalancer": {}}),
        thing("v1", "Service", {"type": "LoadBalancer"}, {"loadBalancer": {"ingress": [{"hostname": "h"}]}}),
        thing(CNPG, "Cluster", {"instances": 3}, {"readyInstances": 3, "conditions": [READY]}),
        thing(CNPG, "Pooler", {"instances": 2}, {"instances": 2}),
        thing(CNPG, "Database", {}, {"applied": True}),
        thing("keda.sh/v1alpha1", "ScaledObject", {}, {"conditions": [READY]}),
    ],
    ids=lambda item: item["kind"],
)
def test_ready(item: dict[str, Any]) -> None:
    assert unready(item) == ""


@pytest.mark.parametrize(
    ("item", "said"),
    [
        (
            thing(APPS, "Deployment", {"replicas": 3}, {**ROLLED_OUT, "observedGeneration": 1}),
            "has not seen the change",
        ),
        (thing(APPS, "Deployment", {"replicas": 3}, {**ROLLED_OUT, "updatedReplicas": 1}), "1 of 3 ready"),
        (thing(APPS, "Deployment", {"replicas": 3}, {**ROLLED_OUT, "replicas": 4}), "1 surplus pods"),
        (
            thing(APPS, "Deployment", {"replicas": 3}, {"observedGeneration": 2, "conditions": [QUOTA]}),
            "0 of 3 ready: exceeded quota: pods=10",
        ),
        (thing(APPS, "StatefulSet", {"replicas": 3}, {**ROLLED_OUT, "availableReplicas": 2}), "2 of 3 ready"),
        (thing(APPS, "DaemonSet", {}, {**DAEMONS, "numberAvailable": 1}), "1 of 3 ready"),
        (thing("batch/v1", "Job", {"completions": 1}, {}), "0 of 1 completed"),
        (
            thing("batch/v1", "Job", {}, {"conditions": [{"type": "Failed", "status": "True", "message": "deadline"}]}),
            "failed: deadline",
        ),
        (thing("v1", "PersistentVolumeClaim", {}, {"phase": "Pending"}), "pending"),
        (thing("v1", "Service", {"type": "LoadBalancer"}, {"loadBalancer": {}}), "no load balancer yet"),
        (thing(CNPG, "Cluster", {"instances": 3}, {"readyInstances": 2, "conditions": [READY]}), "2 of 3 instances"),
        (thing(CNPG, "Cluster", {"instances": 1}, {"readyInstances": 1}), "not ready"),
        (thing(CNPG, "Pooler", {"instances": 2}, {}), "0 of 2 instances"),
        (thing(CNPG, "DatabaseRole", {}, {"applied": False, "message": "no cluster"}), "no cluster"),
        (
            thing(
                "cert-manager.io/v1", "Certificate", {}, {"conditions": [{**READY, "status": "False", "message": "m"}]}
            ),
            "m",
        ),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_not_ready_and_why(item: dict[str, Any], said: str) -> None:
    assert said in unready(item)
