"""Evidence in a freeze: who changes something then has shown before that it can be taken back."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from guardrails import kinds
from guardrails.bk.drills import SLACK_DAYS, drills
from guardrails.bk.promises import DRILL_DAYS, promised
from guardrails.config import limit
from guardrails.evidence import RELEASED, Evidence
from guardrails.graph import Graph
from guardrails.resource import family
from guardrails.rule import Protects, Severity, Violation, stack_rule

EVIDENCE_HOURS = limit("evidence-hours", 24, "Age of the evidence of a change in a freeze, in hours.")
BACKUP_AGE_HOURS = limit("backup-age-hours", 24, "Age of the last backup before a change in a freeze, in hours.")


@stack_rule(
    "frz-07",
    severity=Severity.HIGH,
    says="A change in a freeze comes with fresh evidence: a backup, a passed drill, what ran before, who approved.",
    why="In a peak there is time for one thing when a change goes wrong: to take it back. That needs the last release "
    "by digest and a backup that really ended. A rehearsal's evidence proves nothing about production.",
    fix="`python -m rehearsal evidence STACK --kubeconfig FILE --approver MAIL`, of the stack's own cluster",
    scenario="Before the ceiling of the storefront is raised on Saturday the pipeline shows Saturday's backup.",
    implies=("frz-01", "frz-04", "frz-05", "frz-08"),
    protects=Protects.FREEZE,
)
def proven(graph: Graph) -> Iterable[Violation]:
    if graph.freeze is None or not graph.changes:
        return  # An unchanged stack changes nothing: nothing need be taken back.
    evidence = graph.config.proof
    if evidence is None:
        yield Violation(None, "there is a change, and no evidence with it")
        return
    for problem in (
        *_source(evidence, graph),
        *_release(evidence, graph),
        *_backups(evidence, graph),
        *_drills(evidence, graph),
        *_promotion(evidence),
    ):
        yield Violation(None, problem)


def _source(evidence: Evidence, graph: Graph) -> Iterator[str]:
    if evidence.stack != graph.stack:
        yield f"the evidence is of stack {evidence.stack}, this is {graph.stack}"
    if evidence.source != RELEASED:
        yield f"the evidence is of {evidence.cluster} ({evidence.source}), not of the stack's own EKS cluster"
    yield from _old("the evidence", evidence.made, graph.config.number(EVIDENCE_HOURS), graph)


def _release(evidence: Evidence, graph: Graph) -> Iterator[str]:
    release = graph.config.before
    if release and evidence.release != release.digest:
        yield "the evidence was collected with another release as the last one"
    for pod in graph.odoo:
        where = pod.workload.resource.where
        if pod.workload.resource.family != family(kinds.DEPLOYMENT):
            continue
        images = evidence.images.get(where, ())
        if not images or not all("@sha256:" in image for image in images):
            yield f"the evidence does not say by digest what {where} ran before"


def _backups(evidence: Evidence, graph: Graph) -> Iterator[str]:
    for cluster in graph.all(kinds.POSTGRES_CLUSTER):
        ended = evidence.backups.get(cluster.where)
        if ended is None:
            yield f"the evidence has no completed backup of {cluster.where}"
        else:
            yield from _old(f"the last backup of {cluster.where}", ended, graph.config.number(BACKUP_AGE_HOURS), graph)


def _drills(evidence: Evidence, graph: Graph) -> Iterator[str]:
    days = promised(graph, DRILL_DAYS) + graph.config.number(SLACK_DAYS)
    for job in {drill.job.urn: drill.job for drill in drills(graph)}.values():
        passed = evidence.succeeded.get(job.where)
        if passed is None:
            yield f"the evidence has no restore by {job.where} that passed"
        else:
            yield from _old(f"the last restore by {job.where}", passed, days * 24, graph)


def _promotion(evidence: Evidence) -> Iterator[str]:
    promotion = evidence.promotion
    if promotion is None:
        yield "nobody promoted it: the evidence has no commit and no approver"
        return
    if not promotion.authors or not promotion.approver.strip():
        yield "the promotion names no author or no approver"
    if promotion.approver.strip().lower() in {each.strip().lower() for each in promotion.authors}:
        yield f"commit {promotion.commit[:12]} was approved by one of its authors"


def _old(what: str, moment: datetime, hours: float, graph: Graph) -> Iterator[str]:
    age = graph.config.now - moment
    if age < timedelta(0):
        yield f"{what} is of {moment:%Y-%m-%d %H:%M}, which is to come"
    elif age > timedelta(hours=hours):
        yield f"{what} is {age.total_seconds() / 3600:.3g} h old, {hours:g} h are allowed"
