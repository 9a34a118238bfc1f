from typing import Any

import kubernetes_validate
import pytest

from rehearsal.standins.stand_in import Apply, Delete, Patch
from rehearsal.standins.storage import Storage, new_volume, zone_for, zone_of
from rehearsal.standins.world import World
from retail import versions

ZONE = "topology.kubernetes.io/zone"


def storage_class(**changes: Any) -> dict[str, Any]:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "gp3"},
        "provisioner": "ebs.csi.aws.com",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
        "reclaimPolicy": "Retain",
        "parameters": {"type": "gp3"},
        **changes,
    }


def node(name: str, zone: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {ZONE: zone}}}


NODES = [node("n-a", "a"), node("n-b", "b")]


def claim(name: str = "data", *, selected: str = "", size: str = "10Gi", bound: str = "") -> dict[str, Any]:
    annotations = {"volume.kubernetes.io/selected-node": selected} if selected else {}
    item: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "annotations": annotations},
        "spec": {
            "storageClassName": "gp3",
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
        },
        "status": {"phase": "Pending"},
    }
    if bound:
        item["spec"]["volumeName"] = f"pvc-uid-{name}"
        item["status"] = {"phase": "Bound", "capacity": {"storage": bound}}
    return item


def plan(*objects: dict[str, Any]) -> list[Any]:
    return list(Storage().plan(World.of([*objects, *NODES])))


def test_a_volume_is_made_in_the_selected_nodes_zone() -> None:
    (made,) = plan(storage_class(), claim(selected="n-b"))
    assert isinstance(made, Apply)
    kubernetes_validate.validate(made.manifest, versions.KUBERNETES, strict=True)
    spec = made.manifest["spec"]
    assert zone_of(made.manifest) == "b"
    assert made.manifest["metadata"]["labels"]["retail/stand-in"] == "storage"
    assert spec["capacity"] == {"storage": "10Gi"}
    assert spec["persistentVolumeReclaimPolicy"] == "Retain"
    assert (spec["claimRef"]["name"], spec["claimRef"]["uid"]) == ("data", "uid-data")
    assert spec["csi"]["driver"] == "ebs.csi.aws.com"


def test_it_waits_for_the_scheduler() -> None:
    assert plan(storage_class(), claim()) == []
    assert plan(storage_class(), claim(selected="gone")) == []


def test_other_provisioners_are_none_of_its_business() -> None:
    assert plan(storage_class(provisioner="efs.csi.aws.com"), claim(selected="n-a")) == []
    assert plan(claim(selected="n-a")) == []


def test_immediate_binding_takes_the_zone_with_the_fewest_volumes() -> None:
    immediate = storage_class(volumeBindingMode="Immediate")
    there = new_volume(claim("old"), immediate, "a")
    (made,) = plan(immediate, there, claim())
    assert zone_of(made.manifest) == "b"
    term = {"matchLabelExpressions": [{"key": ZONE, "values": ["a"]}]}
    only_a = storage_class(volumeBindingMode="Immediate", allowedTopologies=[term])
    assert zone_for(claim(), only_a, World.of([there, *NODES])) == "a"


def test_what_is_bound_and_right_is_left_alone() -> None:
    volume = new_volume(claim(), storage_class(), "a")
    assert plan(storage_class(), claim(selected="n-a", bound="10Gi"), volume) == []


def test_a_claim_that_grows_is_grown_with_its_volume() -> None:
    volume = new_volume(claim(), storage_class(), "a")
    on_volume, on_claim = plan(storage_class(), claim(size="20Gi", bound="10Gi"), volume)
    assert isinstance(on_volume, Patch)
    assert on_volume.key[1] == "PersistentVolume"
    assert on_volume.body == {"spec": {"capacity": {"storage": "20Gi"}}}
    assert (on_claim.key[1], on_claim.subresource) == ("PersistentVolumeClaim", "status")
    assert on_claim.body == {"status": {"capacity": {"storage": "20Gi"}}}


def test_a_class_that_does_not_allow_growth_grows_nothing() -> None:
    volume = new_volume(claim(), storage_class(), "a")
    fixed = storage_class(allowVolumeExpansion=False)
    assert plan(fixed, claim(size="20Gi", bound="10Gi"), volume) == []


@pytest.mark.parametrize(
    ("policy", "phase", "provisioner", "goes"),
    [
        ("Delete", "Released", "ebs.csi.aws.com", True),
        ("Delete", "Bound", "ebs.csi.aws.com", False),
        ("Retain", "Released", "ebs.csi.aws.com", False),
        ("Delete", "Released", "efs.csi.aws.com", False),
    ],
)
def test_released_volumes(policy: str, phase: str, provisioner: str, goes: bool) -> None:
    volume = new_volume(claim(), storage_class(reclaimPolicy=policy), "a")
    volume["metadata"]["annotations"]["pv.kubernetes.io/provisioned-by"] = provisioner
    volume["metadata"]["uid"] = "v"
    volume["status"] = {"phase": phase}
    assert plan(volume) == ([Delete(("v1", "PersistentVolume", "", "pvc-uid-data"), "v")] if goes else [])
