from typing import Any

from rehearsal.standins.load_balancer import LoadBalancer, hostname
from rehearsal.standins.stand_in import Apply
from rehearsal.standins.world import World

NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "n", "labels": {"topology.kubernetes.io/region": "eu-central-1"}},
}


def service(name: str = "edge", kind: str = "LoadBalancer", namespace: str = "shop-production") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"type": kind}}


def test_a_load_balancer_gets_a_host_name_in_the_nodes_region() -> None:
    (said,) = LoadBalancer().plan(World.of([service(), service("inner", "ClusterIP"), NODE]))
    assert isinstance(said, Apply)
    assert said.subresource == "status"
    (ingress,) = said.manifest["status"]["loadBalancer"]["ingress"]
    assert ingress["hostname"] == hostname(service(), "eu-central-1")
    assert ingress["hostname"].endswith(".elb.eu-central-1.amazonaws.com")


def test_names_are_stable_and_never_shared() -> None:
    names = {
        hostname(service(name, namespace=space), "eu-west-1")
        for name in ("edge", "edge-2")
        for space in ("shop-a", "shop-b")
    }
    assert len(names) == 4
    assert hostname(service(), "r") == hostname(service(), "r")
    assert all(len(name.split(".")[0]) <= 63 for name in names)


def test_said_once() -> None:
    item = service()
    (said,) = LoadBalancer().plan(World.of([item, NODE]))
    assert isinstance(said, Apply)
    item["status"] = said.manifest["status"]
    assert list(LoadBalancer().plan(World.of([item, NODE]))) == []
