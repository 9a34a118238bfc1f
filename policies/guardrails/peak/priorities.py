"""Who gives way when machines are short, and on which machines nobody may have to."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.kubernetes.nodes import NodeSet
from guardrails.kubernetes.workloads import CLASS, Workload
from guardrails.peak.classes import CRITICAL, DEFERRABLE, HEADROOM, IMPORTANT, ORDER, SELLING, WORKING, priority
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

SPOT = "spot"
CAPACITY_TYPE = "karpenter.sh/capacity-type"


@stack_rule(
    "peak-05",
    severity=Severity.MEDIUM,
    says="Selling pushes batch off the machines and never the database; queue workers have a priority between them, "
    "and a floor.",
    why="When a peak fills the machines the scheduler decides by priority alone. Without one, a report is worth as "
    "much as a till; with one for all, the newest pod takes the database's place.",
    fix="priorityClassName critical for database, poolers and selling tiers, important for workers, deferrable for "
    "batch; values in that order, headroom below 0, and preemptionPolicy Never for deferrable",
    scenario="The storefront doubles in a minute; the night's exports are pushed off, the orders' queue is not.",
    implies=("az-02", "iso-01", "peak-03"),
)
def who_gives_way(graph: Graph) -> Iterable[Violation]:
    yield from _classes(graph)
    # By night nobody works off a queue that nobody fills; cost-04 sees to the morning.
    sleeps = graph.contract.sleeps and graph.contract.season == "normal"
    for workload in graph.workloads:
        yield from _class_of(workload, graph)
        if workload.tier in WORKING and workload.stays and workload.floor < 1 and not sleeps:
            where = workload.scaler.resource if workload.scaler else workload.resource
            yield Violation(where, f"{workload.tier} has no floor: nobody works off the queue")


def _classes(graph: Graph) -> Iterator[Violation]:
    """The PriorityClasses themselves, for whoever owns the cluster."""
    if not graph.contract.owns_cluster:
        return
    for each in graph.all(kinds.PRIORITY_CLASS):
        if each.flag("globalDefault", False):
            yield Violation(each, "is the default: whatever says nothing ranks with it")
        if each.object_name in (DEFERRABLE, HEADROOM) and (
            each.text("preemptionPolicy", "PreemptLowerPriority") != "Never"
        ):
            yield Violation(each, "pushes others off; what is deferrable waits")
        if each.object_name in (CRITICAL, IMPORTANT) and (
            each.text("preemptionPolicy", "PreemptLowerPriority") == "Never"
        ):
            yield Violation(each, "pushes nobody off: it waits behind batch for a machine")
    values = [(name, priority(name, graph)) for name in ORDER]
    for name, value in values:
        if value is None:
            yield Violation(None, f"no PriorityClass {name}")
    known = [(name, value) for name, value in values if value is not None]
    for (low, below), (high, above) in pairwise(known):
        if below >= above:
            yield Violation(
                graph.named(kinds.PRIORITY_CLASS, "", high), f"{high} ({above}) is not above {low} ({below})"
            )
    if any(name == HEADROOM and value >= 0 for name, value in known):
        yield Violation(
            graph.named(kinds.PRIORITY_CLASS, "", HEADROOM), "headroom is not below 0, where pods without a class are"
        )


def _class_of(workload: Workload, graph: Graph) -> Iterator[Violation]:
    """Whether its pods have the priority of what they do."""
    wanted, why = _wanted(workload, graph)
    if wanted is None:
        return
    node = workload.resource.at("spec") if workload.is_database else workload.spec
    given = node.text("priorityClassName", "")
    if given != wanted:
        yield Violation(workload.resource, f"has priority {given or 'none'}, not {wanted}: {why}")


def _wanted(workload: Workload, graph: Graph) -> tuple[str | None, str]:
    if workload.is_database:
        return CRITICAL, "nothing may push the database off"
    if workload.tier in SELLING:
        return CRITICAL, f"{workload.tier} sells"
    if workload.tier in WORKING:
        return IMPORTANT, f"{workload.tier} works for what is sold"
    if workload.kind == "CronJob" and graph.odoo_of(workload.resource):
        return DEFERRABLE, "batch gives way"
    own = workload.labels.get(CLASS)
    return (own, f"its label {CLASS}") if own in ORDER else (None, "")


@stack_rule(
    "peak-08",
    of=(kinds.NODE_POOL, kinds.EKS_NODE_GROUP),
    severity=Severity.MEDIUM,
    says="No spot machine is under a critical tier, the operators or the database in production.",
    why="A spot machine goes two minutes after its warning and the next takes up to five to come, and EC2 takes them "
    "back when everybody wants them: in the peak. Whole pools, because a share is a hope.",
    fix="karpenter.sh/capacity-type In [on-demand] on pools of critical tiers; capacityType ON_DEMAND on node groups",
    scenario="In the night of Black Friday EC2 takes back a third of its spot machines in Frankfurt.",
    implies=("db-09", "cost-01", "cost-02", "frz-01"),
)
def no_spot_under_selling(nodes: Resource, graph: Graph) -> Iterable[Violation]:
    if not graph.contract.production:
        return
    if nodes.kind == "NodeGroup":
        if (bought := nodes.text("capacityType", "ON_DEMAND")) not in ("ON_DEMAND", "CAPACITY_BLOCK"):
            yield Violation(nodes, f"operators and databases would be on {bought} machines")
        return
    here = NodeSet(nodes)
    critical = sorted({each.tier or each.resource.object_name for each in _critical(graph) if here.takes(each)})
    if critical and _may_be_spot(here):
        yield Violation(nodes, f"{', '.join(critical)} may be on spot machines")


def _critical(graph: Graph) -> list[Workload]:
    """What stays and must not go: by its label, and by what it does."""
    return [
        each
        for each in graph.workloads
        if each.stays and (each.labels.get(CLASS) == CRITICAL or each.tier in SELLING or each.is_database)
    ]


def _may_be_spot(nodes: NodeSet) -> bool:
    """Karpenter takes spot wherever nothing forbids it."""
    for each in nodes.resource.items("spec.template.spec.requirements"):
        if each.text("key") != CAPACITY_TYPE:
            continue
        values, operator = each.words("values"), each.text("operator")
        if (operator == "In" and SPOT not in values) or (operator == "NotIn" and SPOT in values):
            return False
    return True
