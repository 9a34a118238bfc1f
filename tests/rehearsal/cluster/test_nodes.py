"""Stand-in nodes: as many, as large, where and with what labels and taints the program's node groups say."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rehearsal.cluster.client import Client
from rehearsal.cluster.nodes import apply_nodes, node_manifest, remove_nodes
from rehearsal.cluster.placement import look
from rehearsal.engine.model import Evaluation, Resource
from rehearsal.errors import RehearsalError
from rehearsal.progress import QuietProgress
from rehearsal.standins.quantities import resources
from retail.instances import INSTANCE_TYPES

MakeResource = Callable[..., Resource]
MakeProgram = Callable[..., Evaluation]
SIZE = INSTANCE_TYPES["r7i.xlarge"]


def test_a_node_has_the_size_labels_and_taints_of_its_machine() -> None:
    taint = {"key": "retail/pool", "value": "data", "effect": "NoSchedule"}
    node = node_manifest(
        "n", zone="eu-central-1b", instance_type="r7i.xlarge", labels={"retail/pool": "data"}, taints=[taint]
    )
    assert node["metadata"]["annotations"]["kwok.x-k8s.io/node"] == "fake"
    assert (
        node["metadata"]["labels"].items()
        >= {
            "kubernetes.io/hostname": "n",
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "node.kubernetes.io/instance-type": "r7i.xlarge",
            "topology.kubernetes.io/region": "eu-central-1",
            "topology.kubernetes.io/zone": "eu-central-1b",
            "retail/pool": "data",
        }.items()
    )
    assert node["spec"]["taints"] == [taint]
    offered = resources(node["status"]["allocatable"])
    assert offered.cpu == SIZE.allocatable_cpu_millis
    assert offered.memory == SIZE.allocatable_memory_mib * 2**20
    assert offered.pods == SIZE.max_pods
    assert resources(node["status"]["capacity"]).cpu == 4000


def test_a_machine_of_unknown_size_is_told_by_name() -> None:
    with pytest.raises(RehearsalError, match=r"node n: the size of instance type x9\.huge is not known"):
        node_manifest("n", zone="eu-central-1a", instance_type="x9.huge", labels={})


@pytest.fixture
def stack_name(namespace: str) -> str:
    """A stack of the test's own, as nodes belong to no namespace."""
    return namespace


@pytest.fixture
def with_group(
    resource: MakeResource, program: MakeProgram, stack_name: str, client: Client
) -> Iterator[Callable[..., Evaluation]]:
    """Makes the program of one node group; keywords are its inputs."""

    def make(desired: int, zones: str = "abc", **inputs: Any) -> Evaluation:
        subnets = [
            resource(
                "aws:ec2/subnet:Subnet",
                f"private-{zone}",
                id=f"subnet-{zone}",
                outputs={"availabilityZone": f"eu-central-1{zone}"},
            )
            for zone in zones
        ]
        group = resource(
            "aws:eks/nodeGroup:NodeGroup",
            "data",
            inputs={
                "nodeGroupName": f"{stack_name}-data",
                "subnetIds": [subnet.id for subnet in subnets],
                "instanceTypes": ["r7i.xlarge"],
                "scalingConfig": {"desiredSize": desired, "minSize": 0, "maxSize": 9},
                "taints": [{"key": "retail/pool", "value": stack_name, "effect": "NO_SCHEDULE"}],
                "labels": {"retail/pool": stack_name},
                **inputs,
            },
        )
        return program(*subnets, group, stack=stack_name)

    yield make
    remove_nodes(stack_name, client)


@pytest.mark.cluster
class TestNodes:
    @pytest.fixture
    def nodes(self, client: Client, stack_name: str) -> Callable[[], dict[str, dict[str, Any]]]:
        def live() -> dict[str, dict[str, Any]]:
            found = client.list("v1", "Node", labels=f"retail/stack={stack_name}").items
            return {node["metadata"]["name"]: node for node in found}

        return live

    def test_nodes_spread_over_the_zones_and_running_again_changes_nothing(
        self, client: Client, with_group: Callable[..., Evaluation], nodes: Callable[[], dict[str, Any]]
    ) -> None:
        assert apply_nodes(with_group(5), client, QuietProgress()) == 5
        first = nodes()
        zones = Counter(node["metadata"]["labels"]["topology.kubernetes.io/zone"] for node in first.values())
        assert zones == {"eu-central-1a": 2, "eu-central-1b": 2, "eu-central-1c": 1}
        apply_nodes(with_group(5), client, QuietProgress())
        assert {name: node["metadata"]["uid"] for name, node in nodes().items()} == {
            name: node["metadata"]["uid"] for name, node in first.items()
        }

    def test_scaling_in_drains_and_scaling_out_adds(
        self, client: Client, namespace: str, with_group: Callable[..., Evaluation], nodes: Callable[[], dict[str, Any]]
    ) -> None:
        apply_nodes(with_group(2), client, QuietProgress())
        before = nodes()
        deployment = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "web", "namespace": namespace},
            "spec": {
                "replicas": 4,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {
                    "metadata": {"labels": {"app": "web"}},
                    "spec": {
                        "nodeSelector": {"retail/pool": namespace},
                        "tolerations": [{"key": "retail/pool", "operator": "Exists"}],
                        "containers": [{"name": "main", "image": "i"}],
                    },
                },
            },
        }
        client.apply(deployment)
        for event in client.watch("apps/v1", "Deployment", namespace):
            if event.object.get("status", {}).get("readyReplicas") == 4:
                break
        apply_nodes(with_group(1), client, QuietProgress())
        (left,) = nodes()
        pods = [pod for pod in look(client, namespaces={namespace}).pods if pod.phase != "Terminating"]
        assert {pod.node for pod in pods} <= {left, ""}
        apply_nodes(with_group(2), client, QuietProgress())
        assert nodes().keys() == before.keys()

    def test_labels_and_taints_follow_the_group_and_the_clusters_own_taints_stay(
        self, client: Client, with_group: Callable[..., Evaluation], nodes: Callable[[], dict[str, Any]]
    ) -> None:
        apply_nodes(with_group(1, labels={"old": "1"}), client, QuietProgress())
        ((name, before),) = nodes().items()
        cordon = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
        client.patch("v1", "Node", name, {"spec": {"unschedulable": True, "taints": [cordon]}})
        apply_nodes(with_group(1, labels={"new": "1"}), client, QuietProgress())
        ((_, after),) = nodes().items()
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert "old" not in after["metadata"]["labels"]
        assert after["metadata"]["labels"]["new"] == "1"
        keys = [taint["key"] for taint in after["spec"]["taints"]]
        assert sorted(keys) == ["node.kubernetes.io/unschedulable", "retail/pool"]

    def test_another_instance_type_means_other_machines(
        self, client: Client, with_group: Callable[..., Evaluation], nodes: Callable[[], dict[str, Any]]
    ) -> None:
        apply_nodes(with_group(1), client, QuietProgress())
        before = nodes()
        apply_nodes(with_group(1, instanceTypes=["m7i.large"]), client, QuietProgress())
        assert not nodes().keys() & before.keys()
        ((_, node),) = nodes().items()
        assert node["status"]["allocatable"]["cpu"] == f"{INSTANCE_TYPES['m7i.large'].allocatable_cpu_millis}m"

    def test_nodes_of_a_group_that_left_the_program_go(
        self,
        client: Client,
        with_group: Callable[..., Evaluation],
        nodes: Callable[[], dict[str, Any]],
        program: MakeProgram,
        stack_name: str,
    ) -> None:
        apply_nodes(with_group(2), client, QuietProgress())
        apply_nodes(program(stack="another"), client, QuietProgress())
        assert len(nodes()) == 2
        apply_nodes(program(stack=stack_name), client, QuietProgress())
        assert nodes() == {}

    def test_zones_come_from_the_stack_that_has_the_network(
        self,
        client: Client,
        with_group: Callable[..., Evaluation],
        nodes: Callable[[], dict[str, Any]],
        program: MakeProgram,
    ) -> None:
        whole = with_group(2, zones="ab")
        subnets = [item for item in whole.resources.values() if "Subnet" in item.type]
        groups = [item for item in whole.resources.values() if "NodeGroup" in item.type]
        hosted = program(*groups, stack=whole.stack)
        hosted.references["organization/odoo-retail/platform"] = program(*subnets, stack="platform")
        apply_nodes(hosted, client, QuietProgress())
        assert len(nodes()) == 2

    def test_a_subnet_of_nobody_is_told(self, client: Client, with_group: Callable[..., Evaluation]) -> None:
        with pytest.raises(RehearsalError, match="no subnet of the program has the id subnet-x"):
            apply_nodes(with_group(1, subnetIds=["subnet-x"]), client, QuietProgress())
