"""The drill `lose zone`: one zone is shifted away from and drained; every critical tier must go on, and grow.

In the order of an outage's runbook: zonal shift (Karpenter starts no node there), `avoid-zone` (so that it starts them
elsewhere), drain by eviction; then scaled tiers to their ceilings, to see that they can still grow. Bringing the zone
back is the same in reverse.
"""

import math
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

from rehearsal import session
from rehearsal.cluster import placement
from rehearsal.cluster.client import Client
from rehearsal.cluster.nodes import LABEL_ZONE
from rehearsal.cluster.placement import Placement
from rehearsal.controlplane import boot
from rehearsal.controlplane.kubectl import kubectl_output
from rehearsal.drills.results import Level, Pending, ZoneLoss
from rehearsal.drills.watching import Watch, Workload
from rehearsal.errors import UserError
from rehearsal.explain import plan_of
from rehearsal.progress import Progress, Step
from rehearsal.session import Request
from rehearsal.standins.kinds import MODE_NAME, MODE_NAMESPACE, SCALED_OBJECT, SHIFTED_ZONE
from retail.objectives import ObjectiveClass, WorkloadClass
from retail.plan import Plan

DRAIN_SECONDS = 180
PATIENCE_SECONDS = 90.0
_LOOK_SECONDS = 0.5
_ZONES = 3
_FIELD_MANAGER = "retail-rehearsal-drill"
_JUDGED = (WorkloadClass.CRITICAL, WorkloadClass.IMPORTANT)

Pods = Counter[Workload]


def lose_zone(request: Request, zone: str, progress: Progress) -> ZoneLoss:
    """Loses a zone of a stack that is up. zone: its name or letter; "" for that of a database's primary, the hardest.

    `request.overrides` are those that the stack was brought up with. Raises UserError where there is no such stack or
    zone.
    """
    plane = _plane(request.stack)
    with Client(plane.kubeconfig) as client:
        zone = _choose(client, zone)
        plans = _plans(request)
        _shift(client, zone)
        _avoid(request, plans, zone, progress)
        seen = placement.look(client)
        classes = {Workload(pod.namespace, pod.workload): pod.workload_class for pod in seen.pods}
        before = _ready(seen)
        needs = {each: _needed(each, plans, before[each]) for each in classes}
        with Watch(plane.kubeconfig) as watch:
            with progress.step(f"draining {zone}"):
                seconds, refused = _drain(client, plane, zone)
            with progress.step("moving to the other zones") as step:
                # What scales has its full size again; a set of one pod a zone is one short until the zone is back.
                # What only working hours scale has no more to grow to than it has: it is a set like any other.
                scaled = {each: most for each, most in _ceilings(client).items() if most > before[each]}
                after = _wait(client, {each: before[each] if each in scaled else needs[each] for each in classes}, step)
        with progress.step("scaled tiers to their ceilings") as step:
            grown = _grow(client, scaled, zone, before, step)
    levels = [
        Level(
            *workload,
            workload_class=workload_class,
            needed=needs[workload],
            before=before[workload],
            lowest=watch.lowest.get(workload, 0),
            after=_ready(after)[workload],
            ceiling=scaled.get(workload),
            scaled_to=grown[workload] if workload in scaled else None,
        )
        for workload, workload_class in sorted(classes.items())
        if workload_class in _JUDGED
    ]
    return ZoneLoss(request.stack, zone, tuple(levels), seconds, refused, watch.violated, _pending(after))


def bring_back(request: Request, progress: Progress) -> str:
    """Uncordons the zone's nodes, ends the zonal shift, lets pools into it again. The zone; "" where none was lost."""
    plane = _plane(request.stack)
    with Client(plane.kubeconfig) as client:
        mode = client.get("v1", "ConfigMap", MODE_NAME, MODE_NAMESPACE) or {}
        if zone := str(mode.get("data", {}).get(SHIFTED_ZONE, "")):
            for node in client.list("v1", "Node", labels=f"{LABEL_ZONE}={zone}").items:
                client.patch("v1", "Node", node["metadata"]["name"], {"spec": {"unschedulable": None}})
            _shift(client, "")
            _avoid(request, _plans(request), "", progress)
    return zone


def _plane(stack: str) -> boot.Plane:
    name = session.running_plane(stack)
    if name != stack:
        raise UserError(f"{stack} lives on the cluster of {name}: lose a zone of {name}")
    return boot.attach(name)


def _choose(client: Client, zone: str) -> str:
    """The zone asked for; where none is, that of a PostgreSQL primary."""
    zones = {
        node["metadata"]["name"]: str(node["metadata"]["labels"][LABEL_ZONE])
        for node in client.list("v1", "Node").items
    }
    known = sorted(set(zones.values()))
    if zone:
        named = [each for each in known if zone in (each, each[-1])]
        if not named:
            raise UserError(f"--zone: one of {', '.join(known)}; given {zone!r}")
        return named[0]
    primaries = client.list("v1", "Pod", labels="cnpg.io/instanceRole=primary").items
    return next((zones[pod["spec"]["nodeName"]] for pod in primaries if "nodeName" in pod["spec"]), known[0])


def _plans(request: Request) -> dict[str, Plan]:
    """The plans of all stacks on the plane."""
    return {
        stack: plan_of(stack, request.overrides if stack == request.stack else {})
        for stack in session.stacks_on(request.stack)
    }


def _shift(client: Client, zone: str) -> None:
    """What EKS' zonal shift tells Karpenter; its stand-in reads it here."""
    metadata = {"name": MODE_NAME, "namespace": MODE_NAMESPACE}
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {SHIFTED_ZONE: zone}}
    client.apply(manifest, field_manager=_FIELD_MANAGER)


def _avoid(request: Request, plans: Mapping[str, Plan], zone: str, progress: Progress) -> None:
    """`up` of every stack that owns node pools, with `avoid-zone`."""
    for stack, plan in plans.items():
        if plan.settings.hosting.owns_database:
            own = request.overrides if stack == request.stack else {}
            session.up(replace(request, stack=stack, overrides={**own, "avoid-zone": zone}), progress)


def _needed(workload: Workload, plans: Mapping[str, Plan], before: int) -> int:
    """The plan's need of a scaled tier, nothing in bronze; of any other set all but those of one zone."""
    for stack, plan in plans.items():
        if plan.settings.identity(stack).namespace == workload.namespace:
            tier = next((each for each in plan.tiers.values() if str(each.tier) == workload.name), None)
            if tier and tier.profile.scaled:
                return 0 if plan.settings.objective_class is ObjectiveClass.BRONZE else tier.need
    return before - math.ceil(before / _ZONES)


def _ready(seen: Placement, *, outside: str = "") -> Pods:
    """Ready pods by workload, of all zones but that one."""
    ready = (pod for pod in seen.pods if pod.ready and pod.zone != outside)
    return Counter(Workload(pod.namespace, pod.workload) for pod in ready)


def _drain(client: Client, plane: boot.Plane, zone: str) -> tuple[float, tuple[str, ...]]:
    """Seconds it took, and the pods that were never let go."""
    started = time.monotonic()
    drained, _ = kubectl_output(
        plane,
        [
            "drain",
            f"--selector={LABEL_ZONE}={zone}",
            "--ignore-daemonsets",
            "--delete-emptydir-data",
            f"--timeout={DRAIN_SECONDS}s",
        ],
    )
    took = time.monotonic() - started
    if drained:
        return took, ()
    return took, tuple(str(pod) for pod in placement.look(client).pods if pod.zone == zone)


def _wait(client: Client, wanted: Mapping[Workload, int], step: Step, *, outside: str = "") -> Placement:
    """Until so many pods of each workload are ready, or nothing more can be hoped for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        seen = placement.look(client)
        ready = _ready(seen, outside=outside)
        short = [each for each, pods in wanted.items() if ready[each] < pods]
        step.show("workloads of the size they should have", done=len(wanted) - len(short), total=len(wanted))
        if not short or time.monotonic() > deadline:
            return seen
        time.sleep(_LOOK_SECONDS)


def _ceilings(client: Client) -> dict[Workload, int]:
    """The most that each scaled tier may grow to."""
    return {
        Workload(each["metadata"]["namespace"], each["spec"]["scaleTargetRef"]["name"]): each["spec"]["maxReplicaCount"]
        for each in client.list(SCALED_OBJECT.api_version, SCALED_OBJECT.kind).items
    }


def _grow(client: Client, ceilings: Mapping[Workload, int], zone: str, before: Pods, step: Step) -> Pods:
    """Ready pods outside the zone with all scaled tiers at their ceilings; then they are as large as before again."""
    session.set_mode(client, "ceiling")
    try:
        return _ready(_wait(client, ceilings, step, outside=zone), outside=zone)
    finally:
        session.set_mode(client, "floor")
        for tier in ceilings:  # in season peak nothing scales in by itself
            scale = {"spec": {"replicas": before[tier]}}
            client.patch("apps/v1", "Deployment", tier.name, scale, tier.namespace, subresource="scale")


def _pending(seen: Placement) -> tuple[Pending, ...]:
    stuck = [pod for pod in seen.pending if not pod.node]
    found = Counter((pod.namespace, pod.workload, pod.workload_class, pod.reason) for pod in stuck)
    return tuple(
        Pending(namespace, workload, workload_class, count, reason)
        for (namespace, workload, workload_class, reason), count in sorted(found.items())
    )
