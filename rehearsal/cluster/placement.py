"""Where everything is: nodes and pods as the scheduler left them, what is pending and why, and waiting for the rest."""

import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.cluster.changes import Remark
from rehearsal.cluster.client import ApiError, Client, Object
from rehearsal.cluster.nodes import LABEL_INSTANCE_TYPE, LABEL_ZONE
from rehearsal.cluster.readiness import RULES, unready
from rehearsal.progress import Progress
from rehearsal.standins import keda
from rehearsal.standins.kinds import MODE_NAME, MODE_NAMESPACE, SCALED_OBJECT
from rehearsal.standins.quantities import Resources, pod_requests, resources, total
from rehearsal.standins.world import World
from retail.naming import LABEL_CLASS, LABEL_POOL, LABEL_TIER

PATIENCE_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 0.4
# A controller may not have reacted yet to what another has just done: all must be well several times in a row.
_LOOKS: Final = 3
_SCALABLE: Final = (("apps/v1", "Deployment"), ("apps/v1", "StatefulSet"))
# The first that a node or pod has says what to call its pool or workload.
_POOL_LABELS: Final = (LABEL_POOL, "karpenter.sh/nodepool", "eks.amazonaws.com/nodegroup")
_WORKLOAD_LABELS: Final = (
    LABEL_TIER,
    "app.kubernetes.io/component",
    "cnpg.io/poolerName",
    "cnpg.io/cluster",
    "app.kubernetes.io/name",
)


@dataclass(frozen=True)
class Node:
    """A node; what its pods request of what it has to give."""

    name: str
    pool: str
    zone: str
    instance_type: str
    ready: bool
    allocatable: Resources
    requested: Resources


@dataclass(frozen=True)
class Pod:
    """A pod that has not ended. `pool` and `zone` are its node's; `workload` its tier, or what else it is part of."""

    namespace: str
    name: str
    workload: str
    workload_class: str
    pool: str
    zone: str
    node: str
    phase: str
    ready: bool
    reason: str
    """Why it is not running, in the scheduler's or the node's words; "" when it is."""

    def __str__(self) -> str:
        return f"Pod {self.namespace}/{self.name}"


@dataclass(frozen=True)
class Placement:
    """One look at the cluster."""

    nodes: tuple[Node, ...]
    pods: tuple[Pod, ...]
    waiting: tuple[Remark, ...]
    """Objects other than pods that are not as they were asked to be."""
    addresses: tuple[Remark, ...]
    """Services with a load balancer, and its host name or address."""

    @property
    def pending(self) -> tuple[Pod, ...]:
        return tuple(pod for pod in self.pods if not pod.ready)

    @property
    def complete(self) -> bool:
        return not self.pending and not self.waiting


def wait(
    client: Client,
    progress: Progress,
    *,
    namespaces: Collection[str] = (),
    stand_ins: bool = True,
    patience_seconds: float = PATIENCE_SECONDS,
) -> Placement:
    """Waits until everything is placed and ready, and returns where it is; of these namespaces, or of all.

    `stand_ins` tells whether ours are at work, whose intentions are known, or the operators themselves.

    Gives up, with what is pending in the answer, when nothing new has happened for `patience_seconds`: a cluster that
    goes back and forth between states it has been in does not count as getting anywhere.
    """
    served = _served(client)
    seen: set[frozenset[str]] = set()
    well, last_news = 0, time.monotonic()
    with progress.step("everything placed and ready") as step:
        while True:
            placement = _look(client, served, namespaces, stand_ins)
            step.show(
                f"pods ready on {len(placement.nodes)} nodes{_summary(placement)}",
                done=len(placement.pods) - len(placement.pending),
                total=len(placement.pods),
            )
            well = well + 1 if placement.complete else 0
            if well == _LOOKS:
                return placement
            state = frozenset(
                {f"{what}: {reason}" for what, reason in placement.waiting}
                | {f"{pod.workload}: {pod.reason}" for pod in placement.pending}
                | {f"{len(placement.nodes)} nodes, {len(placement.pods)} pods, {len(placement.pending)} pending"}
            )
            if state not in seen:
                seen.add(state)
                last_news = time.monotonic()
            elif time.monotonic() - last_news > patience_seconds:
                return placement
            time.sleep(_LOOK_SECONDS)


def look(client: Client, *, namespaces: Collection[str] = (), stand_ins: bool = True) -> Placement:
    """Where everything is at this moment."""
    return _look(client, _served(client), namespaces, stand_ins)


def workload_of(labels: Mapping[str, str]) -> str:
    """What a pod of these labels is part of: its tier, or what else it is called."""
    return next((labels[label] for label in _WORKLOAD_LABELS if label in labels), "")


def _served(client: Client) -> list[tuple[str, str]]:
    """The kinds with a rule of readiness that this cluster has."""
    served = []
    for kind in RULES:
        try:
            client.kind(*kind)
        except ApiError:
            continue
        served.append(kind)
    return served


def _look(client: Client, served: list[tuple[str, str]], namespaces: Collection[str], stand_ins: bool) -> Placement:
    def objects(api_version: str, kind: str) -> Iterator[Object]:
        if not namespaces:
            yield from client.list(api_version, kind).items
        for namespace in sorted(namespaces):
            yield from client.list(api_version, kind, namespace).items

    by_kind = {kind: list(objects(*kind)) for kind in served}
    # After the workloads: a pod they count as ready is then in the list of pods.
    pods = [pod for pod in objects("v1", "Pod") if pod["status"].get("phase") not in ("Succeeded", "Failed")]
    nodes = {node["metadata"]["name"]: node for node in client.list("v1", "Node").items}
    used_claims = {
        f"PersistentVolumeClaim {pod['metadata']['namespace']}/{volume['persistentVolumeClaim']['claimName']}"
        for pod in pods
        for volume in pod["spec"].get("volumes", [])
        if "persistentVolumeClaim" in volume
    }
    waiting = [
        Remark(name, reason)
        for kind, items in by_kind.items()
        for item, name in ((item, _name(item)) for item in items)
        # An unused claim of a class that waits for its first consumer is as it should be.
        if kind != ("v1", "PersistentVolumeClaim") or name in used_claims
        if (reason := unready(item))
    ]
    if stand_ins:
        waiting += _unscaled(client, by_kind)
    requested: defaultdict[str, list[Resources]] = defaultdict(list)
    for pod in pods:
        requested[pod["spec"].get("nodeName", "")].append(pod_requests(pod["spec"]))
    return Placement(
        nodes=tuple(_node(node, total(requested[name])) for name, node in sorted(nodes.items())),
        pods=tuple(_pod(pod, nodes.get(pod["spec"].get("nodeName", ""), {})) for pod in pods),
        waiting=tuple(waiting),
        addresses=tuple(_addresses(by_kind["v1", "Service"])),
    )


def _unscaled(client: Client, by_kind: dict[tuple[str, str], list[Object]]) -> Iterator[Remark]:
    """Targets that KEDA's stand-in, which looks at floors, ceilings and schedules alone, has still to scale."""
    mode = client.get("v1", "ConfigMap", MODE_NAME, MODE_NAMESPACE)
    scaled = by_kind.get(SCALED_OBJECT[:2], [])
    world = World.of([*scaled, *(item for kind in _SCALABLE for item in by_kind[kind]), *([mode] if mode else [])])
    for item in scaled:
        target = keda.target_of(item, world)
        if target is None:
            continue
        present = target["spec"]["replicas"]
        with suppress(KeyError, ValueError):  # a trigger that is wrong: the ScaledObject's own status says so
            wanted = keda.paused(item, keda.replicas(item, world), present)
            if wanted != present:
                yield Remark(_name(target), f"not scaled to {wanted} yet")


def _addresses(services: list[Object]) -> Iterator[Remark]:
    for service in services:
        for entry in service["status"].get("loadBalancer", {}).get("ingress", []):
            yield Remark(_name(service), entry.get("hostname") or entry.get("ip", ""))


def _node(node: Object, requested: Resources) -> Node:
    labels = node["metadata"].get("labels", {})
    conditions = {condition["type"]: condition["status"] for condition in node["status"].get("conditions", [])}
    return Node(
        name=node["metadata"]["name"],
        pool=labels.get(LABEL_POOL)
        or labels.get("karpenter.sh/nodepool")
        or labels.get("eks.amazonaws.com/nodegroup", ""),
        zone=labels.get(LABEL_ZONE, ""),
        instance_type=labels.get(LABEL_INSTANCE_TYPE, ""),
        ready=conditions.get("Ready") == "True",
        allocatable=resources(node["status"].get("allocatable", {})),
        requested=requested,
    )


def _pod(pod: Object, node: Object) -> Pod:
    metadata, status = pod["metadata"], pod["status"]
    labels = metadata.get("labels", {})
    node_labels = node.get("metadata", {}).get("labels", {})
    conditions = {condition["type"]: condition for condition in status.get("conditions", [])}
    ready = conditions.get("Ready", {}).get("status") == "True" and "deletionTimestamp" not in metadata
    return Pod(
        namespace=metadata["namespace"],
        name=metadata["name"],
        workload=workload_of(labels),
        workload_class=labels.get(LABEL_CLASS, ""),
        pool=node_labels.get(LABEL_POOL) or pod["spec"].get("nodeSelector", {}).get(LABEL_POOL, ""),
        zone=node_labels.get(LABEL_ZONE, ""),
        node=pod["spec"].get("nodeName", ""),
        phase="Terminating" if "deletionTimestamp" in metadata else status.get("phase", "Pending"),
        ready=ready,
        reason="" if ready else _reason(pod, conditions),
    )


def _reason(pod: Object, conditions: dict[str, Any]) -> str:
    if "deletionTimestamp" in pod["metadata"]:
        return "being deleted"
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") != "True":
        message: str = scheduled.get("message") or "not looked at by the scheduler yet"
        return message
    for container in [*pod["status"].get("initContainerStatuses", []), *pod["status"].get("containerStatuses", [])]:
        if waiting := container.get("state", {}).get("waiting"):
            return ": ".join(filter(None, [waiting.get("reason", ""), waiting.get("message", "")]))
    return "not ready yet"


def _summary(placement: Placement) -> str:
    return f", waiting for {placement.waiting[0].what}" if placement.waiting else ""


def _name(item: Object) -> str:
    return f"{item['kind']} {item['metadata']['namespace']}/{item['metadata']['name']}"
