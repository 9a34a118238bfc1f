"""Nodes: a pod can land on pools of its own stack, or of the platform it shares, and on no other tenant's."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.check.cursor import Cursor
from rehearsal.check.isolation.estate import DATABASE_CLUSTER, Estate, Leak, Tenant
from rehearsal.check.promises import pod_template

NODE_GROUP: Final = "aws:eks/nodeGroup:NodeGroup"
NODE_POOL: Final = "NodePool.karpenter.sh"
POOLER: Final = "Pooler.postgresql.cnpg.io"
EFFECTS: Final = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}


@dataclass(frozen=True)
class Pool:
    """Nodes that look alike. Taints are (key, value, effect)."""

    name: str
    labels: Mapping[str, str]
    taints: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Demand:
    """Where the pods of an object ask to be."""

    where: str
    selector: Mapping[str, str]
    tolerations: tuple[Mapping[str, Any], ...]


def leaks(estate: Estate) -> Iterator[Leak]:
    for tenant in estate.tenants.values():
        for demand in demands(tenant):
            yield from _elsewhere(estate, tenant, demand)


def _elsewhere(estate: Estate, tenant: Tenant, demand: Demand) -> Iterator[Leak]:
    shared = estate.host(tenant) if estate.shares(tenant) else None
    if not any(fits(demand, pool) for owner in (tenant, shared) if owner for pool in pools(owner)):
        yield Leak(tenant.stack, "", demand.where, "fits no pool that it may use")
    for other in estate.neighbours(tenant):
        for pool in pools(other):
            estate.compared["pods before pools"] += 1
            if other is not shared and fits(demand, pool):
                yield Leak(tenant.stack, other.stack, demand.where, f"can land on pool {pool.name}")


def fits(demand: Demand, pool: Pool) -> bool:
    """As the scheduler decides: all labels asked for, all taints tolerated."""
    return demand.selector.items() <= pool.labels.items() and all(
        effect == "PreferNoSchedule" or any(_tolerates(each, key, value, effect) for each in demand.tolerations)
        for key, value, effect in pool.taints
    )


def _tolerates(toleration: Mapping[str, Any], key: str, value: str, effect: str) -> bool:
    if toleration.get("effect") not in (None, "", effect):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, "", key)
    return (toleration.get("key"), toleration.get("value", "")) == (key, value)


def pools(tenant: Tenant) -> Iterator[Pool]:
    for group in tenant.of_type(NODE_GROUP):
        taints = (
            (each["key"], each.get("value", ""), EFFECTS[each["effect"]]) for each in group.inputs.get("taints", [])
        )
        yield Pool(group.name, group.inputs.get("labels", {}), tuple(taints))
    for item in tenant.of_kind(NODE_POOL):
        template = item.root.down("spec", "template")
        taints = (
            (each["key"].text(), each["value"].text(), each["effect"].text()) for each in template["spec"]["taints"]
        )
        yield Pool(item.name, template.down("metadata", "labels").mapping(), tuple(taints))


def demands(tenant: Tenant) -> Iterator[Demand]:
    """All pods in the tenant's namespaces and the common ones; operators' charts place theirs on the system nodes."""
    for item in tenant.objects:
        if not tenant.runs_in(item.namespace):
            continue
        template = pod_template(item)
        if template is not None:
            yield _demand(str(item.where), template["spec"])
        elif item.kind == DATABASE_CLUSTER:
            yield _demand(str(item.where), item.root.down("spec", "affinity"))
        elif item.kind == POOLER:
            yield _demand(str(item.where), item.root.down("spec", "template", "spec"))


def _demand(where: str, place: Cursor) -> Demand:
    tolerations = tuple(each.value for each in place["tolerations"] if isinstance(each.value, dict))
    return Demand(where, place["nodeSelector"].mapping(), tolerations)
