"""That nothing costs while nobody uses it: nights of what is not production, and the weeks after a season."""

from collections.abc import Iterable, Iterator
from typing import Final

from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.scaling import Scaler
from guardrails.kubernetes.workloads import Workload
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.windows import day

AWAKE = limit("awake-percent", 60, "Of a week's hours, those that a stack with working hours may be awake in.")

ACTIVATIONS: Final = ("activationThreshold", "activationTargetQueryValue", "activationValue")
"""Above which load a trigger of KEDA wakes what is at zero, by the kind of trigger; 0 where it is left out."""

NEVER: Final = 1_000_000
"""No load of ours is above that: nothing is woken by it."""


@stack_rule(
    "cost-04",
    severity=Severity.MEDIUM,
    says="What is not production sleeps outside working hours or has a day on which it goes; a peak season has an end.",
    why="A development stack is used a third of the week and paid for all of it, and a season that nobody switches off "
    "keeps the peak's floors until somebody reads the bill. Load must not wake what sleeps: robots call at night as "
    "well. The database, its node and the system nodes stay: backups and what wakes the rest run there.",
    fix="set working-hours (or expires, where the class outlives the loss of a zone at any hour); season: normal when "
    "the season is over",
    scenario="Forty brands of a group have a training stack each; at night they cost what their databases do.",
    implies=("cost-01", "peak-05", "peak-11"),
)
def nothing_idles(graph: Graph) -> Iterable[Violation]:
    given, contract = graph.contract.given, graph.contract
    if contract.season == "peak":
        yield from _over(graph)
    if contract.production or not contract.serves_retailer:
        return  # a platform has no hours: its retailers have
    if contract.redundant:
        if not given.text("expires", ""):
            yield Violation(given, f"{contract.objective_class} can't sleep, and the stack has no day on which it goes")
        return
    if not contract.sleeps:
        yield Violation(given, "it is not production and has no working hours")
        return
    if contract.season != "normal":
        return  # a peak is not slept through
    edge = {proxy.resource.urn for proxy in graph.routing.proxies}
    for workload in graph.workloads:
        if workload.stays and (graph.odoo_of(workload.resource) or workload.resource.urn in edge):
            yield from _sleepless(workload, graph)


def _over(graph: Graph) -> Iterator[Violation]:
    given = graph.contract.given
    if not (ends := given.text("seasonEnds", "")):
        yield Violation(given, "it is switched to its peak season, which has no end")
    elif day(given.at("seasonEnds")) < graph.config.now.date():
        yield Violation(given, f"its season ended on {ends}, and it is still switched to peak")


def _sleepless(workload: Workload, graph: Graph) -> Iterator[Violation]:
    scaler = workload.scaler
    if scaler is None:
        yield Violation(workload.resource, f"nothing puts its {workload.floor} pods to sleep")
        return
    where = scaler.resource
    if scaler.floor > 0:
        yield Violation(where, f"keeps {scaler.floor} pods at night")
    weekly = [each for each in scaler.hours if each.share is not None]
    if not any(each.pods > 0 for each in weekly):
        yield Violation(where, "no working hours wake it")
    awake, most = 100 * sum(each.share or 0 for each in weekly), graph.config.number(AWAKE)
    if awake > most:
        yield Violation(where, f"is awake {awake:.0f} % of the week; {most:g} % are allowed")
    for each in weekly:
        if each.zone != (zone := graph.contract.given.text("timeZone")):
            yield Violation(where, f"keeps the hours of {each.zone}, the contract says {zone}")
    yield from _wakers(scaler)


def _wakers(scaler: Scaler) -> Iterator[Violation]:
    for trigger in scaler.triggers:
        kind = trigger.text("type")
        above = max(trigger.number(f"metadata.{key}", 0) for key in ACTIVATIONS)
        if kind != "cron" and above < NEVER:
            yield Violation(scaler.resource, f"load wakes it at night: trigger {kind} activates above {above}")
