"""What a month may cost: as planned, and if everything runs at its limit."""

from collections.abc import Iterable

from guardrails.bill import Bill
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.quantities import quantity
from guardrails.rule import Severity, Violation, stack_rule

RISE = limit("rise-percent", 20, "What a month may cost more than at the last release, in percent.")
SMALL = limit("small-rise-usd", 100, "A rise that nobody is asked about, in US dollars a month.")
HARD_CAP = limit("hard-cap-percent", 200, "What a month may cost at every limit, in percent of the peak's budget.")


@stack_rule(
    "cost-01",
    severity=Severity.HIGH,
    says="A month of the season costs no more than its budget, by pinned prices.",
    why="A number in a stack file (stores, a factor, a class) becomes machines, and the bill comes four weeks later. "
    "Traffic, requests and what runs on a platform's nodes are not in the sum.",
    fix="lower what the largest terms come from, or raise monthly-budget or peak-monthly-budget with who pays",
    scenario="In September the season is planned, and finance sees its price before anything is ordered.",
    implies=("cost-02", "cost-04", "peak-06"),
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


@stack_rule(
    "cost-06",
    severity=Severity.HIGH,
    says="A month costs little more than it did at the last release, or somebody has approved the rise.",
    why="A budget has room for the year, and one change must not use it up unseen. The last release's months stand in "
    "its baseline; before the first one there is nothing to compare.",
    fix="undo what the rise comes from, or have it approved: a waiver of cost-06 for the stack's contract, with "
    "ticket, approver and end; the next baseline holds the new cost",
    scenario="A factor of 3 becomes 30 in a review of two hundred lines, and the pull request says what it costs.",
    implies=("cost-01", "cost-02"),
)
def no_silent_rise(graph: Graph) -> Iterable[Violation]:
    if graph.config.before is None:
        return
    released = graph.config.baseline.entries("months")
    percent, small = graph.config.number(RISE), graph.config.number(SMALL)
    bill = Bill(graph)
    for season, month in bill.months.items():
        if season not in released:
            continue  # a release of season peak shows that month only
        before = released[season].number()
        if month.total > max(before * (1 + percent / 100), before + small):
            yield Violation(
                graph.contract.given,
                f"a month of season {season} costs {_usd(month.total)}, {_usd(month.total - before)} more than the "
                f"{_usd(before)} of the last release; {percent:g} % more are allowed: {month}",
            )


def _usd(amount: float) -> str:
    return f"{amount:,.0f} USD"
