from datetime import UTC, datetime, timedelta
from typing import Any

import kubernetes_validate
import pytest

from rehearsal.cluster.nodes import node_manifest
from rehearsal.standins.karpenter import Karpenter, new_nodes, node_of, pending, volume_zones
from rehearsal.standins.karpenter_disruption import allowed_disruptions, removable, terminated
from rehearsal.standins.karpenter_pools import machine_labels, pool_of, root_disk
from rehearsal.standins.stand_in import Apply, Delete, Evict, Patch, timestamp
from rehearsal.standins.world import World
from retail import versions
from retail.instances import INSTANCE_TYPES

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
ZONES = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]
TAINT = {"key": "retail/pool", "value": "web", "effect": "NoSchedule"}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}


def node_pool(**changes: Any) -> dict[str, Any]:
    requirements = [
        {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ZONES},
        {"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot", "on-demand"]},
        {"key": "karpenter.k8s.aws/instance-family", "operator": "In", "values": ["m7i"]},
        {"key": "karpenter.k8s.aws/instance-cpu", "operator": "Lt", "values": ["9"]},
    ]
    template = {
        "metadata": {"labels": {"retail/pool": "web"}},
        "spec": {"requirements": requirements, "taints": [TAINT], "nodeClassRef": {"name": "default"}},
    }
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": "web", "uid": "pool-uid"},
        "spec": {"template": template, "limits": {"cpu": "64", "memory": "256Gi"}, **changes},
    }


def pod(name: str, *, node: str = "", owner: str = "web", verdict: bool = True, **spec: Any) -> dict[str, Any]:
    resources = {"requests": {"cpu": "1", "memory": "2Gi"}}
    placed = {"nodeName": node} if node else {}
    conditions = [UNSCHEDULABLE] if verdict and not node else []
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": name,
            "labels": {"app": owner},
            "ownerReferences": [{"kind": "ReplicaSet", "uid": owner}],
        },
        "spec": {
            "containers": [{"name": "c", "resources": resources}],
            "nodeSelector": {"retail/pool": "web"},
            "tolerations": [{"key": "retail/pool", "operator": "Exists"}],
            **placed,
            **spec,
        },
        "status": {"phase": "Running" if node else "Pending", "conditions": conditions},
    }


def node(name: str, zone: str = ZONES[0], age: float = 3600, **metadata: Any) -> dict[str, Any]:
    labels = {"karpenter.sh/nodepool": "web", "retail/pool": "web", "retail/stand-in": "karpenter"}
    item = node_manifest(name, zone=zone, instance_type="m7i.xlarge", labels=labels, taints=[TAINT])
    created = timestamp(NOW - timedelta(seconds=age))
    item["metadata"] |= {"uid": name, "creationTimestamp": created, **metadata}
    return item


def world(*objects: dict[str, Any]) -> World:
    return World.of([node_pool(), *objects], NOW)


def nodes_added(stand_in: Karpenter, *objects: dict[str, Any]) -> list[dict[str, Any]]:
    actions = stand_in.provision(world(*objects))
    return [action.manifest for action in actions if isinstance(action, Apply) and action.key[1] == "Node"]


def test_a_node_as_karpenter_would_make_it() -> None:
    (added,) = nodes_added(Karpenter(), pod("p1"), pod("p2"))
    labels = added["metadata"]["labels"]
    assert labels["node.kubernetes.io/instance-type"] == "m7i.xlarge"
    assert labels["karpenter.sh/nodepool"] == labels["retail/pool"] == "web"
    assert labels["karpenter.sh/capacity-type"] == "on-demand"
    assert labels["topology.kubernetes.io/zone"] in ZONES
    assert labels["retail/stand-in"] == "karpenter"
    assert added["spec"]["taints"] == [TAINT]
    assert added["metadata"]["ownerReferences"][0]["uid"] == "pool-uid"
    assert added["metadata"]["name"].startswith("web-")


def test_pods_the_scheduler_has_not_judged_wait_unless_a_sibling_was_judged() -> None:
    stuck, fresh, other = pod("a"), pod("b", verdict=False), pod("c", owner="jobs", verdict=False)
    assert [each["metadata"]["name"] for each in pending(world(stuck, fresh, other))] == ["a", "b"]
    assert pending(world(fresh, other)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"deletionTimestamp": "2026-11-27T11:59:00Z"}},
        {"metadata": {"ownerReferences": [{"kind": "DaemonSet", "uid": "d"}]}},
        {"status": {"nominatedNodeName": "n1"}},
    ],
)
def test_pods_that_no_new_node_helps(change: dict[str, Any]) -> None:
    item = pod("a")
    for part, values in change.items():
        item[part] |= values
    assert pending(world(item)) == []


def test_important_pods_come_first() -> None:
    assert [each["metadata"]["name"] for each in pending(world(pod("a"), pod("b", priority=1000)))] == ["b", "a"]


def test_a_node_that_is_coming_up_is_waited_for() -> None:
    fresh = node("n1", age=2)
    fresh["spec"]["taints"].append({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"})
    assert nodes_added(Karpenter(), fresh, pod("p1")) == []
    assert len(nodes_added(Karpenter(), node("n1", age=60), pod("p1"))) == 1


def test_pods_on_a_coming_node_take_its_room() -> None:
    there = [pod(f"old{number}", node="n1") for number in range(3)]
    assert len(nodes_added(Karpenter(), node("n1", age=2), *there, pod("p1"))) == 1


def test_a_pod_that_stays_pending_gets_no_endless_row_of_nodes() -> None:
    stand_in = Karpenter()
    made = [bool(nodes_added(stand_in, pod("p1"))) for _ in range(6)]
    assert made == [True] * 4 + [False] * 2


def test_a_second_node_for_the_same_pod_is_another_node() -> None:
    stand_in = Karpenter()
    names = {nodes_added(stand_in, pod("p1"))[0]["metadata"]["name"] for _ in range(3)}
    assert len(names) == 3


def test_the_pools_limit_counts_its_nodes() -> None:
    full = [node(f"n{number}") for number in range(16)]  # 16 x 4 cores
    assert nodes_added(Karpenter(), *full, pod("p1")) == []
    assert len(nodes_added(Karpenter(), *full[1:], pod("p1"))) == 1


def refusals(stand_in: Karpenter, *objects: dict[str, Any]) -> list[str]:
    actions = stand_in.provision(world(*objects))
    events = [action.manifest for action in actions if isinstance(action, Apply) and action.key[1] == "Event"]
    for event in events:
        kubernetes_validate.validate(event, versions.KUBERNETES, strict=True)
    return [event["message"] for event in events]


def test_a_pod_without_hope_is_told_why_once() -> None:
    stand_in = Karpenter()
    full = [node(f"n{number}") for number in range(16)]
    (said,) = refusals(stand_in, *full, pod("p1"))
    assert "web would exceed its limits (64 of 64 cores, 256 of 256 GiB)" in said
    assert refusals(stand_in, *full, pod("p1")) == []
    giant: dict[str, Any] = {"containers": [{"name": "c", "resources": {"requests": {"cpu": "9"}}}]}
    assert "no instance type that is large enough" in refusals(stand_in, pod("p2", **giant))[0]
    assert "no node pool" in refusals(stand_in, pod("p3", tolerations=[]))[0]
    assert "labels" in refusals(stand_in, pod("p4", nodeSelector={"retail/pool": "other"}))[0]
    volume = {"name": "d", "persistentVolumeClaim": {"claimName": "data"}}
    assert "zone of its volumes" in refusals(stand_in, pod("p5", volumes=[volume]))[0]


def test_daemon_sets_take_their_part() -> None:
    spec = {
        "containers": [{"name": "agent", "resources": {"requests": {"cpu": "1800m", "memory": "1Gi"}}}],
        "tolerations": [{"operator": "Exists"}],
    }
    agent = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": "agent", "namespace": "kube-system"},
        "spec": {"template": {"spec": spec}},
    }
    (node_for_one,), _ = new_nodes([pod("p1")], world(pod("p1")))
    assert node_for_one.machine.instance_type == "m7i.large"
    (larger,), _ = new_nodes([pod("p1")], world(pod("p1"), agent))
    assert larger.machine.instance_type == "m7i.xlarge"


def claim(name: str, volume: str = "") -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata, "spec": {"volumeName": volume}}


def volume(name: str, zone: str) -> dict[str, Any]:
    in_zone = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone]}
    affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [in_zone]}]}}
    spec = {"nodeAffinity": affinity}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def test_bound_volumes_decide_the_zone_and_a_missing_claim_prevents_it() -> None:
    wants = pod("p1", volumes=[{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}])
    bound = world(wants, claim("data", "v"), volume("v", ZONES[2]))
    assert volume_zones(wants, bound) == frozenset({ZONES[2]})
    assert [each.zone for each in new_nodes([wants], bound)[0]] == [ZONES[2]]
    assert volume_zones(wants, world(wants, claim("data"))) is None
    assert new_nodes([wants], world(wants))[0] == []


def test_the_machines_a_pool_allows() -> None:
    pool = pool_of(node_pool(), world())
    assert [machine.instance_type for machine in pool.machines] == ["m7i.large", "m7i.xlarge", "m7i.2xlarge"]
    assert list(pool.zones) == ZONES
    labels = machine_labels(INSTANCE_TYPES["m7i.2xlarge"], node_pool())
    assert labels["karpenter.k8s.aws/instance-category"] == "m"
    assert labels["karpenter.k8s.aws/instance-generation"] == "7"
    assert labels["karpenter.k8s.aws/instance-size"] == "2xlarge"
    assert labels["karpenter.k8s.aws/instance-cpu"] == "8"


def test_the_root_volume_is_the_node_classes() -> None:
    mapping = {"deviceName": "/dev/xvda", "rootVolume": True, "ebs": {"volumeSize": "80Gi"}}
    node_class = {
        "apiVersion": "karpenter.k8s.aws/v1",
        "kind": "EC2NodeClass",
        "metadata": {"name": "default"},
        "spec": {"blockDeviceMappings": [mapping]},
    }
    assert root_disk(node_pool(), world()) == 20
    assert root_disk(node_pool(), world(node_class)) == 80
    (planned,), _ = new_nodes([pod("p1")], world(pod("p1")))
    assert node_of(planned, node_pool(), 80, turn=0)["status"]["allocatable"]["ephemeral-storage"] == "80Gi"


def removed(disruption: dict[str, Any], idle_for: float, count: int = 4) -> int:
    nodes = [node(f"n{number}") for number in range(count)]
    since = {f"n{number}": NOW - timedelta(seconds=idle_for) for number in range(count)}
    return len(removable(node_pool(disruption=disruption), nodes, since, NOW))


@pytest.mark.parametrize(
    ("after", "idle_for", "expected"),
    [("0s", 29, 0), ("0s", 30, 4), ("5m", 60, 0), ("5m", 300, 4), ("Never", 10**6, 0)],
)
def test_an_empty_node_goes_after_its_time(after: str, idle_for: float, expected: int) -> None:
    assert removed({"consolidateAfter": after, "budgets": [{"nodes": "100%"}]}, idle_for) == expected


@pytest.mark.parametrize(
    ("budgets", "expected"),
    [
        (None, 1),
        ([{"nodes": "0"}], 0),
        ([{"nodes": "50%"}, {"nodes": "3"}], 2),
        ([{"nodes": "0", "reasons": ["Drifted"]}, {"nodes": "3"}], 3),
        # 10 November to 2 December, as a peak's freeze says it; then one that is over.
        ([{"nodes": "0", "schedule": "0 0 10 11 *", "duration": "528h"}, {"nodes": "3"}], 0),
        ([{"nodes": "0", "schedule": "0 0 10 11 *", "duration": "240h"}, {"nodes": "3"}], 3),
    ],
)
def test_disruption_budgets(budgets: list[dict[str, Any]] | None, expected: int) -> None:
    assert allowed_disruptions(budgets, 4, NOW) == expected


def test_only_empty_nodes_that_may_be_disrupted_go_and_their_time_begins_anew() -> None:
    stand_in = Karpenter()
    pool = node_pool(disruption={"consolidateAfter": "30s", "budgets": [{"nodes": "100%"}]})
    kept = node("kept", annotations={"karpenter.sh/do-not-disrupt": "true"})
    nodes = [node("busy"), node("empty"), kept, node("done")]
    finished = pod("old", node="done")
    finished["status"]["phase"] = "Succeeded"
    objects = [pool, *nodes, pod("p", node="busy"), finished]

    def deleted(seconds: float, *more: dict[str, Any]) -> list[str]:
        moment = NOW + timedelta(seconds=seconds)
        actions = stand_in.removed(World.of([*objects, *more], moment))
        return sorted(action.key[3] for action in actions if isinstance(action, Delete))

    assert deleted(0) == []
    assert deleted(10, pod("visitor", node="empty")) == []
    assert deleted(35) == ["done"]
    assert deleted(70) == ["done", "empty"]


def test_a_deleted_node_is_tainted_drained_and_let_go() -> None:
    leaving = node("n1", deletionTimestamp="2026-11-27T11:59:00Z", finalizers=["karpenter.sh/termination"])
    (tainted,) = terminated(world(leaving, pod("p", node="n1")))
    assert isinstance(tainted, Patch)
    assert tainted.body["spec"]["taints"] == [TAINT, {"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}]
    leaving["spec"]["taints"] = tainted.body["spec"]["taints"]
    assert list(terminated(world(leaving, pod("p", node="n1")))) == [Evict(("v1", "Pod", "shop", "p"))]
    (let_go,) = terminated(world(leaving))
    assert isinstance(let_go, Patch)
    assert let_go.body == {"metadata": {"finalizers": []}}


def test_pool_and_class_say_they_are_ready_once() -> None:
    (said,) = [action for action in Karpenter().plan(world(node("n1"))) if isinstance(action, Apply)]
    status = said.manifest["status"]
    assert status["resources"] == {"cpu": "4", "memory": "16384Mi", "nodes": "1"}
    again = node_pool()
    again["status"] = status
    assert list(Karpenter().plan(World.of([again, node("n1")], NOW))) == []
