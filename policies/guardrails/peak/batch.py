"""That heavy work keeps away from the selling hours, and from the workers that serve them."""

from collections.abc import Iterable
from datetime import timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.cron import read_cron
from guardrails.kubernetes.workloads import CLASS
from guardrails.odoo import OdooPod
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

BATCH_SHARE = limit("batch-channel-share", 0.5, "Share of the queue's jobs that may be batch at the same time.")

LONGEST = timedelta(days=7)
"""That a job is looked back for: no deadline is longer."""


@stack_rule(
    "peak-04",
    of=kinds.CRON_JOB,
    severity=Severity.HIGH,
    says="No report, export, import or reconciliation begins in a peak, or still runs when one begins.",
    why="They read whole tables and lock what they write, and take the database's time from the tills. Cron knows no "
    "exceptions, so the schedule itself must leave the peak out. Drills work on a copy in a namespace of their own, "
    "and go on; rotations are kept out of freezes by sec-03.",
    fix="a schedule without the peak's days in the retailer's time zone, or suspend: true; startingDeadlineSeconds and "
    "the job's activeDeadlineSeconds, so that what is late doesn't begin or go on in the peak",
    scenario="The stock of 180 stores is not reconciled in the night of Black Friday.",
)
def out_of_peaks(job: Resource, graph: Graph) -> Iterable[Violation]:
    if not graph.contract.serves_retailer or not graph.contract.peaks or not _is_heavy(job, graph):
        return
    if job.flag("spec.suspend", False):
        return
    cron, zone = read_cron(job.at("spec.schedule")), _zone(job)
    late = job.number("spec.startingDeadlineSeconds", None)
    runs = job.number("spec.jobTemplate.spec.activeDeadlineSeconds", None)
    if late is None:
        yield Violation(job, "begins whenever it can if it was missed: startingDeadlineSeconds is not set")
    if runs is None:
        yield Violation(job, "may run into a peak: activeDeadlineSeconds is not set")
    tail = min(timedelta(seconds=(late or 0) + (runs or 0)), LONGEST)
    for peak in graph.contract.peaks:
        fire = next(cron.fires(peak.start - tail, peak.end, zone), None)
        if fire is not None:
            how = "begins" if fire >= peak.start else f"may still run {tail} after"
            yield Violation(job, f"{how} {fire:%Y-%m-%d %H:%M} {fire.tzname()}, in {peak}")


def _is_heavy(job: Resource, graph: Graph) -> bool:
    """Whether it runs Odoo, or waits for what is left of the machines, where the retailer's own pods are."""
    homes = {pod.workload.namespace for pod in graph.odoo if pod.serves}
    if job.namespace not in homes:
        return False
    return bool(graph.odoo_of(job)) or graph.workload(job).labels.get(CLASS) == "deferrable"


def _zone(job: Resource) -> ZoneInfo:
    """Kubernetes' own, which is UTC, where nothing is said."""
    node = job.at("spec.timeZone")
    try:
        return ZoneInfo(node.text("", "Etc/UTC"))
    except (ZoneInfoNotFoundError, ValueError):
        raise node.unjudged("must be a time zone, as Europe/Paris") from None


@stack_rule(
    "peak-10",
    of=kinds.DEPLOYMENT,
    severity=Severity.HIGH,
    says="Batch jobs in the queue have a channel of their own, with at most half of the workers, and one in peak "
    "season.",
    why="The queue is first come, first served: an import of 20,000 products puts itself before every order that is "
    "to be confirmed.",
    fix="ODOO_QUEUE_JOB_CHANNELS of the runner: root:N,root.batch:M with M of at most N/2, and M = 1 in season peak",
    scenario="The buyers upload next spring's catalogue on the Saturday before Christmas.",
    implies=("iso-07",),
)
def a_channel_for_batch(resource: Resource, graph: Graph) -> Iterable[Violation]:
    for pod in graph.odoo_of(resource):
        if not pod.runs_queue:
            continue
        channels = _channels(pod)
        everything = channels.get("root", 1)
        own = {name: most for name, most in channels.items() if name != "root"}
        if not own:
            yield Violation(resource, f"all {everything} jobs share one channel")
        share = 1 if graph.contract.season == "peak" else max(1, everything * graph.config.number(BATCH_SHARE))
        for name, most in own.items():
            if most > share:
                yield Violation(resource, f"{name} may take {most} of {everything} jobs; {share:g} at most")


def _channels(pod: OdooPod) -> dict[str, int]:
    """Capacity of each channel, 1 where none is said, as queue_job reads `root:4,root.batch:1:sequential`."""
    node = pod.environment("ODOO_QUEUE_JOB_CHANNELS")
    found: dict[str, int] = {}
    for entry in node.text("value").split(",") if node else ():
        name, _, capacity = entry.strip().partition(":")
        most = capacity.partition(":")[0] or "1"
        if not name or not most.isdigit() or not node:
            raise pod.container.unjudged("has ODOO_QUEUE_JOB_CHANNELS that can't be read, as root:8,root.batch:2")
        found[name] = int(most)
    return found
