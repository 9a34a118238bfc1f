"""Stands in for Karpenter: adds nodes of a NodePool for pods the scheduler can't place, and takes empty ones away.

Which nodes, packing.py decides. They are KWOK nodes, of the smallest instance type in retail.instances that the pool's
requirements allow and that holds its pods; within the pool's limits, in the zones it names, on-demand where allowed. A
pod for which there can be none gets an Event that says why. A node that has been empty for `consolidateAfter` (and at
least IDLE_SECONDS) goes, unless a disruption budget forbids it; one that is deleted, as when its pool goes, is drained
first. During a zonal shift (ConfigMap rehearsal-system/rehearsal-mode, `shifted-zone`) no node is added in that zone,
which hard topology spread counts all the same, as Karpenter does.

There are no NodeClaims, prices, launch failures or times, no spot interruption, drift, expiry, repair or static pools;
nodes that are only half empty are left alone; pod preferences and startup taints are not looked at, and of a NodeClass
only the root volume's size.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from rehearsal.cluster.nodes import node_manifest
from rehearsal.standins import kinds
from rehearsal.standins.karpenter_disruption import FINALIZER, of_daemon_set, removable, running, terminated
from rehearsal.standins.karpenter_pools import POOL_LABEL, held_by, pool_of, root_disk
from rehearsal.standins.kinds import STAND_IN_LABEL
from rehearsal.standins.packing import Coming, NewNode, Round
from rehearsal.standins.quantities import Resources, pod_requests, resources, total
from rehearsal.standins.spreading import ZONE, Placed
from rehearsal.standins.stand_in import (
    Action,
    Apply,
    Delete,
    keep_status,
    moment_of,
    owned,
    per_object,
    timestamp,
)
from rehearsal.standins.storage import zone_of
from rehearsal.standins.world import Object, World, key_of

log = logging.getLogger(__name__)


_COMING_SECONDS = 20.0
"""How long a node counts as coming up: twice the scheduler's longest back-off (10 s) for a pod it could not place."""
_PASSING_TAINTS = frozenset(f"node.kubernetes.io/{key}" for key in ("not-ready", "unreachable", "network-unavailable"))
"""What Kubernetes puts on a node until it is ready."""
_MOST_NODES_PER_POD = 4
"""A pod that still won't be placed after so many nodes were added for it is not helped by another."""


class Karpenter:
    """The Karpenter stand-in. Remembers since when nodes are empty, and for which pods it added nodes."""

    name = "karpenter"
    watches = (
        kinds.MODE,
        kinds.NODE_POOL,
        kinds.NODE_CLASS,
        kinds.POD,
        kinds.NODE,
        kinds.CLAIM,
        kinds.VOLUME,
        kinds.DAEMON_SET,
    )
    settle_seconds = 0.25
    """Karpenter gathers pods for 1 to 10 s (BATCH_IDLE_DURATION, BATCH_MAX_DURATION); here pods come faster."""

    def __init__(self) -> None:
        self._empty_since: dict[str, datetime] = {}
        self._helped: Counter[str] = Counter()
        self._told: dict[str, str] = {}

    def plan(self, world: World) -> Iterator[Action]:
        yield from per_object(world, kinds.NODE_CLASS, ready)
        yield from per_object(world, kinds.NODE_POOL, pool_status)
        yield from terminated(world)
        yield from self.provision(world)
        yield from self.removed(world)

    def provision(self, world: World) -> list[Action]:
        """The nodes to add now, and a word on each pod that gets none."""
        waiting = [pod for pod in pending(world) if self._helped[pod["metadata"]["uid"]] < _MOST_NODES_PER_POD]
        if not waiting:
            return []
        node_pools = {pool["metadata"]["name"]: pool for pool in world.all(kinds.NODE_POOL)}
        new, unplaced = new_nodes(waiting, world)
        actions: list[Action] = []
        for node in new:
            pods = [pod["metadata"]["uid"] for pod in node.pods]
            node_pool = node_pools[node.pool]
            # The second node for the same pods must not be taken for the first, which went to others.
            turn = sum(self._helped[pod] for pod in pods)
            manifest = node_of(node, node_pool, root_disk(node_pool, world), turn)
            self._helped.update(pods)
            log.info("%s: %s for %d pods", manifest["metadata"]["name"], node.machine.instance_type, len(node.pods))
            actions.append(Apply(manifest))
        for pod, reason in unplaced:
            if self._told.get(pod["metadata"]["uid"]) != reason:
                self._told[pod["metadata"]["uid"]] = reason
                actions.append(Apply(failed_scheduling(pod, reason, world.now)))
        return actions

    def removed(self, world: World) -> Iterator[Action]:
        """Deletes the nodes that have stood empty long enough."""
        nodes = [node for node in world.all(kinds.NODE) if _ours(node)]
        empty = {node["metadata"]["name"] for node in nodes} - {pod["spec"].get("nodeName") for pod in running(world)}
        self._empty_since = {name: self._empty_since.get(name, world.now) for name in empty}
        for node_pool in world.all(kinds.NODE_POOL):
            own = [node for node in nodes if node["metadata"]["labels"][POOL_LABEL] == node_pool["metadata"]["name"]]
            for node in removable(node_pool, own, self._empty_since, world.now):
                log.info("%s: empty, deleting", node["metadata"]["name"])
                yield Delete(key_of(node), node["metadata"]["uid"])


def pending(world: World) -> list[Object]:
    """The pods a new node might help, by priority, then size: those the scheduler found unschedulable and, so that it
    need not find it of each of hundreds, those it has not looked at yet whose siblings it found so.
    """
    waiting = [
        pod
        for pod in world.all(kinds.POD)
        if "nodeName" not in pod["spec"]
        and "deletionTimestamp" not in pod["metadata"]
        and "nominatedNodeName" not in pod["status"]  # the scheduler is making room for it
        and not of_daemon_set(pod)
    ]
    verdicts = {pod["metadata"]["uid"]: _scheduling_verdict(pod) for pod in waiting}
    stuck = {_owner(pod) for pod in waiting if verdicts[pod["metadata"]["uid"]] == "Unschedulable"}

    def rank(pod: Object) -> tuple[int, Resources]:
        size = pod_requests(pod["spec"])
        return -int(pod["spec"].get("priority") or 0), Resources(-size.cpu, -size.memory)

    helped = [
        pod
        for pod in waiting
        if (verdict := verdicts[pod["metadata"]["uid"]]) == "Unschedulable"
        or (verdict is None and _owner(pod) in stuck)
    ]
    return sorted(helped, key=rank)


def new_nodes(waiting: Sequence[Object], world: World) -> tuple[list[NewNode], list[tuple[Object, str]]]:
    """The nodes to add for these pods; and the pods no node can be added for, with the reason."""
    nodes = world.all(kinds.NODE)
    ours = [node for node in nodes if _ours(node) and "deletionTimestamp" not in node["metadata"]]
    zones = {node["metadata"]["name"]: (node["metadata"].get("labels") or {}).get(ZONE, "") for node in nodes}
    bound = [pod for pod in world.all(kinds.POD) if pod["spec"].get("nodeName") in zones]
    placed = [Placed(pod, zones[pod["spec"]["nodeName"]], pod["spec"]["nodeName"]) for pod in bound]
    coming = [
        Coming(
            host=node["metadata"]["name"],
            zone=zones[node["metadata"]["name"]],
            labels=node["metadata"]["labels"],
            taints=[taint for taint in node["spec"].get("taints") or [] if taint["key"] not in _PASSING_TAINTS],
            room=resources(node["status"]["allocatable"]).less(
                total(pod_requests(pod["spec"]) for pod in bound if pod["spec"]["nodeName"] == node["metadata"]["name"])
            ),
        )
        for node in ours
        if world.now - moment_of(node["metadata"]["creationTimestamp"]) < timedelta(seconds=_COMING_SECONDS)
        and not node["spec"].get("unschedulable")
    ]
    live = [pool for pool in world.all(kinds.NODE_POOL) if "deletionTimestamp" not in pool["metadata"]]
    live.sort(key=lambda pool: (-int(pool["spec"].get("weight") or 0), pool["metadata"]["name"]))
    pools = [pool_of(pool, world) for pool in live]
    this_round = Round(
        pools, coming, placed, Counter(zones[node["metadata"]["name"]] for node in ours), shifted_zone(world)
    )
    unplaced = []
    for pod in waiting:
        reachable = volume_zones(pod, world)
        if not this_round.place(pod, reachable):
            unplaced.append((pod, this_round.why_not(pod, reachable)))
    return this_round.new_nodes(), unplaced


def shifted_zone(world: World) -> str:
    """The zone that a zonal shift is active for; "" for none."""
    mode = world.get(kinds.MODE, kinds.MODE_NAME, kinds.MODE_NAMESPACE)
    return str(((mode or {}).get("data") or {}).get(kinds.SHIFTED_ZONE, ""))


def volume_zones(pod: Object, world: World) -> frozenset[str] | None:
    """The zones in which all the pod's bound volumes can be reached; None for everywhere, empty for nowhere.

    Nowhere as well while a claim does not exist: no node helps that.
    """
    zones: frozenset[str] | None = None
    for volume in pod["spec"].get("volumes") or []:
        if "persistentVolumeClaim" not in volume:
            continue
        name = volume["persistentVolumeClaim"]["claimName"]
        claim = world.get(kinds.CLAIM, name, pod["metadata"]["namespace"])
        if claim is None:
            return frozenset()
        bound = world.get(kinds.VOLUME, claim["spec"].get("volumeName") or "")
        if bound is not None and (zone := zone_of(bound)):
            zones = frozenset({zone}) if zones is None else zones & {zone}
    return zones


def node_of(node: NewNode, node_pool: Object, disk_gib: int, turn: int) -> Object:
    """The Node; owned by its pool, so it goes with it. Its name is of the pods it is for, and of the turn."""
    pods = sorted(pod["metadata"]["uid"] for pod in node.pods)
    purpose = "/".join([node.zone, node.machine.instance_type, str(turn), *pods])
    name = f"{node.pool}-{hashlib.sha256(purpose.encode()).hexdigest()[:10]}"
    manifest = node_manifest(
        name,
        zone=node.zone,
        instance_type=node.machine.instance_type,
        labels=node.machine.labels,
        taints=node_pool["spec"]["template"]["spec"].get("taints") or [],
        disk_gib=disk_gib,
    )
    manifest["metadata"]["finalizers"] = [FINALIZER]
    return owned(manifest, node_pool, Karpenter.name)


def failed_scheduling(pod: Object, reason: str, now: datetime) -> Object:
    """The Event by which Karpenter says, at the pod, why it adds no node for it."""
    metadata = pod["metadata"]
    reference = {"apiVersion": "v1", "kind": "Pod", "name": metadata["name"], "namespace": metadata["namespace"]}
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {
            "name": f"{metadata['name']}.{Karpenter.name}",
            "namespace": metadata["namespace"],
            "labels": {STAND_IN_LABEL: Karpenter.name},
        },
        "involvedObject": {**reference, "uid": metadata["uid"]},
        "type": "Warning",
        "reason": "FailedScheduling",
        "message": f"Failed to schedule pod: {reason}",
        "source": {"component": Karpenter.name},
        "firstTimestamp": timestamp(now),
        "lastTimestamp": timestamp(now),
        "count": 1,
    }


def pool_status(node_pool: Object, world: World) -> Iterator[Action]:
    """That the pool is ready, and what it holds."""
    held = held_by(node_pool["metadata"]["name"], world)
    said = {"cpu": f"{held.cpu // 1000}", "memory": f"{held.memory // 2**20}Mi", "nodes": str(held.pods)}
    yield from keep_status(node_pool, {"resources": said, "conditions": [_ready_condition()]})


def ready(node_class: Object, _: World) -> Iterator[Action]:
    yield from keep_status(node_class, {"conditions": [_ready_condition()]})


def _ready_condition() -> Object:
    return {"type": "Ready", "status": "True", "reason": "StandIn", "message": "nothing was asked of AWS"}


def _scheduling_verdict(pod: Object) -> str | None:
    """What the scheduler said of a pod that has no node: "Unschedulable", another reason, or None yet."""
    conditions = pod["status"].get("conditions") or []
    return next((str(each.get("reason")) for each in conditions if each["type"] == "PodScheduled"), None)


def _owner(pod: Object) -> str:
    """Who made the pod, with others like it; the pod itself where nobody did."""
    metadata = pod["metadata"]
    return next((str(owner["uid"]) for owner in metadata.get("ownerReferences") or []), str(metadata["uid"]))


def _ours(node: Object) -> bool:
    return bool((node["metadata"].get("labels") or {}).get(STAND_IN_LABEL) == Karpenter.name)
