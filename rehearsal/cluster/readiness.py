"""When an object is as it was asked to be: one rule per kind, in the words of the kind's own status."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from rehearsal.cluster.client import Object
from rehearsal.standins import kinds


def unready(item: Object) -> str:
    """What is still missing of an object of a kind in `RULES`; "" when it is ready."""
    return RULES[item["apiVersion"], item["kind"]](item.get("spec") or {}, item.get("status") or {}, item["metadata"])


Rule = Callable[[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]], str]


def _deployment(spec: Mapping[str, Any], status: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    return _replicas(
        spec.get("replicas", 1),
        min(status.get("updatedReplicas", 0), status.get("availableReplicas", 0)),
        status.get("replicas", 0),
        status,
        metadata,
    )


def _stateful_set(spec: Mapping[str, Any], status: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    ready = status.get("availableReplicas", 0)
    if spec.get("updateStrategy", {}).get("type") != "OnDelete":
        ready = min(ready, status.get("updatedReplicas", 0))
    return _replicas(spec.get("replicas", 1), ready, status.get("replicas", 0), status, metadata)


def _daemon_set(_: Mapping[str, Any], status: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    wanted = status.get("desiredNumberScheduled", 0)
    ready = min(status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0))
    return _replicas(wanted, ready, wanted, status, metadata)


def _replicas(wanted: int, ready: int, present: int, status: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    if status.get("observedGeneration", 0) < metadata["generation"]:
        return "its controller has not seen the change yet"
    if ready < wanted:
        refusal = _condition(status, "ReplicaFailure").get("message", "")
        return f"{ready} of {wanted} ready" + (f": {refusal}" if refusal else "")
    return f"{present - wanted} surplus pods" if present > wanted else ""


def _job(spec: Mapping[str, Any], status: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    by_schedule = any(owner["kind"] == "CronJob" for owner in metadata.get("ownerReferences", []))
    if by_schedule or spec.get("suspend") or _condition(status, "Complete").get("status") == "True":
        return ""
    failure = _condition(status, "Failed")
    if failure.get("status") == "True":
        return f"failed: {failure.get('message', '')}"
    return f"{status.get('succeeded', 0)} of {spec.get('completions', 1)} completed"


def _claim(_: Mapping[str, Any], status: Mapping[str, Any], __: Mapping[str, Any]) -> str:
    phase: str = status.get("phase", "Pending")
    return "" if phase == "Bound" else phase.lower()


def _service(spec: Mapping[str, Any], status: Mapping[str, Any], _: Mapping[str, Any]) -> str:
    missing = spec.get("type") == "LoadBalancer" and not (status.get("loadBalancer") or {}).get("ingress")
    return "has no load balancer yet" if missing else ""


def _ready(_: Mapping[str, Any], status: Mapping[str, Any], __: Mapping[str, Any]) -> str:
    ready = _condition(status, "Ready")
    return "" if ready.get("status") == "True" else ready.get("message") or "not ready"


def _postgres(spec: Mapping[str, Any], status: Mapping[str, Any], metadata: Mapping[str, Any]) -> str:
    ready, wanted = status.get("readyInstances", 0), spec["instances"]
    return _ready(spec, status, metadata) if ready == wanted else f"{ready} of {wanted} instances ready"


def _pooler(spec: Mapping[str, Any], status: Mapping[str, Any], _: Mapping[str, Any]) -> str:
    present, wanted = status.get("instances", 0), spec.get("instances", 1)
    return "" if present == wanted else f"{present} of {wanted} instances"


def _applied(_: Mapping[str, Any], status: Mapping[str, Any], __: Mapping[str, Any]) -> str:
    return "" if status.get("applied") else status.get("message") or "not applied yet"


def _condition(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    return next((condition for condition in status.get("conditions") or [] if condition["type"] == name), {})


RULES: Final[Mapping[tuple[str, str], Rule]] = {
    ("apps/v1", "Deployment"): _deployment,
    ("apps/v1", "StatefulSet"): _stateful_set,
    ("apps/v1", "DaemonSet"): _daemon_set,
    ("batch/v1", "Job"): _job,
    ("v1", "PersistentVolumeClaim"): _claim,
    ("v1", "Service"): _service,
    kinds.CLUSTER[:2]: _postgres,
    kinds.POOLER[:2]: _pooler,
    kinds.DATABASE[:2]: _applied,
    kinds.DATABASE_ROLE[:2]: _applied,
    kinds.SCALED_OBJECT[:2]: _ready,
    kinds.CERTIFICATE[:2]: _ready,
    kinds.EXTERNAL_SECRET[:2]: _ready,
}
