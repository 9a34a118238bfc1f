"""What there is to say at the end of an `up`, as plain data: what `--json` prints, and the page shows.

Secret values are not in it.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import groupby
from typing import Any, Final, TypeVar

from rehearsal.cluster.changes import Changes, Remark
from rehearsal.cluster.placement import Node, Placement, Pod
from rehearsal.engine.model import UNKNOWN, Evaluation, Secret

Item = TypeVar("Item")
_MIB: Final = 2**20


def summarize(
    evaluation: Evaluation,
    placement: Placement,
    changes: Changes,
    next_steps: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """Data of JSON's types. `next_steps` are commands, each with what it is good for.

    Amounts: CPU in millicores, memory in MiB, both of the whole pool.
    """
    return {
        "stack": evaluation.stack,
        "complete": placement.complete,
        "nodes": [_pool(pool, nodes) for pool, nodes in _grouped(placement.nodes, lambda node: node.pool)],
        "pods": [_workload(key, pods) for key, pods in _grouped(placement.pods, _workload_key)],
        "pending": _pending(placement.pending),
        "waiting": [_remark(remark) for remark in placement.waiting],
        "changes": {field.name: _changes(getattr(changes, field.name)) for field in fields(changes)},
        "outputs": {name: masked(value) for name, value in evaluation.outputs.items()},
        "addresses": [{"service": what, "address": address} for what, address in placement.addresses],
        "next": [{"command": command, "purpose": purpose} for command, purpose in next_steps],
    }


def masked(value: Any) -> Any:
    """`value` as it may be shown: "[secret]" for what is secret, "<unknown>" for what is not known."""
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, Mapping):
        return {str(key): masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [masked(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return "<unknown>" if value is UNKNOWN else str(value)


def _grouped(items: Iterable[Item], key: Callable[[Item], Any]) -> Iterator[tuple[Any, list[Item]]]:
    for value, group in groupby(sorted(items, key=key), key=key):
        yield value, list(group)


def _pool(pool: str, nodes: Sequence[Node]) -> dict[str, Any]:
    return {
        "pool": pool,
        "instance_types": sorted({node.instance_type for node in nodes}),
        "zones": dict(Counter(node.zone for node in nodes if node.zone)),
        "count": len(nodes),
        "ready": sum(node.ready for node in nodes),
        "cpu": sum(node.allocatable.cpu for node in nodes),
        "cpu_requested": sum(node.requested.cpu for node in nodes),
        "memory": sum(node.allocatable.memory for node in nodes) // _MIB,
        "memory_requested": sum(node.requested.memory for node in nodes) // _MIB,
    }


def _workload_key(pod: Pod) -> tuple[str, str, str, str]:
    return pod.namespace, pod.workload, pod.workload_class, pod.pool


def _workload(key: tuple[str, str, str, str], pods: Sequence[Pod]) -> dict[str, Any]:
    namespace, workload, workload_class, pool = key
    return {
        "namespace": namespace,
        "workload": workload,
        "class": workload_class,
        "pool": pool,
        "zones": dict(Counter(pod.zone for pod in pods if pod.zone)),
        "count": len(pods),
        "ready": sum(pod.ready for pod in pods),
    }


def _pending(pods: Iterable[Pod]) -> list[dict[str, Any]]:
    """Pods that wait for the same reason are one entry."""
    alike = Counter((pod.namespace, pod.workload or pod.name, pod.reason) for pod in pods)
    return [
        {"namespace": namespace, "workload": workload, "count": count, "reason": reason}
        for (namespace, workload, reason), count in sorted(alike.items())
    ]


def _changes(items: Iterable[str | Remark]) -> list[str | dict[str, str]]:
    return [_remark(item) if isinstance(item, Remark) else item for item in sorted(items)]


def _remark(remark: Remark) -> dict[str, str]:
    return {"what": remark.what, "reason": remark.reason}
