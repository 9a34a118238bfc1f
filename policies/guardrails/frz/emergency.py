"""Emergency changes: who may open a freeze, for how long, and that everybody sees it."""

from collections.abc import Iterable
from datetime import timedelta

from guardrails.config import limit
from guardrails.emergencies import read_emergency
from guardrails.graph import Graph
from guardrails.reading import Unjudged
from guardrails.rule import Protects, Severity, Violation, stack_rule

EMERGENCY_HOURS = limit("emergency-hours", 72, "Hours for which an emergency change opens a freeze, at most.")


@stack_rule(
    "frz-02",
    severity=Severity.CRITICAL,
    says="An emergency change has a ticket, a reason, an approver who is not its author, an end, and a way back.",
    why="A change that nobody else looked at, and that nobody knows how to take back, is how an incident becomes two.",
    fix="in `emergencies`: ticket, reason, author, approver, opened, until, resources as messages call them, and "
    "rollback: the commit of the last release or the digest of its baseline",
    scenario="Payments fail on the 27th. At 02:10 one engineer writes the change, another approves it, and both know "
    "which release brings the shop back if it is wrong.",
    implies=("frz-01", "frz-03", "frz-07", "frz-08"),
    protects=Protects.FREEZE,
)
def whole(graph: Graph) -> Iterable[Violation]:
    config = graph.config
    for node in config.emergencies.items():
        try:
            emergency = read_emergency(node)
        except Unjudged as wrong:
            yield Violation(None, f"an emergency change can't stand: {wrong}")
            continue
        for problem in emergency.refusals(config.before, config.now):
            yield Violation(None, f"emergency change {emergency.ticket} can't stand: {problem}")


@stack_rule(
    "frz-03",
    severity=Severity.HIGH,
    says="An emergency change lasts three days at most, and is closed when it is over.",
    why="What is open for a month is a second way to release. What is over and stays in the configuration hides "
    "whether the change was taken back or is the state of things now.",
    fix="`until` within emergency-hours of `opened`; after it `python -m rehearsal baseline STACK --close TICKET` if "
    "the change stays; else take change and entry out",
    scenario="The change of the 27th is closed on the 28th, and on the 3rd nobody can use its ticket for another one.",
    implies=("frz-01", "frz-07", "frz-08"),
    protects=Protects.FREEZE,
)
def short(graph: Graph) -> Iterable[Violation]:
    config = graph.config
    most = timedelta(hours=config.number(EMERGENCY_HOURS))
    for node in config.emergencies.items():
        try:
            emergency = read_emergency(node)
        except Unjudged:
            continue  # frz-02
        if emergency.lasts > most:
            hours = emergency.lasts.total_seconds() / 3600
            yield Violation(
                None,
                f"emergency change {emergency.ticket} lasts {hours:g} h, {most.total_seconds() / 3600:g} h are allowed",
            )
        if config.now >= emergency.until:
            yield Violation(
                None,
                f"emergency change {emergency.ticket} was over on {emergency.until:%Y-%m-%d %H:%M} and is not closed",
            )


@stack_rule(
    "frz-08",
    severity=Severity.MEDIUM,
    says="An emergency change is shown with every check for as long as it is open.",
    why="Whoever deploys meanwhile should know that the freeze is open, for what, and whom to ask. The half of frz-03 "
    "that only tells.",
    fix="close it as soon as it is done: `python -m rehearsal baseline STACK --close TICKET`",
    scenario="The next shift sees in its first check what was changed at night, and who approved it.",
    implies=("frz-01", "frz-02", "frz-03", "frz-07"),
)
def shown(graph: Graph) -> Iterable[Violation]:
    for node in graph.config.emergencies.items():
        try:
            emergency = read_emergency(node)
        except Unjudged:
            continue  # frz-02
        yield Violation(None, f"{emergency}, for {', '.join(emergency.resources)}: {emergency.reason}")
