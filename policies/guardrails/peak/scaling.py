"""That tiers are grown before a peak, stay grown in it, and are not misled by a signal that is away."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from math import ceil
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from guardrails import kinds
from guardrails.az.replicas import FLOOR_FACTOR
from guardrails.config import Config, limit
from guardrails.graph import Graph
from guardrails.kubernetes.cron import Cron, read_cron
from guardrails.kubernetes.workloads import Workload
from guardrails.reading import Node, whole
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, resource_rule, stack_rule
from guardrails.windows import Window

PRESCALE_MINUTES = limit("prescale-minutes", 30, "Minutes before a peak from which its pods must be there.")
SCALE_IN_SECONDS = limit("scale-in-seconds", 300, "Seconds of low load before a tier gives up pods, at least.")
SCALE_IN_PERCENT = limit("scale-in-percent", 25, "Share of a tier's pods that it gives up in a minute, at most.")

KEDA: Final = "autoscaling.keda.sh/"
PAUSED_IN: Final = f"{KEDA}paused-scale-in"

Span = tuple[datetime, datetime]


@stack_rule(
    "peak-02",
    of=(kinds.DEPLOYMENT, kinds.STATEFUL_SET),
    severity=Severity.HIGH,
    says="For every peak of the calendar each scaled tier is raised to that peak's need, with a zone's reserve, 30 "
    "minutes ahead and until its end; in season peak nothing scales in.",
    why="Scaling by load follows it by minutes, and at the stroke of the sale those are the minutes that count. A cron "
    "trigger in another time zone is an hour off, and one whose end never comes is never active.",
    fix="a cron trigger of KEDA for each peak, in the retailer's time zone, with desiredReplicas of at least the need "
    'x 1.5 and maxReplicaCount above it; in season peak the annotation autoscaling.keda.sh/paused-scale-in: "true"',
    scenario="At 18:00 the doors of Black Friday open, and the pods for it have been warm since a quarter past five.",
    implies=("az-02", "ing-05"),
)
def grown_before(resource: Resource, graph: Graph) -> Iterable[Violation]:
    workload = graph.workload(resource)
    needs = graph.contract.needs_at_peaks(workload.tier) if graph.contract.serves_retailer else {}
    if not needs:
        return
    factor = graph.config.number(FLOOR_FACTOR) if graph.contract.redundant else 1
    spans = list(_raised(workload)) if workload.scaler else []
    where = workload.scaler.resource if workload.scaler else resource
    for peak in graph.contract.peaks:
        need = needs.get(peak.name)
        if need is None:
            yield Violation(graph.contract.given, f"needsAtPeaks of {workload.tier} says nothing of {peak.name}")
            continue
        wanted = ceil(need * factor)
        told = f"{need} x {factor:g} = {wanted}"
        if workload.ceiling < wanted:
            yield Violation(where, f"has {workload.ceiling} pods at most; {peak} needs {told}")
        elif not workload.scaler:
            continue
        elif (problem := _uncovered(spans, peak, wanted, graph)) is not None:
            yield Violation(where, f"{problem}; {peak} needs {told}")
    if graph.contract.season == "peak" and workload.scaler and not _holds_what_it_has(where):
        yield Violation(where, "scales in though it is peak season")


def _holds_what_it_has(scaler: Resource) -> bool:
    behaviour = scaler.text("spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.selectPolicy", "Max")
    return scaler.annotations.get(PAUSED_IN, "false").lower() == "true" or behaviour == "Disabled"


def _raised(workload: Workload) -> Iterator[tuple[int | float, Cron, Cron, ZoneInfo]]:
    """Floors by the clock, highest first: pods, when they begin and end, and by whose clock."""
    found = []
    for trigger in workload.scaler.triggers if workload.scaler else ():
        if trigger.text("type") == "cron":
            given = trigger.at("metadata")
            begins, ends = read_cron(given.at("start")), read_cron(given.at("end"))
            found.append((given.number("desiredReplicas"), begins, ends, _zone(given.at("timezone"))))
    yield from sorted(found, key=lambda each: -each[0])


def _zone(node: Node) -> ZoneInfo:
    try:
        return ZoneInfo(node.text())
    except (ZoneInfoNotFoundError, ValueError):
        raise node.unjudged("must be a time zone, as Europe/Paris") from None


def _uncovered(
    raised: list[tuple[int | float, Cron, Cron, ZoneInfo]], peak: Window, wanted: int, graph: Graph
) -> str | None:
    """What is wrong with the floors by the clock at that peak; None where nothing is."""
    ahead = timedelta(minutes=graph.config.number(PRESCALE_MINUTES))
    reached, enough = peak.start - ahead, [each for each in raised if each[0] >= wanted]
    while True:
        ends = [end for _, *by in enough for start, end in _spans(*by, peak) if start <= reached < end]
        if not ends:
            break
        if max(ends) >= peak.end:
            return None
        reached = max(ends)
    at = f"{reached:%Y-%m-%d %H:%M} {reached.tzname()}"
    most = max((pods for pods, *by in raised for start, end in _spans(*by, peak) if start <= reached < end), default=0)
    return f"a cron trigger keeps {whole(most)} pods at {at}" if most else f"no cron trigger holds it at {at}"


@lru_cache(maxsize=512)
def _spans(begins: Cron, ends: Cron, zone: ZoneInfo, peak: Window) -> list[Span]:
    """When a trigger is active in the year before the peak's end, as KEDA reads it: from each start to the next end.

    One that has no end is never active (cron_scaler.go: the next end is then in the year 1).
    """
    since, until = peak.end - timedelta(days=366), peak.end + timedelta(days=366)
    finishes = list(ends.fires(since, until, zone))
    found: list[Span] = []
    for start in begins.fires(since, peak.end, zone):
        end = next((each for each in finishes if each > start), None)
        if end is not None:
            found.append((start, end))
    return found


@resource_rule(
    "peak-07",
    of=kinds.SCALED_OBJECT,
    severity=Severity.HIGH,
    says="A tier whose signal is away keeps the pods it has.",
    why="By KEDA's default an empty answer is zero load: Traefik or Prometheus restarts, and the shop is scaled in "
    "while customers stand in it.",
    fix='ignoreNullValues: "false" on every prometheus trigger, and fallback {failureThreshold: 3, replicas: floor, '
    "behavior: currentReplicasIfHigher}",
    scenario="Prometheus is out of memory at noon of the sale; nothing else happens.",
)
def signal_away(scaler: Resource, _: Config) -> Iterable[Violation]:
    for number, trigger in enumerate(scaler.items("spec.triggers")):
        if trigger.text("type") == "prometheus" and trigger.flag("metadata.ignoreNullValues", True):
            name = trigger.text("name", str(number))
            yield Violation(scaler, f"trigger {name} takes an empty answer for no load (ignoreNullValues)")
    if not any(each.text("type") == "prometheus" for each in scaler.items("spec.triggers")):
        return
    if scaler.number("spec.fallback.failureThreshold", 0) < 1:
        yield Violation(scaler, "has no fallback: with its signal away the HPA is left with nothing to go by")
        return
    if (behaviour := scaler.text("spec.fallback.behavior", "static")) != "currentReplicasIfHigher":
        yield Violation(scaler, f"falls back to a number ({behaviour}), though more pods may run")


@resource_rule(
    "peak-09",
    of=kinds.SCALED_OBJECT,
    severity=Severity.MEDIUM,
    says="A tier grows at once and shrinks slowly, and nothing has switched its scaling off.",
    why="Pods take minutes to be warm; what is given up in a lull is missing at the next wave. A paused ScaledObject "
    "looks like a healthy one.",
    fix="scaleUp without stabilization, by 100 % in 15 s; scaleDown after 300 s at least, by 25 % a minute at most; no "
    "paused annotations but paused-scale-in",
    scenario="Between two waves of the evening the shop keeps what it has.",
    implies=("peak-02",),
)
def out_fast_in_slow(scaler: Resource, config: Config) -> Iterable[Violation]:
    for key in ("paused", "paused-replicas", "paused-scale-out"):
        given = scaler.annotations.get(f"{KEDA}{key}", "false")
        if given.lower() != "false":
            yield Violation(scaler, f"its scaling is switched off by {KEDA}{key}")
    behaviour = scaler.at("spec.advanced.horizontalPodAutoscalerConfig.behavior")
    out, inward = behaviour.at("scaleUp"), behaviour.at("scaleDown")
    if out.text("selectPolicy", "Max") == "Disabled":
        yield Violation(scaler, "scaling out is disabled")
    if (waits := out.number("stabilizationWindowSeconds", 0)) > 60:
        yield Violation(scaler, f"waits {waits} s before it scales out")
    if out.has("policies") and not any(_doubles(policy) for policy in out.items("policies")):
        yield Violation(scaler, "can't double within a minute")
    least, most = config.number(SCALE_IN_SECONDS), config.number(SCALE_IN_PERCENT)
    if (waits := inward.number("stabilizationWindowSeconds", 300)) < least:
        yield Violation(scaler, f"scales in after {waits} s of low load; {least:g} at least")
    if inward.text("selectPolicy", "Max") == "Disabled":
        return
    # Kubernetes' own is 100 % in 15 s.
    policies = inward.items("policies")
    floor = max(scaler.number("spec.minReplicaCount", 0), 1)
    by = max((_percent_a_minute(each, floor) for each in policies), default=100)
    if by > most:
        yield Violation(scaler, f"gives up {by:g} % of its pods in a minute; {most:g} % at most")


def _doubles(policy: Node) -> bool:
    return policy.text("type") == "Percent" and policy.number("value") * 60 / policy.number("periodSeconds") >= 100


def _percent_a_minute(policy: Node, floor: float) -> float:
    """Share of the pods that go in a minute; where the policy counts pods, of those of the floor."""
    taken = policy.number("value") * 60 / policy.number("periodSeconds")
    return taken if policy.text("type") == "Percent" else taken / floor * 100
