"""When Karpenter's nodes go: which empty ones may, and how a node that is deleted is drained first."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from rehearsal.standins import kinds
from rehearsal.standins.cron import Cron
from rehearsal.standins.durations import duration
from rehearsal.standins.stand_in import Action, Evict, Patch
from rehearsal.standins.world import Object, World, key_of

FINALIZER = "karpenter.sh/termination"
_DISRUPTED = {"key": "karpenter.sh/disrupted", "effect": "NoSchedule"}
_DO_NOT_DISRUPT = "karpenter.sh/do-not-disrupt"
IDLE_SECONDS = 30.0
"""The least a node stands empty before it goes, whatever `consolidateAfter`: the scheduler may be on its way to it."""


def running(world: World) -> list[Object]:
    """The pods that keep a node from being empty: all but finished ones and those of DaemonSets."""
    return [
        pod
        for pod in world.all(kinds.POD)
        if "nodeName" in pod["spec"]
        and not of_daemon_set(pod)
        and pod["status"].get("phase") not in ("Succeeded", "Failed")
    ]


def terminated(world: World) -> Iterator[Action]:
    """Drains the nodes that are being deleted, by us, with their pool or by hand; lets each go once it is empty."""
    leaving = {
        node["metadata"]["name"]: node
        for node in world.all(kinds.NODE)
        if "deletionTimestamp" in node["metadata"] and FINALIZER in (node["metadata"].get("finalizers") or [])
    }
    left = [pod for pod in running(world) if pod["spec"]["nodeName"] in leaving] if leaving else []
    for name, node in leaving.items():
        taints = node["spec"].get("taints") or []
        pods = [pod for pod in left if pod["spec"]["nodeName"] == name]
        if _DISRUPTED not in taints:
            yield Patch(key_of(node), {"spec": {"taints": [*taints, _DISRUPTED]}})
        elif pods:
            yield from (Evict(key_of(pod)) for pod in pods if "deletionTimestamp" not in pod["metadata"])
        else:
            kept = [finalizer for finalizer in node["metadata"]["finalizers"] if finalizer != FINALIZER]
            yield Patch(key_of(node), {"metadata": {"finalizers": kept}})


def removable(
    node_pool: Object, nodes: Sequence[Object], empty_since: Mapping[str, datetime], now: datetime
) -> list[Object]:
    """The nodes of a pool that stand empty long enough, as many as its disruption budgets let go at once."""
    disruption = node_pool["spec"].get("disruption") or {}
    after = disruption.get("consolidateAfter", "0s")
    if after == "Never":
        return []
    patience = max(duration(after), timedelta(seconds=IDLE_SECONDS))
    idle = [
        node
        for node in nodes
        if node["metadata"]["name"] in empty_since
        and now - empty_since[node["metadata"]["name"]] >= patience
        and (node["metadata"].get("annotations") or {}).get(_DO_NOT_DISRUPT) != "true"
        and "deletionTimestamp" not in node["metadata"]
    ]
    return idle[: allowed_disruptions(disruption.get("budgets"), len(nodes), now)]


def allowed_disruptions(budgets: Sequence[Mapping[str, Any]] | None, nodes: int, now: datetime) -> int:
    """How many of so many nodes the active budgets let go at once for being empty. Schedules are in UTC."""
    allowed = nodes
    for budget in [{"nodes": "10%"}] if budgets is None else budgets:
        if "Empty" not in budget.get("reasons", ["Empty"]):
            continue
        if "schedule" in budget:
            opened = Cron.parse(budget["schedule"]).last_before(now, UTC, within=duration(budget["duration"]))
            if opened is None:
                continue
        number, percent, _ = str(budget.get("nodes", "10%")).partition("%")
        allowed = min(allowed, math.ceil(nodes * int(number) / 100) if percent else int(number))
    return allowed


def of_daemon_set(pod: Object) -> bool:
    return any(owner["kind"] == "DaemonSet" for owner in pod["metadata"].get("ownerReferences") or [])
