"""Stands in for the EBS CSI driver's provisioner and resizer: volumes of provisioner ebs.csi.aws.com.

A claim gets a PersistentVolume in the zone of the node the scheduler selected (or, with `Immediate` binding, in the
zone that holds the fewest volumes); Kubernetes' own controller binds the two. A claim that grows is grown, volume and
claim, where the class allows it; a volume whose claim is gone is deleted when its reclaim policy says so.

It has no disks: there is no attach limit per node, no IOPS, no snapshot, no encryption, and class parameters are
copied, not judged.
"""

import hashlib
from collections import Counter
from collections.abc import Iterator

from rehearsal.standins import kinds
from rehearsal.standins.kinds import STAND_IN_LABEL
from rehearsal.standins.quantities import quantity
from rehearsal.standins.stand_in import Action, Apply, Delete, Patch, hashed, per_object
from rehearsal.standins.world import Object, World, key_of

PROVISIONER = "ebs.csi.aws.com"
ZONE_LABEL = "topology.kubernetes.io/zone"
_CSI_ZONE_LABEL = "topology.ebs.csi.aws.com/zone"
_SELECTED_NODE = "volume.kubernetes.io/selected-node"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"


class Storage:
    """The storage stand-in."""

    name = "storage"
    watches = (kinds.CLAIM, kinds.VOLUME, kinds.STORAGE_CLASS, kinds.NODE)
    settle_seconds = 0.05

    def plan(self, world: World) -> Iterator[Action]:
        yield from per_object(world, kinds.CLAIM, desired)
        yield from per_object(world, kinds.VOLUME, released)


def desired(claim: Object, world: World) -> Iterator[Action]:
    """What a claim needs now: its volume, or more of it."""
    storage_class = world.get(kinds.STORAGE_CLASS, claim["spec"].get("storageClassName") or "")
    if storage_class is None or storage_class["provisioner"] != PROVISIONER:
        return
    volume = world.get(kinds.VOLUME, volume_name(claim))
    if volume is None:
        zone = zone_for(claim, storage_class, world)
        if zone and not claim["spec"].get("volumeName"):
            yield Apply(hashed(new_volume(claim, storage_class, zone)))
    elif (claim.get("status") or {}).get("phase") == "Bound" and storage_class.get("allowVolumeExpansion"):
        yield from grown(claim, volume)


def volume_name(claim: Object) -> str:
    return f"pvc-{claim['metadata']['uid']}"


def zone_for(claim: Object, storage_class: Object, world: World) -> str | None:
    """The zone its volume must be in; None while the scheduler has selected no node yet."""
    if storage_class.get("volumeBindingMode") == "WaitForFirstConsumer":
        selected = (claim["metadata"].get("annotations") or {}).get(_SELECTED_NODE, "")
        node = world.get(kinds.NODE, selected)
        return node["metadata"]["labels"].get(ZONE_LABEL) if node else None
    zones = {node["metadata"].get("labels", {}).get(ZONE_LABEL) for node in world.all(kinds.NODE)} - {None}
    allowed = {
        value
        for term in storage_class.get("allowedTopologies") or []
        for expression in term["matchLabelExpressions"]
        if expression["key"] in (ZONE_LABEL, _CSI_ZONE_LABEL)
        for value in expression["values"]
    }
    held = Counter(zone_of(volume) for volume in world.all(kinds.VOLUME))
    return min(zones & allowed if allowed else zones, key=lambda zone: (held[zone], zone), default=None)


def zone_of(volume: Object) -> str | None:
    """The zone a volume can be reached in; None when it is not bound to one."""
    terms = ((volume["spec"].get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or []
    for term in terms:
        for expression in term.get("matchExpressions") or []:
            if expression["key"] in (ZONE_LABEL, _CSI_ZONE_LABEL):
                return str(expression["values"][0])
    return None


def new_volume(claim: Object, storage_class: Object, zone: str) -> Object:
    name = volume_name(claim)
    in_zone = {"key": ZONE_LABEL, "operator": "In", "values": [zone]}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": name,
            "labels": {STAND_IN_LABEL: Storage.name, ZONE_LABEL: zone},
            "annotations": {_PROVISIONED_BY: PROVISIONER},
        },
        "spec": {
            "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
            "accessModes": claim["spec"]["accessModes"],
            "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": storage_class["metadata"]["name"],
            "mountOptions": storage_class.get("mountOptions") or [],
            "claimRef": {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "namespace": claim["metadata"]["namespace"],
                "name": claim["metadata"]["name"],
                "uid": claim["metadata"]["uid"],
            },
            "csi": {
                "driver": PROVISIONER,
                "volumeHandle": f"vol-{hashlib.sha256(name.encode()).hexdigest()[:17]}",
                "volumeAttributes": storage_class.get("parameters") or {},
            },
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [in_zone]}]}},
        },
    }


def grown(claim: Object, volume: Object) -> Iterator[Action]:
    """The steps that bring a bound claim to the size it asks for."""
    wanted = claim["spec"]["resources"]["requests"]["storage"]
    if quantity(wanted) > quantity(volume["spec"]["capacity"]["storage"]):
        yield Patch(key_of(volume), {"spec": {"capacity": {"storage": wanted}}})
    if quantity(wanted) > quantity(claim["status"]["capacity"]["storage"]):
        yield Patch(key_of(claim), {"status": {"capacity": {"storage": wanted}}}, subresource="status")


def released(volume: Object, _: World) -> Iterator[Action]:
    """Deletes a volume of ours whose claim is gone, under reclaim policy Delete."""
    ours = (volume["metadata"].get("annotations") or {}).get(_PROVISIONED_BY) == PROVISIONER
    policy, phase = volume["spec"]["persistentVolumeReclaimPolicy"], (volume.get("status") or {}).get("phase")
    if ours and policy == "Delete" and phase == "Released":
        yield Delete(key_of(volume), volume["metadata"]["uid"])
