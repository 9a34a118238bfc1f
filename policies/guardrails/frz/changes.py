"""What may differ from the last release in a freeze, and what never may."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from guardrails import kinds
from guardrails.baseline import Baseline
from guardrails.config import limit
from guardrails.contract import TYPES
from guardrails.emergencies import read_emergency
from guardrails.fingerprints import ANY, Path, listed, within
from guardrails.graph import Graph
from guardrails.resource import family
from guardrails.rule import Protects, Severity, Violation, stack_rule
from guardrails.windows import Window

BASELINE_DAYS = limit(
    "baseline-days", 30, "Days before a freeze in which its baseline is written: what was tested for this peak."
)

_TRIGGER: Final = ("spec", "triggers", ANY, "metadata")
_CEILING: Final = ("metadata", "annotations", "retail/replica-ceiling")
_CHANNELS: Final = ("env", "[ODOO_QUEUE_JOB_CHANNELS]", "value")

MOVABLE: Final[dict[str, tuple[Path, ...]]] = {
    family(kind): paths
    for kind, paths in {
        # How much, and how much at most. Each of these the season switch moves as well, so it can be made, and taken
        # back, in a freeze; floors against need, ceilings against the database and budgets are held by other rules.
        kinds.SCALED_OBJECT: (
            ("spec", "minReplicaCount"),
            ("spec", "maxReplicaCount"),
            _CEILING,
            ("spec", "fallback", "replicas"),
            ("metadata", "annotations", "autoscaling.keda.sh/paused-scale-in"),
            (*_TRIGGER, "desiredReplicas"),
            (*_TRIGGER, "query"),
            (*_TRIGGER, "threshold"),
            (*_TRIGGER, "targetQueryValue"),
        ),
        kinds.DEPLOYMENT: (
            ("spec", "replicas"),
            _CEILING,
            ("spec", "template", "spec", "containers", ANY, *_CHANNELS),
        ),
        kinds.NODE_POOL: (("spec", "limits"),),
        # Room at the edge follows the pods behind it.
        kinds.MIDDLEWARE: (
            ("spec", "inFlightReq", "amount"),
            ("spec", "rateLimit", "average"),
            ("spec", "rateLimit", "burst"),
        ),
        # Heavy batch is stopped in a peak and goes on after it.
        kinds.CRON_JOB: (("spec", "suspend"),),
        # An alert too loud is one that nobody hears. It serves nobody and is not in the way of anything that does.
        kinds.PROMETHEUS_RULE: (("spec", "groups"),),
        **dict.fromkeys(
            TYPES,
            tuple(
                (key,)
                for key in (
                    "season",
                    "seasonEnds",
                    "needs",
                    "peakOrdersPerHour",
                    "grantedVcpus",
                    "grantedElasticIps",
                    "monthlyBudget",
                    "peakMonthlyBudget",
                )
            ),
        ),
    }.items()
}
"""By family, what may differ in a freeze: numbers and schedules of what holds no data, and who is called."""


@stack_rule(
    "frz-01",
    severity=Severity.CRITICAL,
    says="In a freeze nothing differs from the last release but numbers of pods, their limits, and alerts.",
    why="Most outages follow a change, and in a peak there is no quiet hour to take one back. What may move is what "
    "scaling moves. Without a baseline nothing shows that nothing changed, so a freeze needs one, written before it.",
    fix="wait for the end of the freeze; or an emergency change (`emergencies` in the configuration), and after it "
    "`python -m rehearsal baseline STACK --close TICKET`",
    scenario="The evening before Black Friday somebody merges a new theme; the pipeline says no, and when it may.",
    implies=("frz-03", "frz-04", "frz-05", "frz-07", "frz-08", "db-10"),
    protects=Protects.FREEZE,
)
def nothing_changes(graph: Graph) -> Iterable[Violation]:
    freeze, release = graph.freeze, graph.config.release
    if freeze is None:
        return
    if release is None:
        yield Violation(
            None,
            f"{freeze} binds, and no baseline tells what was released before it",
            "write one with every release: `python -m rehearsal baseline STACK`",
        )
        return
    yield from (Violation(None, problem) for problem in _unfit(release, freeze, graph))
    for change in graph.changes:
        if change.destroys:
            continue  # frz-04, which no emergency opens
        paths = [path for path in change.paths if not within(path, MOVABLE.get(change.resource.family, ()))]
        if change.paths and not paths:
            continue
        what = f"{listed(paths)} {'differs' if len(paths) == 1 else 'differ'}" if paths else change.what
        yield Violation(change.resource, f"{what}, in {freeze}")


def _unfit(release: Baseline, freeze: Window, graph: Graph) -> Iterator[str]:
    """Why the baseline is not that of the release before the freeze."""
    now, days = graph.config.now, graph.config.number(BASELINE_DAYS)
    if release.stack != graph.stack:
        yield f"the baseline is of stack {release.stack}, this is {graph.stack}"
    if release.made > now:
        yield f"the baseline is of {release.made:%Y-%m-%d %H:%M}, which is to come"
    elif freeze.holds(release.made):
        yield from _unopened(release)
    elif release.made < freeze.start - timedelta(days=days):
        age = (freeze.start - release.made).days
        yield f"the baseline is of {release.made:%Y-%m-%d}, {age} days before the freeze; {days:g} are allowed"


def _unopened(release: Baseline) -> Iterator[str]:
    """Why a baseline that was written in a freeze does not count."""
    told = f"the baseline was written on {release.made:%Y-%m-%d %H:%M}, in the freeze"
    if not release.emergencies:
        yield f"{told}, and closes no emergency change: it would make any change the release"
    for node in release.emergencies:
        emergency = read_emergency(node)
        if problems := emergency.refusals(None, release.made):
            yield f"{told}, for {emergency.ticket}: {'; '.join(problems)}"
    if (
        release.emergencies
        and not (last := read_emergency(release.emergencies[-1])).opened <= release.made < last.until
    ):
        yield f"{told}, when {last.ticket} was not open"


@stack_rule(
    "frz-04",
    severity=Severity.CRITICAL,
    says="In a freeze nothing that holds data or carries it is deleted, made anew, or protected no more.",
    why="A database that is made anew is empty, a key that is gone takes every backup with it, and a node group or "
    "subnet that is replaced takes its volumes' zone away. An hour before the peak there is no time for a restore, so "
    "no ticket opens this.",
    fix="leave it as it was released until the freeze is over; what must go is planned for a day without customers",
    scenario="A harmless renaming of a module would delete the bucket of the attachments and make a new one.",
    implies=("frz-01", "frz-05", "frz-07", "frz-08", "ops-02"),
    protects=Protects.DATA,
)
def nothing_is_lost(graph: Graph) -> Iterable[Violation]:
    freeze = graph.freeze
    if freeze is None:
        return
    for change in graph.changes:
        if change.destroys:
            yield Violation(change.resource, f"{change.what}, in {freeze}")
