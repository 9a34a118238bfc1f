"""Waiting for the real scheduler and controllers, and what is said of what they could not place."""

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from rehearsal.cluster.client import ApiError, Client, Kind, Listing
from rehearsal.cluster.nodes import node_manifest
from rehearsal.cluster.placement import look, wait
from rehearsal.progress import QuietProgress

APPS = "apps/v1"
KEDA = "keda.sh/v1alpha1"


class CannedCluster:
    """Answers as a cluster of these objects would, to who only reads."""

    def __init__(self, *objects: dict[str, Any]) -> None:
        self._objects = objects

    def kind(self, api_version: str, kind: str) -> Kind:
        if "/" in api_version and not any(item["kind"] == kind for item in self._objects):
            raise ApiError(kind, 404, "NotFound", "not served")
        return Kind(api_version, kind, kind.lower(), True)

    def list(self, api_version: str, kind: str, namespace: str | None = None) -> Listing:
        found = [item for item in self._objects if (item["apiVersion"], item["kind"]) == (api_version, kind)]
        return Listing([item for item in found if namespace in (None, item["metadata"]["namespace"])], "1")

    def get(self, api_version: str, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        items = self.list(api_version, kind, namespace).items
        return next((item for item in items if item["metadata"]["name"] == name), None)


def thing(api_version: str, kind: str, name: str, namespace: str = "shop", **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "generation": 1, **fields.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


@pytest.mark.parametrize(
    ("at", "replicas", "annotations", "missing"),
    [
        ("floor", 2, {}, None),
        ("floor", 1, {}, "not scaled to 2 yet"),
        ("floor", 6, {}, "not scaled to 2 yet"),
        ("floor", 6, {"autoscaling.keda.sh/paused-scale-in": "true"}, None),
        ("ceiling", 6, {}, None),
        ("ceiling", 2, {}, "not scaled to 6 yet"),
    ],
)
def test_a_tier_is_not_in_place_before_its_stand_in_has_scaled_it(
    at: str, replicas: int, annotations: dict[str, str], missing: str | None
) -> None:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), replicas)
    cluster = CannedCluster(
        thing("v1", "ConfigMap", "rehearsal-mode", "rehearsal-system", data={"at": at}),
        thing(APPS, "Deployment", "web", spec={"replicas": replicas}, status={**counts, "observedGeneration": 1}),
        thing(APPS, "StatefulSet", "none", spec={"replicas": 0}, status={"observedGeneration": 1}),
        thing(
            KEDA,
            "ScaledObject",
            "web",
            metadata={"annotations": annotations},
            spec={"scaleTargetRef": {"name": "web"}, "minReplicaCount": 2, "maxReplicaCount": 6, "triggers": []},
            status={"conditions": [{"type": "Ready", "status": "True"}]},
        ),
    )
    waiting = look(cast(Client, cluster)).waiting
    assert list(waiting) == ([("Deployment shop/web", missing)] if missing else [])
    assert look(cast(Client, cluster), stand_ins=False).waiting == ()


@pytest.fixture
def nodes(client: Client, namespace: str) -> Iterator[list[str]]:
    """Two nodes that only pods of this test go to, in two zones."""
    names = [f"{namespace}-{zone}" for zone in "ab"]
    for name in names:
        client.apply(
            node_manifest(
                name,
                zone=f"eu-central-1{name[-1]}",
                instance_type="m7i.large",
                labels={"retail/pool": namespace},
                taints=[{"key": "retail/pool", "value": namespace, "effect": "NoSchedule"}],
            )
        )
    yield names
    for name in names:
        client.delete("v1", "Node", name)


@pytest.fixture
def deploy(client: Client, namespace: str) -> Callable[..., None]:
    def apply(name: str, replicas: int, cpu: str = "100m", **pod: Any) -> None:
        labels = {"app": name, "retail/tier": name, "retail/class": "critical"}
        container = {"name": "main", "image": "odoo:19", "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}}}
        client.apply(
            {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "replicas": replicas,
                    "selector": {"matchLabels": {"app": name}},
                    "template": {
                        "metadata": {"labels": labels},
                        "spec": {
                            "nodeSelector": {"retail/pool": namespace},
                            "tolerations": [{"key": "retail/pool", "operator": "Exists"}],
                            "containers": [container],
                            **pod,
                        },
                    },
                },
            }
        )

    return apply


@pytest.mark.cluster
def test_it_waits_until_all_are_ready_and_says_where_they_are(
    client: Client, namespace: str, nodes: list[str], deploy: Callable[..., None]
) -> None:
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "storefront"}},
    }
    deploy("storefront", 4, topologySpreadConstraints=[spread])
    placement = wait(client, QuietProgress(), namespaces={namespace})
    assert placement.complete
    assert sorted(pod.zone for pod in placement.pods) == ["eu-central-1a"] * 2 + ["eu-central-1b"] * 2
    assert {(pod.workload, pod.workload_class, pod.pool, pod.phase) for pod in placement.pods} == {
        ("storefront", "critical", namespace, "Running")
    }
    ours = [node for node in placement.nodes if node.name in nodes]
    assert {(node.pool, node.instance_type, node.ready, node.requested.cpu) for node in ours} == {
        (namespace, "m7i.large", True, 200)
    }


@pytest.mark.cluster
def test_what_does_not_fit_is_pending_for_the_schedulers_reason(
    client: Client, namespace: str, nodes: list[str], deploy: Callable[..., None]
) -> None:
    deploy("fits", 1)
    deploy("huge", 2, cpu="64")
    placement = wait(client, QuietProgress(), namespaces={namespace}, patience_seconds=2)
    assert not placement.complete
    assert [pod.workload for pod in placement.pending] == ["huge", "huge"]
    assert all("Insufficient cpu" in pod.reason and pod.pool == namespace for pod in placement.pending)
    assert (f"Deployment {namespace}/huge", "0 of 2 ready") in placement.waiting
    assert len(nodes) == 2


@pytest.mark.cluster
def test_pods_that_a_quota_forbids_are_told_by_their_deployment(
    client: Client, namespace: str, nodes: list[str], deploy: Callable[..., None]
) -> None:
    quota = {"metadata": {"name": "quota", "namespace": namespace}, "spec": {"hard": {"pods": "1"}}}
    client.apply({"apiVersion": "v1", "kind": "ResourceQuota", **quota})
    deploy("web", 2)
    placement = wait(client, QuietProgress(), namespaces={namespace}, patience_seconds=2)
    ((what, reason),) = placement.waiting
    assert what == f"Deployment {namespace}/web"
    assert "exceeded quota" in reason
    assert len(nodes) == 2


@pytest.mark.cluster
def test_a_claim_nobody_uses_keeps_nobody_waiting(client: Client, namespace: str) -> None:
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "none",
    }
    metadata = {"name": "unused", "namespace": namespace}
    client.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": claim})
    assert look(client, namespaces={namespace}).complete
    pod = {
        "nodeSelector": {"cl": "nowhere"},
        "containers": [{"name": "main", "image": "i"}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "unused"}}],
    }
    client.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {**metadata, "name": "user"}, "spec": pod})
    assert [what for what, _ in look(client, namespaces={namespace}).waiting] == [
        f"PersistentVolumeClaim {namespace}/unused"
    ]


@pytest.mark.cluster
def test_addresses_are_those_of_load_balancers(client: Client, namespace: str) -> None:
    service = {"metadata": {"name": "edge", "namespace": namespace}, "apiVersion": "v1", "kind": "Service"}
    client.apply({**service, "spec": {"type": "LoadBalancer", "ports": [{"port": 443}], "selector": {"app": "edge"}}})
    client.patch(
        "v1",
        "Service",
        "edge",
        {"status": {"loadBalancer": {"ingress": [{"hostname": "edge.example"}]}}},
        namespace,
        subresource="status",
    )
    placement = look(client, namespaces={namespace})
    assert placement.addresses == ((f"Service {namespace}/edge", "edge.example"),)
