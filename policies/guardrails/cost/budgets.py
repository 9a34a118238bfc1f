"""What a month may cost: as planned, and if everything runs at its limit."""

from collections.abc import Iterable

from guardrails.bill import Bill
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.quantities import quantity
from guardrails.rule import Severity, Violation, stack_rule

HARD_CAP = limit("hard-cap-percent", 200, "What a month may cost at every limit, in percent of the peak's budget.")


@stack_rule(
    "cost-01",
    severity=Severity.HIGH,
    says="A month of the season costs no more than its budget, by pinned prices.",
    why="A number in a stack file (stores, a factor, a class) becomes machines, and the bill comes four weeks later. "
    "Traffic, requests and what runs on a platform's nodes are not in the sum. The last release's cost is not known to "
    "the pack, so a rise is judged against the budget, which is changed in the same review.",
    fix="lower what the largest terms come from, or raise monthly-budget or peak-monthly-budget with who pays",
    scenario="In September the season is planned, and finance sees its price before anything is ordered.",
    implies=("cost-02", "cost-04"),
)
def within_budget(graph: Graph) -> Iterable[Violation]:
    contract = graph.contract
    if contract.season not in ("normal", "peak"):
        yield Violation(contract.given, f"season {contract.season} has no budget")
        return
    bill = Bill(graph)
    for season, key in (("normal", "monthlyBudget"), ("peak", "peakMonthlyBudget")):
        budget, month = contract.count(key), bill.months.get(season)
        if budget <= 0:
            yield Violation(contract.given, f"{key} is undecided{f': it costs {_usd(month.total)}' if month else ''}")
        elif month is not None and month.total > budget:
            yield Violation(
                contract.given,
                f"a month of season {season} costs {_usd(month.total)}, {key} is {_usd(budget)} "
                f"({bill.prices.note}): {month}",
            )
    if 0 < contract.count("peakMonthlyBudget") < contract.count("monthlyBudget"):
        yield Violation(contract.given, "the peak's budget is less than an ordinary month's")


@stack_rule(
    "cost-02",
    severity=Severity.HIGH,
    says="Every node pool has limits, and a month at all of them costs no more than the hard cap.",
    why="Autoscaling answers a storm of bots as readily as customers. A pool without limits buys machines until the "
    "account's quota ends.",
    fix="spec.limits with cpu and memory in every NodePool; lower ceilings, or a larger peak-monthly-budget",
    scenario="A crawler runs wild over a weekend, and Monday's bill has an end.",
    implies=("az-05", "cost-01", "peak-06"),
)
def capped(graph: Graph) -> Iterable[Violation]:
    unlimited = False
    for nodes in graph.node_sets:
        for what in ("cpu", "memory") if nodes.karpenter else ():
            if not nodes.limits.has(what) or quantity(nodes.limits.at(what)) <= 0:
                unlimited = True
                yield Violation(nodes.resource, f"no limit on {what}")
    budget = graph.contract.count("peakMonthlyBudget")
    if unlimited or budget <= 0:
        return  # nothing to compare; an undecided budget is said by cost-01
    bill, percent = Bill(graph), graph.config.number(HARD_CAP)
    if bill.most.total > budget * percent / 100:
        yield Violation(
            graph.contract.given,
            f"at every limit a month costs {_usd(bill.most.total)}, the hard cap is {percent:g} % of "
            f"{_usd(budget)} = {_usd(budget * percent / 100)} ({bill.prices.note}): {bill.most}",
        )


def _usd(amount: float) -> str:
    return f"{amount:,.0f} USD"
