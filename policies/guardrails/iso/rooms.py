"""A retailer's room: its own namespace, bounded, under Pod Security, and closed before anything is opened."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.network import EGRESS, INGRESS, Policy
from guardrails.kubernetes.quantities import quantity
from guardrails.kubernetes.workloads import Workload
from guardrails.parties import Role
from guardrails.reading import Node
from guardrails.resource import Resource, family
from guardrails.rule import Protects, Severity, Violation, stack_rule

RUNNING: Final = (
    kinds.DEPLOYMENT,
    kinds.STATEFUL_SET,
    kinds.REPLICA_SET,
    kinds.DAEMON_SET,
    kinds.JOB,
    kinds.CRON_JOB,
    kinds.POD,
    kinds.POOLER,
    kinds.POSTGRES_CLUSTER,
)
"""Whatever runs pods."""

BOUNDED: Final = {
    "pods": ("pods", "count/pods"),
    "requests.cpu": ("requests.cpu", "cpu"),
    "requests.memory": ("requests.memory", "memory"),
    "limits.memory": ("limits.memory",),
}
"""What a quota must bound, under any of these names."""

SLACK = limit(
    "quota-slack",
    4,
    "Times what a namespace's pods ask for at their ceilings that its quota may allow: both "
    "seasons have one quota, and "
    "rollouts a surge.",
)
OLDEST: Final = 25
"""Minor version of Kubernetes whose Pod Security Standards count: the first with Pod Security for good."""

OTHER_POLICIES: Final = (
    "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy",
    "ClusterNetworkPolicy",
    "CiliumNetworkPolicy",
    "CiliumClusterwideNetworkPolicy",
)
"""What other network engines have beside NetworkPolicy, and before it."""

SYSTEM_CLASSES: Final = ("system-cluster-critical", "system-node-critical")
"""Kubernetes' own priorities, above all others. EKS lets any namespace use them."""

CHANGE_CONTROL: Final = "change-control"
"""The cluster owner's namespace in which the freezes of every retailer on it are switched (sec-11). Its quota
is for all of them, and a stack sees its own pods alone."""

OWN_LABELS: Final = {"retail/tenant": "retailer", "retail/environment": "environment"}


@stack_rule(
    "iso-01",
    of=(kinds.NAMESPACE, *RUNNING),
    severity=Severity.CRITICAL,
    says="Everything of a retailer runs in namespaces of its own, under Pod Security `restricted`, with a quota that "
    "bounds it and defaults for what says nothing.",
    why="Without a quota one retailer's runaway scaling takes every node from the others; without Pod Security one "
    "exploited pod mounts the node, and with it everybody's secrets.",
    fix="a Namespace with pod-security.kubernetes.io/enforce=restricted and retail/tenant, a ResourceQuota on pods, "
    "requests and limits.memory, no system priorities, and a LimitRange with defaults",
    scenario="A brand's marketing mail brings ten times its traffic; the brand next door does not notice.",
    implies=("iso-04", "iso-09", "peak-05", "peak-06", "sec-01"),
    protects=Protects.ISOLATION,
)
def own_room(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.family != family(kinds.NAMESPACE):
        if _is_switch(resource, graph):
            return
        if graph.rooms.get(resource.namespace or "default") is None:
            yield Violation(
                resource, f"runs in {resource.namespace or 'default'}, a namespace that the stack doesn't make"
            )
        return
    if graph.rooms.get(resource.object_name) is not resource:
        return  # an operator's
    labels = resource.labels
    if (level := labels.get("pod-security.kubernetes.io/enforce")) != "restricted":
        yield Violation(resource, f"enforces Pod Security {level or 'of no level'}, not restricted")
    version = labels.get("pod-security.kubernetes.io/enforce-version", "latest")
    found = re.fullmatch(r"v1\.([0-9]+)", version)
    if version != "latest" and (found is None or int(found[1]) < OLDEST):
        yield Violation(resource, f"enforces Pod Security of {version}, which is no version from v1.{OLDEST} on")
    for label, key in OWN_LABELS.items():
        if labels.get(label) != (own := graph.contract.given.text(key)):
            yield Violation(resource, f"{label} is {labels.get(label) or 'not set'}, not {own}")
    yield from _bounded(resource, graph)


def _is_switch(resource: Resource, graph: Graph) -> bool:
    """What switches a retailer's freeze: the only thing of it that runs elsewhere, where no team gets in."""
    at_home = resource.family == family(kinds.CRON_JOB) and resource.namespace == CHANGE_CONTROL
    return at_home and resource.object_name in graph.rooms


def _bounded(namespace: Resource, graph: Graph) -> Iterator[Violation]:
    name = namespace.object_name
    quotas = graph.within(name, kinds.RESOURCE_QUOTA)
    whole = [each for each in quotas if not each.items("spec.scopes") and not each.has("spec.scopeSelector")]
    asked, always = _asked(name, graph, _ceiling), _asked(name, graph, _floor)
    for what, spellings in BOUNDED.items():
        said = [quantity(node) for each in whole for key, node in each.entries("spec.hard").items() if key in spellings]
        if not said:
            yield Violation(namespace, f"no ResourceQuota bounds {what}")
        elif (most := asked.get(what)) and name != CHANGE_CONTROL:
            yield from _fits(namespace, what, min(said), (always[what], most), graph)
    pods, running = _pods_by_priority(name, graph, _ceiling), _pods_by_priority(name, graph, _floor)
    for priority in (*SYSTEM_CLASSES, *sorted(_priorities(graph))) if name != CHANGE_CONTROL else ():
        said = [limit for each in quotas if (limit := _limit_of(each, priority)) is not None]
        if not said:
            yield Violation(
                namespace, f"no ResourceQuota bounds its pods of priority {priority}, which preempt others'"
            )
        else:
            spans = running.get(priority, 0), pods.get(priority, 0)
            yield from _fits(namespace, f"pods of priority {priority}", min(said), spans, graph)
    ranges = [item for each in graph.within(name, kinds.LIMIT_RANGE) for item in each.items("spec.limits")]
    defaults = [each for each in ranges if each.text("type") == "Container"]
    for path in ("defaultRequest.cpu", "defaultRequest.memory", "default.memory"):
        if not any(each.has(path) and quantity(each.at(path)) > 0 for each in defaults):
            yield Violation(namespace, f"no LimitRange gives containers a {path}")


def _fits(namespace: Resource, what: str, quota: float, span: tuple[float, float], graph: Graph) -> Iterator[Violation]:
    """Whether a quota is between what always runs and a few times what may."""
    least, most = span
    if quota > most * graph.config.number(SLACK):
        yield Violation(namespace, f"its quota on {what} is {quota:g}; at most its pods ask for {most:g}")
    if quota < least:
        yield Violation(namespace, f"its quota on {what} is {quota:g}; what always runs asks for {least:g}")


Count = Callable[[Workload], float]


def _ceiling(workload: Workload) -> float:
    return workload.ceiling


def _floor(workload: Workload) -> float:
    """Jobs come and go."""
    return workload.floor if workload.stays else 0


def _limit_of(quota: Resource, priority: str) -> float | None:
    """Pods of a PriorityClass that a quota allows; None where it is about something else."""
    terms = quota.items("spec.scopeSelector.matchExpressions")
    if len(terms) != 1 or quota.items("spec.scopes"):
        return None
    term = terms[0]
    scope = term.text("scopeName"), term.text("operator")
    pods = quota.entries("spec.hard").get("pods")
    if scope != ("PriorityClass", "In") or priority not in term.words("values") or pods is None:
        return None
    return quantity(pods)


def _priorities(graph: Graph) -> set[str]:
    """Priority classes that the stack knows: those it makes, and those that its pods have."""
    made = {each.object_name for each in graph.all(kinds.PRIORITY_CLASS)}
    return made | {priority for each in graph.workloads if (priority := _priority(each))}


def _priority(workload: Workload) -> str:
    node = workload.resource.at("spec") if workload.is_database else workload.spec
    return node.text("priorityClassName", "")


def _pods_by_priority(namespace: str, graph: Graph, count: Count) -> dict[str, float]:
    total: dict[str, float] = {}
    for workload in graph.workloads:
        if _is_in(workload, namespace):
            priority = _priority(workload)
            total[priority] = total.get(priority, 0) + count(workload)
    drilled = _drilled(namespace, graph)
    priority = next((each for each in total if drilled), "")
    total[priority] = total.get(priority, 0) + sum(2 for _ in drilled)
    return total


def _drilled(namespace: str, graph: Graph) -> list[Workload]:
    """The databases that a drill restores here: each has a pod, and the job that makes it."""
    drills = any(party.role is Role.DRILL and party.namespace == namespace for party in graph.parties)
    return [each for each in graph.workloads if each.is_database] if drills else []


def _is_in(workload: Workload, namespace: str) -> bool:
    return workload.resource.known("metadata.namespace") and workload.namespace == namespace


def _asked(namespace: str, graph: Graph, count: Count) -> dict[str, float]:
    """What that many pods of each workload in a namespace ask for together."""
    here = [(each, count(each)) for each in graph.workloads if _is_in(each, namespace)]
    pods = sum(number for _, number in here)
    if _drilled(namespace, graph):
        return {"pods": pods}  # What is restored is sized by the drill's own manifest.
    cpu = sum(number * each.request("cpu") for each, number in here)
    memory = sum(number * each.request("memory") for each, number in here)
    return {"pods": pods, "requests.cpu": cpu, "requests.memory": memory}


@stack_rule(
    "iso-02",
    of=(kinds.NAMESPACE, *RUNNING),
    severity=Severity.CRITICAL,
    says="Every namespace of the stack denies all traffic, in and out, before anything is opened, and no pod goes "
    "around it.",
    why="Kubernetes lets everybody talk to a pod that no policy selects: a new pod, or one whose "
    "label was mistyped, is "
    "open to every retailer on the cluster.",
    fix="a NetworkPolicy with podSelector {}, policyTypes [Ingress, Egress] and no rules; no "
    "hostNetwork; NetworkPolicy "
    "alone, which the guardrails can read",
    scenario="A helper pod is started for a night's import; until its rules are written it reaches nothing.",
    implies=("iso-03", "iso-04", "iso-13"),
    protects=Protects.ISOLATION,
)
def closed_first(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.family != family(kinds.NAMESPACE):
        if resource.family != family(kinds.POSTGRES_CLUSTER) and graph.workload(resource).spec.flag(
            "hostNetwork", False
        ):
            yield Violation(resource, "uses the node's own network, where no policy reaches it")
        return
    name = resource.object_name
    if graph.rooms.get(name) is not resource:
        return
    policies = [Policy(each) for each in graph.within(name, kinds.NETWORK_POLICY)]
    for direction in (INGRESS, EGRESS):
        if not any(_denies_all(each, direction) for each in policies):
            yield Violation(resource, f"no NetworkPolicy denies all {direction}")
    for other in graph.resources.values():
        if other.is_kubernetes and other.kind in OTHER_POLICIES:
            yield Violation(other, "opens or closes the network beside NetworkPolicy")


def _denies_all(policy: Policy, direction: str) -> bool:
    return policy.is_for_all and direction in policy.directions and not _rules(policy, direction)


def _rules(policy: Policy, direction: str) -> list[Node]:
    return policy.resource.items(f"spec.{direction}")
