"""Waiting for the real scheduler and controllers, and what is said of what they could not place."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rehearsal.cluster.client import Client
from rehearsal.cluster.nodes import node_manifest
from rehearsal.cluster.placement import look, wait
from rehearsal.progress import QuietProgress

pytestmark = pytest.mark.cluster


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
