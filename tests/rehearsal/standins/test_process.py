"""The stand-ins as they run: one process beside a control plane, on the objects a platform is made of."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol
from uuid import uuid4

import pytest

from rehearsal.cluster.client import Client
from rehearsal.cluster.nodes import node_manifest
from rehearsal.crds.catalogue import load_crds
from rehearsal.paths import PROJECT_DIR
from rehearsal.standins import kinds
from rehearsal.standins.report import STAND_INS

pytestmark = pytest.mark.cluster

ZONES = ("eu-west-1a", "eu-west-1b", "eu-west-1c")
PATIENCE = 60.0
"""Seconds until a test gives up waiting; warm and alone, each takes a few."""
CNPG = "postgresql.cnpg.io/v1"
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


class Plane(Protocol):
    """The control plane the tests share."""

    kubeconfig: Path
    folder: Path


class Cluster:
    """The API server, with a namespace and nodes of this test's own."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.namespace = f"st-{uuid4().hex[:8]}"
        self.made: list[dict[str, Any]] = []
        self.apply("v1", "Namespace", self.namespace, {}, labels=RESTRICTED)
        for zone in ZONES:
            labels = {"test": self.namespace}
            taints = [{"key": "test", "value": self.namespace, "effect": "NoSchedule"}]
            name = f"{self.namespace}-{zone}"
            self.put(node_manifest(name, zone=zone, instance_type="m7i.xlarge", labels=labels, taints=taints))

    def apply(self, api_version: str, kind: str, name: str, content: dict[str, Any], **metadata: Any) -> None:
        namespaced = {"namespace": self.namespace} if self.client.kind(api_version, kind).namespaced else {}
        metadata = {"name": name, **namespaced, **metadata}
        self.put({"apiVersion": api_version, "kind": kind, "metadata": metadata, **content})

    def put(self, manifest: dict[str, Any]) -> None:
        self.client.apply(manifest)
        self.made.append(manifest)

    def remove_all(self) -> None:
        for item in reversed(self.made):
            metadata = item["metadata"]
            self.client.delete(item["apiVersion"], item["kind"], metadata["name"], metadata.get("namespace"))

    @property
    def placement(self) -> dict[str, Any]:
        """What brings a pod to this test's nodes."""
        return {
            "nodeSelector": {"test": self.namespace},
            "tolerations": [{"key": "test", "operator": "Exists", "effect": "NoSchedule"}],
        }

    def get(self, api_version: str, kind: str, name: str) -> dict[str, Any]:
        return self.client.get(api_version, kind, name, self.namespace) or {"metadata": {}, "spec": {}, "status": {}}

    def status(self, api_version: str, kind: str, name: str) -> dict[str, Any]:
        return self.get(api_version, kind, name).get("status") or {}

    def pods(self, labels: str = "") -> dict[str, dict[str, Any]]:
        found = self.client.list("v1", "Pod", self.namespace, labels=labels).items
        return {pod["metadata"]["name"]: pod for pod in found}

    def ready(self, api_version: str, kind: str, name: str) -> bool:
        conditions = self.status(api_version, kind, name).get("conditions") or []
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def wait(what: str, holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come about in {PATIENCE:.0f} s"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def client(plane: Plane) -> Iterator[Client]:
    with Client(plane.kubeconfig) as client:
        for definition in load_crds():
            if definition["metadata"]["name"] in NEEDED:
                client.apply(definition)
        yield client


NEEDED = {
    kind.crd
    for kind in (
        kinds.CLUSTER, kinds.POOLER, kinds.NODE_POOL, kinds.SCALED_OBJECT, kinds.CERTIFICATE, kinds.EXTERNAL_SECRET,
        kinds.DATABASE, kinds.CLUSTER_SECRET_STORE,
    )
}  # fmt: skip


@pytest.fixture(scope="module")
def stand_ins(client: Client, plane: Plane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:  # noqa: ARG001
    """The process; gives its log."""
    folder = tmp_path_factory.mktemp("stand-ins")
    arguments = ["--plane-dir", str(folder), "--kubeconfig", str(plane.kubeconfig)]
    command = [sys.executable, "-m", "rehearsal.standins", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT_DIR)}
    log = folder / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=file, stderr=file)
        try:
            wait("their start", lambda: log.read_text().count("is up") > len(STAND_INS))
            yield log
        finally:
            process.terminate()
            assert process.wait(PATIENCE) == 0
    assert "Traceback" not in log.read_text()


@pytest.fixture
def cluster(client: Client, stand_ins: Path) -> Iterator[Cluster]:  # noqa: ARG001 - they do the work
    cluster = Cluster(client)
    storage_class = {
        "provisioner": "ebs.csi.aws.com",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }
    cluster.apply("storage.k8s.io/v1", "StorageClass", cluster.namespace, storage_class)
    try:
        yield cluster
    finally:
        cluster.remove_all()


def postgres(cluster: Cluster, **spec: Any) -> None:
    affinity = {
        "podAntiAffinityType": "required",
        "topologyKey": "topology.kubernetes.io/zone",
        **cluster.placement,
    }
    content = {
        "instances": 3,
        "imageName": "ghcr.io/cloudnative-pg/postgresql:18.4",
        "storage": {"size": "10Gi", "storageClass": cluster.namespace},
        "walStorage": {"size": "5Gi", "storageClass": cluster.namespace},
        "resources": {"requests": {"cpu": "500m", "memory": "1Gi"}, "limits": {"memory": "1Gi"}},
        "affinity": affinity,
        **spec,
    }
    cluster.apply(CNPG, "Cluster", "pg", {"spec": content})


INSTANCES = "cnpg.io/cluster=pg,cnpg.io/podRole=instance"


def role(pod: dict[str, Any]) -> str:
    return str(pod["metadata"]["labels"]["cnpg.io/instanceRole"])


def test_a_database_comes_up_in_three_zones_and_its_primary_moves_away(cluster: Cluster) -> None:
    postgres(cluster)
    cluster.apply(CNPG, "Database", "shop", {"spec": {"cluster": {"name": "pg"}, "name": "shop", "owner": "shop"}})
    wait("the cluster", lambda: cluster.ready(CNPG, "Cluster", "pg"))
    wait("the database", lambda: cluster.status(CNPG, "Database", "shop").get("applied"))

    pods = cluster.pods(INSTANCES)
    nodes = {name: pod["spec"]["nodeName"] for name, pod in pods.items()}
    assert sorted(nodes.values()) == [f"{cluster.namespace}-{zone}" for zone in ZONES]
    volumes = cluster.client.list("v1", "PersistentVolumeClaim", cluster.namespace).items
    assert len(volumes) == 6
    assert all(claim["status"]["phase"] == "Bound" for claim in volumes)

    (primary,) = [name for name, pod in pods.items() if role(pod) == "primary"]
    assert not cluster.client.evict(primary, cluster.namespace), "its disruption budget holds it"
    cluster.client.patch("v1", "Node", nodes[primary], {"spec": {"unschedulable": True}})
    wait("the switchover", lambda: role(cluster.pods(INSTANCES)[primary]) == "replica")
    assert cluster.client.evict(primary, cluster.namespace)
    wait("a new pod", lambda: _uid(cluster, primary) not in (None, pods[primary]["metadata"]["uid"]))
    cluster.client.patch("v1", "Node", nodes[primary], {"spec": {"unschedulable": None}})
    wait("the cluster again", lambda: cluster.ready(CNPG, "Cluster", "pg"))
    assert cluster.pods(INSTANCES)[primary]["spec"]["nodeName"] == nodes[primary], "its volume is there"

    before = {name: pod["metadata"]["uid"] for name, pod in cluster.pods(INSTANCES).items()}
    postgres(
        cluster,
        postgresql={"parameters": {"work_mem": "64MB"}},
        storage={"size": "20Gi", "storageClass": cluster.namespace},
    )
    wait("the growth", lambda: _capacity(cluster, "pg-1") == _capacity(cluster, "pg-3") == "20Gi")
    assert {name: pod["metadata"]["uid"] for name, pod in cluster.pods(INSTANCES).items()} == before


def _uid(cluster: Cluster, pod: str) -> str | None:
    metadata = cluster.get("v1", "Pod", pod)["metadata"]
    return None if "deletionTimestamp" in metadata else metadata.get("uid")


def _capacity(cluster: Cluster, claim: str) -> str:
    return str(cluster.get("v1", "PersistentVolumeClaim", claim)["status"]["capacity"]["storage"])


def test_a_pooler_becomes_a_deployment_with_its_service(cluster: Cluster) -> None:
    postgres(cluster, instances=1)
    resources = {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "64Mi"}}
    template = {"spec": {"containers": [{"name": "pgbouncer", "resources": resources}], **cluster.placement}}
    spec = {"cluster": {"name": "pg"}, "instances": 2, "type": "rw", "pgbouncer": {}, "template": template}
    cluster.apply(CNPG, "Pooler", "pg-pooler", {"spec": spec})
    wait(
        "its pods",
        lambda: cluster.status("apps/v1", "Deployment", "pg-pooler").get("readyReplicas") == 2,
    )
    wait("its status", lambda: cluster.status(CNPG, "Pooler", "pg-pooler").get("instances") == 2)
    assert cluster.get("v1", "Service", "pg-pooler")["spec"]["selector"] == {"cnpg.io/poolerName": "pg-pooler"}


def test_a_scaled_tier_gets_its_floor_and_its_nodes_and_loses_them_drained(cluster: Cluster) -> None:
    name = cluster.namespace
    requirements = [
        {"key": "topology.kubernetes.io/zone", "operator": "In", "values": list(ZONES)},
        {"key": "node.kubernetes.io/instance-type", "operator": "In", "values": ["m7i.large", "m7i.xlarge"]},
    ]
    taint = {"key": "pool", "value": name, "effect": "NoSchedule"}
    node_class = {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": "default"}
    template = {
        "metadata": {"labels": {"pool": name}},
        "spec": {"requirements": requirements, "taints": [taint], "nodeClassRef": node_class},
    }
    cluster.apply("karpenter.sh/v1", "NodePool", name, {"spec": {"template": template, "limits": {"cpu": "48"}}})
    cluster.apply("apps/v1", "Deployment", "web", {"spec": web(name)})
    cron = {"timezone": "UTC", "start": "0 0 1 1 *", "end": "1 0 1 1 *", "desiredReplicas": "30"}
    spec = {
        "scaleTargetRef": {"name": "web"},
        "minReplicaCount": 9,
        "maxReplicaCount": 60,
        "triggers": [{"type": "cron", "metadata": cron}],
    }
    cluster.apply("keda.sh/v1alpha1", "ScaledObject", "web", {"spec": spec})
    wait("nine pods", lambda: cluster.status("apps/v1", "Deployment", "web").get("readyReplicas") == 9)
    wait("word of it", lambda: cluster.ready("keda.sh/v1alpha1", "ScaledObject", "web"))

    def nodes() -> list[dict[str, Any]]:
        return cluster.client.list("v1", "Node", labels=f"karpenter.sh/nodepool={name}").items

    zones = [node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in nodes()]
    assert set(zones) == set(ZONES)
    # The first pod comes alone, before KEDA scales: it may have a node of its own.
    assert len(zones) <= len(ZONES) + 2
    cluster.client.delete("apps/v1", "Deployment", "web", name)
    cluster.client.delete("karpenter.sh/v1", "NodePool", name)
    wait("the nodes' end", lambda: not nodes())


def web(name: str) -> dict[str, Any]:
    spread = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
        "matchLabelKeys": ["pod-template-hash"],
        "nodeTaintsPolicy": "Honor",
    }
    container = {
        "name": "web",
        "image": "web",
        "resources": {"requests": {"cpu": "1", "memory": "2Gi"}, "limits": {"memory": "2Gi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    pod = {
        "nodeSelector": {"pool": name},
        "tolerations": [{"key": "pool", "value": name, "effect": "NoSchedule"}],
        "topologySpreadConstraints": [spread],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    labels = {"app": "web"}
    return {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": pod}}


def test_addresses_certificates_and_secrets_appear(cluster: Cluster) -> None:
    spec: dict[str, Any] = {"type": "LoadBalancer", "ports": [{"port": 443}], "selector": {"app": "edge"}}
    cluster.apply("v1", "Service", "edge", {"spec": spec})
    issuer = {"name": "letsencrypt", "kind": "ClusterIssuer"}
    spec = {"secretName": "tls", "dnsNames": ["shop.example"], "issuerRef": issuer}
    cluster.apply("cert-manager.io/v1", "Certificate", "shop", {"spec": spec})
    spec = {
        "secretStoreRef": {"name": "aws", "kind": "ClusterSecretStore"},
        "target": {"name": "odoo", "template": {"data": {"odoo.conf": "db_password = {{ .password }}\n"}}},
        "data": [{"secretKey": "password", "remoteRef": {"key": "retail/shop", "property": "password"}}],
    }
    cluster.apply("external-secrets.io/v1", "ExternalSecret", "odoo", {"spec": spec})
    wait("the address", lambda: cluster.status("v1", "Service", "edge").get("loadBalancer", {}).get("ingress"))
    wait("the certificate", lambda: cluster.ready("cert-manager.io/v1", "Certificate", "shop"))
    wait("the secret", lambda: cluster.ready("external-secrets.io/v1", "ExternalSecret", "odoo"))
    assert cluster.get("v1", "Secret", "tls")["data"].keys() == {"tls.crt", "tls.key", "ca.crt"}
    before = cluster.get("v1", "Secret", "odoo")
    assert before["data"].keys() == {"odoo.conf"}
    assert before["metadata"]["managedFields"][0]["manager"] == "retail-stand-in"

    cluster.client.delete("v1", "Secret", "odoo", cluster.namespace)
    wait("the secret again", lambda: "data" in cluster.get("v1", "Secret", "odoo"))
    assert cluster.get("v1", "Secret", "odoo")["data"] == before["data"], "made up once and for all"
