"""Stand-in nodes: what a managed node group of the program would join to the cluster, as objects that KWOK keeps ready.

A node has the size, labels and taints its instance type and group would give it on EKS; nothing runs on it. Only for
the embedded control plane: an existing cluster has nodes of its own.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from rehearsal.cluster.client import FIELD_MANAGER, Client, Object
from rehearsal.cluster.work import Crew, Refused
from rehearsal.engine.model import Evaluation, reveal
from rehearsal.errors import RehearsalError
from rehearsal.progress import Progress
from rehearsal.standins.kinds import STAND_IN_LABEL
from retail import naming
from retail.instances import INSTANCE_TYPES

NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
SUBNET: Final = "aws:ec2/subnet:Subnet"
STAND_IN: Final = "node-group"
LABEL_STACK: Final = "retail/stack"
LABEL_ZONE: Final = "topology.kubernetes.io/zone"
LABEL_INSTANCE_TYPE: Final = "node.kubernetes.io/instance-type"
_FIELD_MANAGER: Final = f"{FIELD_MANAGER}-nodes"
_EFFECTS: Final = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
_DRAIN_SECONDS: Final = 30.0
# EKS's own choices where a node group names none.
_DISK_GIB: Final = 20
_INSTANCE_TYPE: Final = "t3.medium"


def node_manifest(
    name: str,
    *,
    zone: str,
    instance_type: str,
    labels: Mapping[str, str],
    taints: Sequence[Mapping[str, str]] = (),
    disk_gib: int = _DISK_GIB,
) -> Object:
    """A Node of that EC2 type in that zone, for `Client.apply`, with the labels EKS sets and those given.

    `taints` are in Kubernetes' own words (key, value, effect). Raises RehearsalError for an instance type whose size
    is not known.
    """
    size = INSTANCE_TYPES.get(instance_type)
    if size is None:
        known = ", ".join(sorted(INSTANCE_TYPES))
        raise RehearsalError(f"node {name}: the size of instance type {instance_type} is not known; known are {known}")
    disk = f"{disk_gib}Gi"
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": size.arch,
                LABEL_INSTANCE_TYPE: instance_type,
                "topology.kubernetes.io/region": zone[:-1],
                LABEL_ZONE: zone,
                "type": "kwok",
                **labels,
            },
            "annotations": {"kwok.x-k8s.io/node": "fake"},
        },
        "spec": {"providerID": f"aws:///{zone}/{name}", "taints": [dict(taint) for taint in taints]},
        # Counts in the request that creates the node; KWOK would give one without a size a size of its own.
        "status": {
            "capacity": _resources(size.vcpus * 1000, size.memory_gib * 1024, size.max_pods, disk),
            "allocatable": _resources(size.allocatable_cpu_millis, size.allocatable_memory_mib, size.max_pods, disk),
            "nodeInfo": {"architecture": size.arch, "operatingSystem": "linux"},
        },
    }


def apply_nodes(evaluation: Evaluation, client: Client, progress: Progress) -> int:
    """Makes the stack's stand-in nodes those of its node groups, at their desired size; returns how many there are.

    New ones come first; then those that leave are drained, as EKS does it. Nodes of other stacks and of Karpenter stay
    as they are.
    """
    wanted = {node["metadata"]["name"]: node for node in _wanted(evaluation)}
    live = {node["metadata"]["name"]: node for node in client.list("v1", "Node", labels=_owned(evaluation.stack)).items}
    leaving = live.keys() - wanted.keys()
    with progress.step("nodes of the managed node groups") as step, Crew() as crew:
        for done, (_, outcome) in enumerate(crew.each(partial(_bring, client, live), wanted.values()), start=1):
            if isinstance(outcome, Refused):
                raise outcome
            step.show("nodes", done=done, total=len(wanted))
        for done, (_, outcome) in enumerate(crew.each(partial(_drain, client, crew), leaving), start=1):
            if isinstance(outcome, Refused):
                raise outcome
            step.show("nodes drained", done=done, total=len(leaving))
    return len(wanted)


def remove_nodes(stack: str, client: Client) -> None:
    """Removes the stand-in nodes of a stack that is taken down, at once: nothing of it is to go on elsewhere."""
    for node in client.list("v1", "Node", labels=_owned(stack), metadata_only=True).items:
        client.delete("v1", "Node", node["metadata"]["name"])


@dataclass(frozen=True)
class _Group:
    """What matters of an `aws:eks/nodeGroup:NodeGroup`."""

    name: str
    zones: Sequence[str]
    instance_type: str
    desired: int
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]]
    disk_gib: int
    capacity_type: str


def _wanted(evaluation: Evaluation) -> Iterator[Object]:
    for group in _groups(evaluation):
        for index in range(group.desired):
            zone = group.zones[index % len(group.zones)]
            machine = f"{zone}-{group.instance_type.replace('.', '-')}-{index // len(group.zones) + 1}"
            yield node_manifest(
                naming.shorten(f"{group.name}-{machine}"),
                zone=zone,
                instance_type=group.instance_type,
                labels={
                    "eks.amazonaws.com/nodegroup": group.name,
                    "eks.amazonaws.com/capacityType": group.capacity_type,
                    STAND_IN_LABEL: STAND_IN,
                    LABEL_STACK: evaluation.stack,
                    **group.labels,
                },
                taints=group.taints,
                disk_gib=group.disk_gib,
            )


def _groups(evaluation: Evaluation) -> Iterator[_Group]:
    zones = _zones(evaluation)
    for resource in evaluation.resources.values():
        if resource.type != NODE_GROUP:
            continue
        inputs: dict[str, Any] = reveal(resource.inputs)
        name = inputs.get("nodeGroupName") or reveal(resource.outputs)["nodeGroupName"]
        unknown = [subnet for subnet in inputs["subnetIds"] if subnet not in zones]
        if unknown:
            raise RehearsalError(f"node group {name}: no subnet of the program has the id {', '.join(unknown)}")
        yield _Group(
            name=name,
            zones=list(dict.fromkeys(zones[subnet] for subnet in inputs["subnetIds"])),
            instance_type=(inputs.get("instanceTypes") or [_INSTANCE_TYPE])[0],
            desired=int(inputs["scalingConfig"]["desiredSize"]),
            labels=inputs.get("labels") or {},
            taints=[
                {"key": taint["key"], "value": taint.get("value") or "", "effect": _EFFECTS[taint["effect"]]}
                for taint in inputs.get("taints") or []
            ],
            disk_gib=int(inputs.get("diskSize") or _DISK_GIB),
            capacity_type=inputs.get("capacityType") or "ON_DEMAND",
        )


def _zones(evaluation: Evaluation) -> dict[str, str]:
    """Availability zone by subnet id, of this stack and of those it refers to."""
    zones: dict[str, str] = {}
    for reference in evaluation.references.values():
        zones |= _zones(reference)
    for resource in evaluation.resources.values():
        if resource.type == SUBNET:
            zones[resource.id] = reveal(resource.outputs)["availabilityZone"]
    return zones


def _resources(cpu_millis: int, memory_mib: int, pods: int, disk: str) -> dict[str, str]:
    return {"cpu": f"{cpu_millis}m", "memory": f"{memory_mib}Mi", "pods": str(pods), "ephemeral-storage": disk}


def _bring(client: Client, live: Mapping[str, Object], node: Object) -> None:
    """Creates a node, or brings its labels and taints to those of its group.

    Taints are one list to server-side apply, so those the cluster itself has put on a node (not ready, cordoned) are
    written back with ours.
    """
    if present := live.get(node["metadata"]["name"]):
        kept = [
            taint
            for taint in present["spec"].get("taints", [])
            if taint["key"].startswith("node.kubernetes.io/") or taint in node["spec"]["taints"]
        ]
        missing = [taint for taint in node["spec"]["taints"] if taint not in kept]
        node = {**node, "spec": {**node["spec"], "taints": kept + missing}}
    client.apply(node, field_manager=_FIELD_MANAGER)


def _drain(client: Client, crew: Crew, name: str) -> None:
    """Cordons a node, evicts its pods as far as disruption budgets allow in time, then takes it and what is left."""
    client.patch("v1", "Node", name, {"spec": {"unschedulable": True}})
    deadline = time.monotonic() + _DRAIN_SECONDS
    while pods := _evictable_pods(client, name):
        if crew.stopping.is_set():
            raise Refused(f"interrupted while node {name} was drained")
        for pod in pods:
            where = pod["metadata"]["name"], pod["metadata"]["namespace"]
            if time.monotonic() > deadline:
                client.delete("v1", "Pod", *where, grace_seconds=0)
            else:
                client.evict(*where)
        crew.stopping.wait(0.3)
    client.delete("v1", "Node", name)


def _evictable_pods(client: Client, node: str) -> list[Object]:
    """All but DaemonSets' pods, which go with the node."""
    return [
        pod
        for pod in client.list("v1", "Pod", fields=f"spec.nodeName={node}", metadata_only=True).items
        if not any(owner["kind"] == "DaemonSet" for owner in pod["metadata"].get("ownerReferences", []))
    ]


def _owned(stack: str) -> str:
    return f"{STAND_IN_LABEL}={STAND_IN},{LABEL_STACK}={stack}"
