"""Stands in for KEDA: sets the replicas of a ScaledObject's target, which KEDA's HorizontalPodAutoscaler would do.

Replicas = the largest of `minReplicaCount` and the `desiredReplicas` of the cron triggers that are open, by KEDA's own
reading of their schedules. The ConfigMap rehearsal-system/rehearsal-mode with `at: ceiling` makes it `maxReplicaCount`
instead: what the triggers would ask for under the heaviest load. Pausing annotations are honoured.

One thing is not as in KEDA: windows that come back every week count as open. They are a stack's working hours, and a
rehearsal at night is to show the stack awake.

It reads no metric (Prometheus, PostgreSQL and all other triggers count for nothing), makes no HorizontalPodAutoscaler,
knows no stabilisation window or scaling policy (it scales at once), and leaves ScaledJobs alone.
"""

import logging
from collections.abc import Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from rehearsal.standins import kinds
from rehearsal.standins.cron import Cron, active
from rehearsal.standins.stand_in import Action, Patch, keep_status, per_object
from rehearsal.standins.world import Object, World, key_of

log = logging.getLogger(__name__)

_ANNOTATION = "autoscaling.keda.sh/"
_TARGETS = (kinds.DEPLOYMENT, kinds.STATEFUL_SET)
_DEFAULT_MAXIMUM = 100
"""KEDA's `maxReplicaCount` when none is given (ScaledObject specification)."""


class Keda:
    """The KEDA stand-in."""

    name = "keda"
    watches = (kinds.SCALED_OBJECT, kinds.MODE, *_TARGETS)
    settle_seconds = 0.1

    def plan(self, world: World) -> Iterator[Action]:
        return per_object(world, kinds.SCALED_OBJECT, desired)


def desired(scaled: Object, world: World) -> Iterator[Action]:
    """The scale of the target, and what the ScaledObject says of it."""
    target = target_of(scaled, world)
    if target is None:
        yield from _say(scaled, "False", "ScaledObjectCheckFailed", "the target does not exist")
        return
    try:
        wanted = paused(scaled, replicas(scaled, world), target["spec"].get("replicas", 1))
    except (KeyError, ValueError) as problem:
        yield from _say(scaled, "False", "ScaledObjectCheckFailed", f"a trigger is wrong: {problem}")
        return
    if wanted != target["spec"].get("replicas", 1):
        log.info("%s/%s: %d replicas", target["kind"], target["metadata"]["name"], wanted)
        yield Patch(key_of(target), {"spec": {"replicas": wanted}}, subresource="scale")
    yield from _say(scaled, "True", "ScaledObjectReady", "a stand-in scales by cron triggers, a week's always open")


def target_of(scaled: Object, world: World) -> Object | None:
    reference = scaled["spec"]["scaleTargetRef"]
    api_version, kind = reference.get("apiVersion", "apps/v1"), reference.get("kind", "Deployment")
    return world.find((api_version, kind, scaled["metadata"]["namespace"], reference["name"]))


def at_ceiling(world: World) -> bool:
    """Whether the rehearsal asked for the heaviest load."""
    mode = world.get(kinds.MODE, kinds.MODE_NAME, kinds.MODE_NAMESPACE)
    return mode is not None and (mode.get("data") or {}).get("at") == "ceiling"


def replicas(scaled: Object, world: World) -> int:
    """What the target should have, pausing aside. Raises ValueError or KeyError for a cron trigger KEDA refuses."""
    spec = scaled["spec"]
    maximum = int(spec.get("maxReplicaCount", _DEFAULT_MAXIMUM))
    if at_ceiling(world):
        return maximum
    opened = [
        int(trigger["metadata"]["desiredReplicas"])
        for trigger in spec.get("triggers") or []
        if trigger["type"] == "cron" and is_open(trigger, world.now)
    ]
    return min(max([int(spec.get("minReplicaCount", 0)), *opened]), maximum)


def is_open(trigger: Object, now: datetime) -> bool:
    """Whether a cron trigger's window is open, or is one of each week."""
    metadata = trigger["metadata"]
    start, end, zone = Cron.parse(metadata["start"]), Cron.parse(metadata["end"]), ZoneInfo(metadata["timezone"])
    return (start.weekly and end.weekly) or active(start, end, now, zone)


def paused(scaled: Object, wanted: int, present: int) -> int:
    """`wanted`, unless an annotation holds the target where it is (or elsewhere)."""
    annotations = scaled["metadata"].get("annotations") or {}

    def says(annotation: str) -> bool:
        return annotations.get(_ANNOTATION + annotation) == "true"

    if (fixed := annotations.get(_ANNOTATION + "paused-replicas")) is not None:
        return int(fixed)
    if says("paused"):
        return present
    if (says("paused-scale-in") and wanted < present) or (says("paused-scale-out") and wanted > present):
        return present
    return wanted


def _say(scaled: Object, ready: str, reason: str, message: str) -> Iterator[Action]:
    condition = {"type": "Ready", "status": ready, "reason": reason, "message": message}
    yield from keep_status(scaled, {"conditions": [condition]}, dated=False)
