"""The life of a cluster, told by applying what is planned to a world and letting its pods become ready."""

from datetime import UTC, datetime
from typing import Any

import pytest

from rehearsal.standins.cnpg import CloudNativePG, choose_primary, observe
from rehearsal.standins.generated import Generator
from rehearsal.standins.stand_in import Action, Apply, Delete, Patch
from rehearsal.standins.tls import Authority
from rehearsal.standins.world import Key, World, key_of

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
STAND_IN = CloudNativePG(Generator(b"seed"), Authority())


class Rehearsal:
    """A cluster of three nodes on which pods run at once; deleted objects are gone at once."""

    def __init__(self, **spec: Any) -> None:
        self.objects: dict[Key, dict[str, Any]] = {}
        self.refusals: dict[Key, str] = {}
        self.deleted: list[str] = []
        self.most_pods_down = 0
        self.cluster = self.put(
            {
                "apiVersion": "postgresql.cnpg.io/v1",
                "kind": "Cluster",
                "metadata": {"name": "pg", "namespace": "shop", "uid": "pg-uid"},
                "spec": {"instances": 3, "imageName": "postgres:18.1", "storage": {"size": "10Gi"}, **spec},
            }
        )
        for number in (1, 2, 3):
            ready = [{"type": "Ready", "status": "True"}]
            metadata = {"name": f"node-{number}"}
            self.put(
                {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}, "status": {"conditions": ready}}
            )

    def put(self, item: dict[str, Any]) -> dict[str, Any]:
        self.objects[key_of(item)] = item
        return item

    def get(self, kind: str, name: str, api_version: str = "v1") -> dict[str, Any]:
        return self.objects[api_version, kind, "" if kind == "Node" else "shop", name]

    def has(self, kind: str, name: str, api_version: str = "v1") -> bool:
        return (api_version, kind, "shop", name) in self.objects

    @property
    def world(self) -> World:
        return World.of(self.objects.values(), NOW, self.refusals)

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.cluster["status"]
        return found

    def pods(self) -> dict[str, str]:
        """Role by name."""
        return {
            name: item["metadata"]["labels"]["cnpg.io/instanceRole"]
            for (_, kind, _, name), item in sorted(self.objects.items())
            if kind == "Pod"
        }

    def uids(self) -> dict[str, str]:
        return {name: self.get("Pod", name)["metadata"]["uid"] for name in self.pods()}

    def settle(self, most_steps: int = 30) -> None:
        """Plans and does until there is nothing to do."""
        for _ in range(most_steps):
            actions = list(STAND_IN.plan(self.world))
            if not actions:
                return
            for action in actions:
                self.perform(action)
            running = sum(self.ready(name) for name in self.pods())
            self.most_pods_down = max(self.most_pods_down, self.cluster["spec"]["instances"] - running)
            self.run_pods()
        raise AssertionError(f"it never settles: {actions}")

    def perform(self, action: Action) -> None:
        if isinstance(action, Delete):
            self.deleted.append(self.objects.pop(action.key)["metadata"]["name"])
        elif isinstance(action, Patch):
            self.objects[action.key]["metadata"]["labels"] |= action.body["metadata"]["labels"]
        elif isinstance(action, Apply) and action.key in self.refusals:
            pass
        elif isinstance(action, Apply) and action.subresource == "status":
            self.objects[action.key]["status"] = action.manifest["status"]
        elif isinstance(action, Apply):
            before = self.objects.get(action.key, {"metadata": {"uid": f"uid-{len(self.deleted)}-{len(self.objects)}"}})
            metadata = {**action.manifest["metadata"], "uid": before["metadata"]["uid"]}
            self.put({"status": before.get("status", {}), **action.manifest, "metadata": metadata})

    def run_pods(self) -> None:
        for name in self.pods():
            pod = self.get("Pod", name)
            if "nodeName" not in pod["spec"]:
                pod["spec"] = {**pod["spec"], "nodeName": f"node-{name[-1]}"}
                pod["status"] = {"conditions": [{"type": "Ready", "status": "True"}]}

    def ready(self, name: str) -> bool:
        return bool(self.get("Pod", name)["status"].get("conditions"))

    def remove(self, kind: str, name: str) -> None:
        del self.objects["v1", kind, "shop", name]


@pytest.fixture
def running() -> Rehearsal:
    cluster = Rehearsal()
    cluster.settle()
    cluster.deleted, cluster.most_pods_down = [], 0
    return cluster


def test_a_cluster_comes_up_with_one_primary(running: Rehearsal) -> None:
    assert running.pods() == {"pg-1": "primary", "pg-2": "replica", "pg-3": "replica"}
    assert running.status["phase"] == "Cluster in healthy state"
    assert running.status["currentPrimary"] == running.status["targetPrimary"] == "pg-1"
    assert (running.status["instances"], running.status["readyInstances"]) == (3, 3)
    assert running.status["conditions"][0] | {"lastTransitionTime": ""} == {
        "type": "Ready",
        "status": "True",
        "reason": "ClusterIsReady",
        "message": "Cluster is Ready",
        "lastTransitionTime": "",
    }
    for claim in ("pg-1", "pg-2", "pg-3"):
        assert running.has("PersistentVolumeClaim", claim)
    for name in ("pg-app", "pg-ca", "pg-server", "pg-replication"):
        assert running.has("Secret", name)
    assert not running.has("Secret", "pg-superuser")


def test_replicas_join_one_after_the_other() -> None:
    cluster = Rehearsal()
    for action in STAND_IN.plan(cluster.world):
        cluster.perform(action)
    assert cluster.pods() == {"pg-1": "primary"}
    assert cluster.status["phase"] == "Setting up primary"
    for action in STAND_IN.plan(cluster.world):
        cluster.perform(action)
    assert cluster.pods() == {"pg-1": "primary"}, "the primary is not ready yet"


def test_what_is_not_true_is_not_said(running: Rehearsal) -> None:
    assert not running.status.keys() & {"firstRecoverabilityPoint", "lastSuccessfulBackup", "timelineID", "systemID"}


def test_a_parameter_touches_no_pod(running: Rehearsal) -> None:
    before = running.uids()
    running.cluster["spec"]["postgresql"] = {"parameters": {"max_connections": "500"}}
    running.settle()
    assert running.uids() == before
    assert running.deleted == []


def test_labels_reach_pods_without_new_ones(running: Rehearsal) -> None:
    before = running.uids()
    running.cluster["spec"]["inheritedMetadata"] = {"labels": {"retail/tier": "database"}}
    running.settle()
    assert running.uids() == before
    assert all(running.get("Pod", name)["metadata"]["labels"]["retail/tier"] == "database" for name in before)


@pytest.mark.parametrize(
    "change",
    [
        {"imageName": "postgres:18.2"},
        {"resources": {"requests": {"cpu": "2"}}},
        {"affinity": {"topologyKey": "topology.kubernetes.io/zone", "podAntiAffinityType": "required"}},
    ],
)
def test_a_new_pod_spec_rolls_through_replicas_then_primary(running: Rehearsal, change: dict[str, Any]) -> None:
    before = running.uids()
    running.cluster["spec"] |= change
    running.settle()
    assert running.deleted == ["pg-3", "pg-2", "pg-1"]
    assert running.most_pods_down == 1
    assert not set(running.uids().values()) & set(before.values())
    assert running.pods()["pg-1"] == "replica", "the last one left by switchover"
    assert running.status["phase"] == "Cluster in healthy state"


def test_a_supervised_update_stops_before_the_primary(running: Rehearsal) -> None:
    running.cluster["spec"] |= {"imageName": "postgres:18.2", "primaryUpdateStrategy": "supervised"}
    running.settle()
    assert running.deleted == ["pg-3", "pg-2"]
    assert running.pods()["pg-1"] == "primary"
    assert running.status["phase"] == "Waiting for user action"
    assert running.status["conditions"][0]["status"] == "False"


def test_a_single_instance_is_updated_in_its_place() -> None:
    cluster = Rehearsal(instances=1)
    cluster.settle()
    cluster.cluster["spec"]["imageName"] = "postgres:18.2"
    cluster.settle()
    assert cluster.deleted == ["pg-1"]
    assert cluster.pods() == {"pg-1": "primary"}


@pytest.mark.parametrize(
    "trouble",
    [
        {"spec": {"unschedulable": True}},
        {"spec": {"taints": [{"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]}},
        {"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}},
    ],
)
def test_the_primary_leaves_a_node_in_trouble(running: Rehearsal, trouble: dict[str, Any]) -> None:
    running.get("Node", "node-1").update(trouble)
    before = running.uids()
    running.settle()
    assert running.pods() == {"pg-1": "replica", "pg-2": "primary", "pg-3": "replica"}
    assert running.status["currentPrimary"] == "pg-2"
    assert running.uids() == before, "a switchover moves the role, not the pods"


def test_the_primary_prefers_a_sound_node(running: Rehearsal) -> None:
    running.get("Node", "node-1")["spec"] = {"unschedulable": True}
    running.get("Node", "node-2")["spec"] = {"unschedulable": True}
    running.settle()
    assert running.status["currentPrimary"] == "pg-3"


def test_with_every_node_cordoned_the_primary_stays(running: Rehearsal) -> None:
    for number in (1, 2, 3):
        running.get("Node", f"node-{number}")["spec"] = {"unschedulable": True}
    running.settle()
    assert running.status["currentPrimary"] == "pg-1"


def test_a_lost_primary_is_replaced_at_once_and_comes_back_as_replica(running: Rehearsal) -> None:
    before = running.uids()
    running.remove("Pod", "pg-1")
    running.settle()
    assert running.pods() == {"pg-1": "replica", "pg-2": "primary", "pg-3": "replica"}
    assert running.uids()["pg-1"] != before["pg-1"]
    assert not [name for name in running.deleted if name.startswith("pg")]


def test_a_lost_replica_comes_back_on_its_claim(running: Rehearsal) -> None:
    claim = running.get("PersistentVolumeClaim", "pg-3")
    running.remove("Pod", "pg-3")
    running.settle()
    assert running.pods()["pg-3"] == "replica"
    assert running.get("PersistentVolumeClaim", "pg-3") is claim
    assert running.status["currentPrimary"] == "pg-1"


def test_an_evicted_pod_makes_room_for_a_new_one(running: Rehearsal) -> None:
    running.get("Pod", "pg-2")["status"] = {"phase": "Failed", "reason": "Evicted"}
    running.settle()
    assert running.deleted == ["pg-2"]
    assert running.status["readyInstances"] == 3


def test_a_lone_primary_that_is_lost_stays_the_primary() -> None:
    cluster = Rehearsal(instances=1)
    cluster.settle()
    cluster.remove("Pod", "pg-1")
    cluster.settle()
    assert cluster.pods() == {"pg-1": "primary"}


def test_scale_up_and_down(running: Rehearsal) -> None:
    before = running.uids()
    running.cluster["spec"]["instances"] = 5
    running.settle()
    assert list(running.pods()) == ["pg-1", "pg-2", "pg-3", "pg-4", "pg-5"]
    running.cluster["spec"]["instances"] = 2
    running.settle()
    assert running.uids() == {name: before[name] for name in ("pg-1", "pg-2")}
    assert not running.has("PersistentVolumeClaim", "pg-3")
    assert running.status["phase"] == "Cluster in healthy state"


def test_a_surplus_primary_hands_over_first(running: Rehearsal) -> None:
    running.get("Node", "node-1")["spec"] = running.get("Node", "node-2")["spec"] = {"unschedulable": True}
    running.settle()
    running.get("Node", "node-1")["spec"] = running.get("Node", "node-2")["spec"] = {}
    running.cluster["spec"]["instances"] = 2
    running.settle()
    assert running.pods() == {"pg-1": "primary", "pg-2": "replica"}


def test_disruption_budgets_follow_the_instances(running: Rehearsal) -> None:
    policy = "policy/v1"
    replicas, primary = (running.get("PodDisruptionBudget", name, policy) for name in ("pg", "pg-primary"))
    assert (replicas["spec"]["minAvailable"], primary["spec"]["minAvailable"]) == (1, 1)
    running.cluster["spec"]["instances"] = 2
    running.settle()
    assert not running.has("PodDisruptionBudget", "pg", policy)
    running.cluster["spec"]["enablePDB"] = False
    running.settle()
    assert not running.has("PodDisruptionBudget", "pg-primary", policy)


def test_secrets_are_generated_once(running: Rehearsal) -> None:
    before = {name: running.get("Secret", name)["data"] for name in ("pg-app", "pg-ca", "pg-server")}
    running.cluster["spec"]["imageName"] = "postgres:18.2"
    running.settle()
    assert {name: running.get("Secret", name)["data"] for name in before} == before


def test_what_the_api_server_refuses_is_said_in_the_phase() -> None:
    cluster = Rehearsal()
    cluster.refusals["v1", "Pod", "shop", "pg-1"] = "violates PodSecurity"
    for _ in range(2):
        for action in list(STAND_IN.plan(cluster.world)):
            cluster.perform(action)
    assert cluster.status["phase"] == "Unable to create required cluster objects"
    assert cluster.status["phaseReason"] == "violates PodSecurity"
    (ready,) = cluster.status["conditions"]
    assert ready["status"] == "False"
    assert "violates PodSecurity" in ready["message"]


def test_the_choice_of_a_primary_is_stable(running: Rehearsal) -> None:
    instances = observe(running.cluster, running.world)
    running.cluster["status"]["targetPrimary"] = "pg-3"
    assert choose_primary(running.cluster, instances).name == "pg-3"


@pytest.mark.parametrize("kind", ["Database", "DatabaseRole"])
def test_databases_and_roles_are_applied_once_there_is_a_primary(running: Rehearsal, kind: str) -> None:
    item: dict[str, Any] = {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": kind,
        "metadata": {"name": "shop", "namespace": "shop", "generation": 2},
        "spec": {"cluster": {"name": "pg"}},
    }
    early = World.of([item, {**running.cluster, "status": {}}], NOW)
    assert all(action.key[1] != kind for action in STAND_IN.plan(early))
    running.put(item)
    running.settle()
    assert item["status"] | {"message": ""} == {"applied": True, "observedGeneration": 2, "message": ""}


def test_a_cluster_that_is_being_deleted_is_left_alone(running: Rehearsal) -> None:
    running.cluster["metadata"]["deletionTimestamp"] = "2026-11-27T12:00:00Z"
    running.remove("Pod", "pg-1")
    running.settle()
    assert "pg-1" not in running.pods()
