"""What Karpenter's NodePools may start and what they hold: from the objects to the terms of packing.py."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rehearsal.cluster.nodes import node_manifest
from rehearsal.standins import kinds
from rehearsal.standins.packing import UNLIMITED, Machine, Pool
from rehearsal.standins.quantities import Resources, pod_requests, quantity, resources, total
from rehearsal.standins.selectors import fits_labels, requirement_holds, tolerates
from rehearsal.standins.spreading import HOST, ZONE
from rehearsal.standins.world import Object, World
from retail.instances import INSTANCE_TYPES, InstanceType

POOL_LABEL = "karpenter.sh/nodepool"
CAPACITY_LABEL = "karpenter.sh/capacity-type"
_INSTANCE = "karpenter.k8s.aws/instance-"
_FAMILY = re.compile(r"([a-z]+)(\d+)")
_CAPACITY_TYPES = ("on-demand", "reserved", "spot")
"""Best first: stand-in nodes cost nothing, and on-demand is what a floor is planned on."""
_ROOT_DISK = "20Gi"
"""Karpenter's default root volume."""


def pool_of(node_pool: Object, world: World) -> Pool:
    """What a NodePool may start, and what it holds."""
    name, template = node_pool["metadata"]["name"], node_pool["spec"]["template"]
    requirements = template["spec"].get("requirements") or []
    taints = template["spec"].get("taints") or []
    limits = node_pool["spec"].get("limits") or {}
    disk = root_disk(node_pool, world)
    allowed = resources(limits)
    machines = []
    for size in INSTANCE_TYPES.values():
        labels = machine_labels(size, node_pool)
        # The zone is judged apart.
        if all(requirement_holds(wanted, labels) for wanted in requirements if wanted["key"] not in (ZONE, HOST)):
            sized = node_manifest("sized", zone="-", instance_type=size.name, labels={}, disk_gib=disk)
            offered = resources(sized["status"]["allocatable"])
            daemons = _daemons(world, {**labels, POOL_LABEL: name}, taints)
            capacity = Resources(size.vcpus * 1000, size.memory_gib * 2**30)
            machines.append(Machine(size.name, labels, capacity, offered.less(daemons)))
    return Pool(
        name=name,
        zones=zones_of(requirements, world),
        machines=sorted(machines, key=lambda machine: (machine.capacity, machine.instance_type)),
        taints=taints,
        limit=Resources(
            cpu=allowed.cpu if "cpu" in limits else UNLIMITED,
            memory=allowed.memory if "memory" in limits else UNLIMITED,
            disk=UNLIMITED,
            pods=int(limits["nodes"]) if "nodes" in limits else UNLIMITED,
        ),
        held=held_by(name, world),
    )


def held_by(pool: str, world: World) -> Resources:
    """Capacity of a pool's nodes; `pods` counts nodes."""
    nodes = [node for node in world.all(kinds.NODE) if (node["metadata"].get("labels") or {}).get(POOL_LABEL) == pool]
    return total(
        resources(node["status"]["capacity"])._replace(disk=0, pods=1) for node in nodes if "capacity" in node["status"]
    )


def zones_of(requirements: Iterable[Mapping[str, Any]], world: World) -> list[str]:
    """The zones a pool names; without any, those that have nodes."""
    named = [wanted for wanted in requirements if wanted["key"] == ZONE]
    seen = {(node["metadata"].get("labels") or {}).get(ZONE, "") for node in world.all(kinds.NODE)} - {""}
    zones = {value for wanted in named if wanted["operator"] == "In" for value in wanted["values"]} or seen
    return sorted(zone for zone in zones if all(requirement_holds(wanted, {ZONE: zone}) for wanted in named))


def machine_labels(size: InstanceType, node_pool: Object) -> dict[str, str]:
    """The labels Karpenter would give a node of that type: its own, the type's, the template's, the requirements'."""
    family, _, machine_size = size.name.partition(".")
    category, generation = match.groups() if (match := _FAMILY.match(family)) else (family, "")
    template = node_pool["spec"]["template"]
    offered = {
        wanted["key"]: wanted["values"]
        for wanted in template["spec"].get("requirements") or []
        if wanted["operator"] == "In" and wanted["key"] != ZONE
    }
    capacity_types = offered.pop(CAPACITY_LABEL, ["on-demand"])
    return {
        **{key: values[0] for key, values in offered.items()},
        **((template.get("metadata") or {}).get("labels") or {}),
        POOL_LABEL: node_pool["metadata"]["name"],
        CAPACITY_LABEL: min(capacity_types, key=_CAPACITY_TYPES.index),
        "node.kubernetes.io/instance-type": size.name,
        "kubernetes.io/arch": size.arch,
        "kubernetes.io/os": "linux",
        f"{_INSTANCE}family": family,
        f"{_INSTANCE}category": category,
        f"{_INSTANCE}generation": generation,
        f"{_INSTANCE}size": machine_size,
        f"{_INSTANCE}cpu": str(size.vcpus),
        f"{_INSTANCE}memory": str(size.memory_gib * 1024),
    }


def root_disk(node_pool: Object, world: World) -> int:
    """GiB of the root volume, as the pool's EC2NodeClass says; 20, Karpenter's default, where it doesn't."""
    reference = node_pool["spec"]["template"]["spec"].get("nodeClassRef") or {}
    node_class = world.get(kinds.NODE_CLASS, reference.get("name", "")) or {"spec": {}}
    mappings = node_class["spec"].get("blockDeviceMappings") or [{}]
    root = next((mapping for mapping in mappings if mapping.get("rootVolume")), mappings[0])
    return int(quantity((root.get("ebs") or {}).get("volumeSize", _ROOT_DISK)) / 2**30)


def _daemons(world: World, labels: Mapping[str, str], taints: Sequence[Mapping[str, Any]]) -> Resources:
    """What the DaemonSets take of such a node."""
    specs = [daemon_set["spec"]["template"]["spec"] for daemon_set in world.all(kinds.DAEMON_SET)]
    return total(
        pod_requests(spec)
        for spec in specs
        if tolerates(spec.get("tolerations") or [], taints) and fits_labels(spec, labels)
    )
