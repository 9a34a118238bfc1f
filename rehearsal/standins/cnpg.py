"""Stands in for CloudNativePG's Clusters, Databases and DatabaseRoles.

A Cluster gets its instance pods on their own claims, one after the other, its Services, Secrets, disruption budgets,
ServiceAccount and status. A primary leaves a cordoned or lost node for a ready replica; a pod that went comes back on
its claim; a changed pod spec rolls through the replicas, then the primary (by switchover, whatever
`primaryUpdateMethod`; not at all under `supervised`). PostgreSQL parameters touch no pod.

There is no PostgreSQL: no initdb or join Job, no replication, synchronous or other, no lag, quorum, lease or fencing,
no backup, WAL archive or recovery (what would come of them is not in the status), no RBAC, no bootstrap or plugin
containers in the pods, no tablespaces, image catalogues, hibernation or managed Services. Databases and roles are said
to be applied once their cluster has a primary; ScheduledBackups and Backups are left alone.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rehearsal.standins import cnpg_objects as objects
from rehearsal.standins import cnpg_secrets as secrets
from rehearsal.standins import kinds
from rehearsal.standins.generated import Generator
from rehearsal.standins.stand_in import (
    Action,
    Apply,
    Delete,
    Patch,
    hash_of,
    keep,
    keep_status,
    per_object,
    prune,
    timestamp,
)
from rehearsal.standins.tls import Authority
from rehearsal.standins.world import Object, World, key_of

log = logging.getLogger(__name__)

_DRAIN_TAINTS = frozenset(
    {
        "node.kubernetes.io/unschedulable",
        "ToBeDeletedByClusterAutoscaler",
        "karpenter.sh/disrupted",
        "karpenter.sh/disruption",
    }
)
"""CloudNativePG's default DRAIN_TAINTS (operator configuration)."""
_HEALTHY = "Cluster in healthy state"


class CloudNativePG:
    """The CloudNativePG stand-in, poolers aside."""

    name = objects.NAME
    watches = (
        kinds.CLUSTER,
        kinds.DATABASE,
        kinds.DATABASE_ROLE,
        kinds.POD,
        kinds.NODE,
        kinds.CLAIM,
        kinds.SERVICE,
        kinds.SERVICE_ACCOUNT,
        kinds.SECRET,
        kinds.DISRUPTION_BUDGET,
    )
    settle_seconds = 0.1

    def __init__(self, generator: Generator, authority: Authority) -> None:
        self._generator = generator
        self._authority = authority

    def plan(self, world: World) -> Iterator[Action]:
        yield from per_object(world, kinds.CLUSTER, self.desired)
        yield from per_object(world, kinds.DATABASE, applied)
        yield from per_object(world, kinds.DATABASE_ROLE, applied)

    def desired(self, cluster: Object, world: World) -> Iterator[Action]:
        """The next steps towards what the Cluster asks for."""
        described = [
            *objects.services(cluster),
            *objects.disruption_budgets(cluster),
            *objects.service_account(cluster),
        ]
        yield from keep(world, described)
        yield from prune(
            world, (kinds.SERVICE, kinds.DISRUPTION_BUDGET, kinds.SERVICE_ACCOUNT), cluster, objects.NAME, described
        )
        name, namespace = cluster["metadata"]["name"], cluster["metadata"]["namespace"]
        for suffix in secrets.secret_names(cluster):
            if world.get(kinds.SECRET, f"{name}-{suffix}", namespace) is None:
                yield Apply(secrets.secret(cluster, suffix, self._generator, self._authority))
        instances = observe(cluster, world)
        primary = choose_primary(cluster, instances)
        yield from _claims(cluster, instances, world)
        yield from _pods(cluster, instances, primary)
        yield from keep_status(cluster, status(cluster, instances, primary, world))


@dataclass(frozen=True)
class Instance:
    """One instance as it stands."""

    serial: int
    name: str
    pod: Object | None
    claimed: bool
    """Whether its claims exist: then it was there before."""
    on_sound_node: bool
    """Not cordoned, being drained, or out of reach."""
    current: bool
    """Whether its pod is of the spec the Cluster asks for now."""
    wanted: bool
    """Whether the Cluster still has so many instances."""

    @property
    def ready(self) -> bool:
        if self.pod is None or "deletionTimestamp" in self.pod["metadata"]:
            return False
        conditions = (self.pod.get("status") or {}).get("conditions") or []
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)

    @property
    def finished(self) -> bool:
        """Evicted by its node, or ended otherwise: such a pod never runs again."""
        return self.pod is not None and (self.pod.get("status") or {}).get("phase") in ("Failed", "Succeeded")


def observe(cluster: Object, world: World) -> list[Instance]:
    """The instances of a Cluster by serial: those it asks for, and those left of a larger number."""
    namespace, count = cluster["metadata"]["namespace"], cluster["spec"]["instances"]
    uid, serial, found = cluster["metadata"]["uid"], 0, []
    left = sum(
        any(owner["uid"] == uid for owner in claim["metadata"].get("ownerReferences") or [])
        for claim in world.all(kinds.CLAIM)
    )
    for serial in range(1, max(count, left) + 1):
        name = objects.instance_name(cluster, serial)
        pod = world.get(kinds.POD, name, namespace)
        claimed = all(world.find(key_of(claim)) for claim in objects.claims(cluster, serial))
        if serial > count and not claimed and pod is None:
            continue
        wanted_hash = hash_of(objects.pod(cluster, serial, primary=False))
        found.append(
            Instance(
                serial=serial,
                name=name,
                pod=pod,
                claimed=claimed,
                on_sound_node=pod is not None and _sound(pod, world),
                current=pod is not None and hash_of(pod) == wanted_hash,
                wanted=serial <= count,
            )
        )
    return found


def choose_primary(cluster: Object, instances: Sequence[Instance]) -> Instance:
    """Which instance is to be the primary: the present one, unless it can't stay and a ready replica can take over.

    It can't stay when it is not ready (failover), on a node that is drained or lost, surplus, or the last instance of
    an old pod spec in a rolling update (switchovers).
    """
    known = (cluster.get("status") or {}).get("targetPrimary")
    present = next((instance for instance in instances if instance.name == known), instances[0])
    others = [instance for instance in instances if instance.ready and instance.wanted and instance is not present]
    safe = [instance for instance in others if instance.on_sound_node]
    if not present.ready:
        return next(iter(safe + others), present)
    if not present.on_sound_node or not present.wanted:
        return next(iter(safe), present)
    if not present.current and _unsupervised(cluster) and _all_ready(instances):
        updated = [instance for instance in safe if instance.current]
        return updated[0] if len(updated) == len(others) and updated else present
    return present


def status(cluster: Object, instances: Sequence[Instance], primary: Instance, world: World) -> Object:
    """What the operator would say of the Cluster, as far as it is true here."""
    name = cluster["metadata"]["name"]
    before = cluster.get("status") or {}
    ready = [instance.name for instance in instances if instance.ready]
    present = [instance.name for instance in instances if instance.pod is not None]
    said: Object = {
        "instances": len(present),
        "readyInstances": len(ready),
        "instanceNames": present,
        "targetPrimary": primary.name,
        "latestGeneratedNode": max(instance.serial for instance in instances),
        "pvcCount": sum(instance.claimed for instance in instances) * len(list(objects.claims(cluster, 1))),
        "image": objects.pod_spec(cluster, 1)["containers"][0]["image"],
        "writeService": f"{name}-rw",
        "readService": f"{name}-r",
        "phase": _HEALTHY,
        "phaseReason": "",
    }
    states = {"healthy": ready, "replicating": [each for each in present if each not in ready]}
    if present:  # server-side apply writes an emptied map as null, which the schema refuses
        said["instancesStatus"] = {state: names for state, names in states.items() if names}
    # Server-side apply takes away what is no longer said: what stays true is said again.
    moved = before.get("targetPrimary") != primary.name
    said["targetPrimaryTimestamp"] = timestamp(world.now) if moved else before["targetPrimaryTimestamp"]
    led = primary.name if primary.ready else before.get("currentPrimary")
    if led is not None:
        changed = before.get("currentPrimary") != led
        since = timestamp(world.now) if changed else before["currentPrimaryTimestamp"]
        said |= {"currentPrimary": led, "currentPrimaryTimestamp": since}
    if refusal := _refusal(cluster, instances, world):
        said |= {"phase": "Unable to create required cluster objects", "phaseReason": refusal}
    elif not primary.ready:
        said["phase"] = "Setting up primary" if "currentPrimary" not in before else "Failing over"
    elif not all(instance.current for instance in instances if instance.pod is not None):
        waits = all(instance.current or instance is primary for instance in instances) and not _unsupervised(cluster)
        said["phase"] = "Waiting for user action" if waits else "Upgrading cluster"
    elif not len(ready) == cluster["spec"]["instances"] == len(instances):
        creating = not all(instance.claimed for instance in instances)
        said["phase"] = "Creating a new replica" if creating else "Waiting for the instances to become active"
    said["conditions"] = [_ready(said["phase"], said["phaseReason"])]
    return said


def applied(item: Object, world: World) -> Iterator[Action]:
    """A Database or DatabaseRole, once its cluster has a primary."""
    cluster = world.get(kinds.CLUSTER, item["spec"]["cluster"]["name"], item["metadata"]["namespace"])
    if cluster and "currentPrimary" in (cluster.get("status") or {}):
        message = "a stand-in: there is no PostgreSQL behind it"
        observed = {"observedGeneration": item["metadata"]["generation"]}
        yield from keep_status(item, {"applied": True, "message": message, **observed})


def _ready(phase: str, reason: str) -> Object:
    """The Ready condition: True in the healthy phase and in no other, as CloudNativePG has it; and why not."""
    if phase == _HEALTHY:
        return {"type": "Ready", "status": "True", "reason": "ClusterIsReady", "message": "Cluster is Ready"}
    message = ": ".join(filter(None, ["Cluster Is Not Ready", phase, reason]))
    return {"type": "Ready", "status": "False", "reason": "ClusterIsNotReady", "message": message}


def _claims(cluster: Object, instances: Sequence[Instance], world: World) -> Iterator[Action]:
    """Claims of the wanted instances, each new one only once all before it are ready; none of the surplus."""
    for instance in instances:
        manifests = list(objects.claims(cluster, instance.serial))
        if not instance.wanted:
            yield from _deleted(world.find(key_of(claim)) for claim in manifests if instance.pod is None)
        elif instance.claimed or _all_ready(instances[: instance.serial - 1]):
            yield from keep(world, manifests)


def _pods(cluster: Object, instances: Sequence[Instance], primary: Instance) -> Iterator[Action]:
    """Pods that are missing, and role labels; then at most one step of a rolling update."""
    for instance in instances:
        leads = instance is primary
        if not instance.wanted or instance.finished:
            yield from _deleted([instance.pod] if not leads or instance.finished else [])
        elif instance.pod is None:
            if instance.claimed or _all_ready(instances[: instance.serial - 1]):
                yield Apply(objects.pod(cluster, instance.serial, primary=leads))
        else:
            wanted = objects.instance_labels(cluster, instance.serial, primary=leads)
            present = instance.pod["metadata"].get("labels") or {}
            if wanted.items() - present.items():
                yield Patch(key_of(instance.pod), {"metadata": {"labels": wanted}})
    if _all_ready(instances):
        outdated = [instance for instance in reversed(instances) if not instance.current]
        replicas = [instance.pod for instance in outdated if instance is not primary]
        if replicas:
            yield from _deleted(replicas[:1])
        elif outdated and len(instances) == 1 and _unsupervised(cluster):
            yield from _deleted([primary.pod])


def _deleted(items: Iterable[Object | None]) -> Iterator[Action]:
    for item in items:
        if item is not None and "deletionTimestamp" not in item["metadata"]:
            log.info("%s %s: deleting", item["kind"], item["metadata"]["name"])
            yield Delete(key_of(item), item["metadata"]["uid"])


def _all_ready(instances: Sequence[Instance]) -> bool:
    return all(instance.ready for instance in instances)


def _unsupervised(cluster: Object) -> bool:
    return bool(cluster["spec"].get("primaryUpdateStrategy", "unsupervised") == "unsupervised")


def _sound(pod: Object, world: World) -> bool:
    """Whether the pod's node is there, ready and not being drained; a pod that has no node yet counts as sound."""
    if "nodeName" not in pod["spec"]:
        return True
    node = world.get(kinds.NODE, pod["spec"]["nodeName"])
    if node is None or node["spec"].get("unschedulable"):
        return False
    if any(taint["key"] in _DRAIN_TAINTS for taint in node["spec"].get("taints") or []):
        return False
    conditions = (node.get("status") or {}).get("conditions") or []
    return not any(condition["type"] == "Ready" and condition["status"] != "True" for condition in conditions)


def _refusal(cluster: Object, instances: Sequence[Instance], world: World) -> str:
    """What the API server said to the first object of the Cluster it refused."""
    for instance in instances:
        pod = objects.pod(cluster, instance.serial, primary=True)
        for manifest in (*objects.claims(cluster, instance.serial), pod):
            if said := world.refusals.get(key_of(manifest)):
                return said
    return ""
