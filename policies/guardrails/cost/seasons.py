"""That no season saves at the copies."""

from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.fingerprints import listed
from guardrails.graph import Graph
from guardrails.resource import family
from guardrails.rule import Protects, Severity, Violation, stack_rule

REDUNDANCY: Final = (
    kinds.POSTGRES_CLUSTER,
    kinds.SCHEDULED_BACKUP,
    kinds.OBJECT_STORE,
    kinds.BUCKET,
    kinds.BUCKET_VERSIONING,
    kinds.BUCKET_OBJECT_LOCK,
    kinds.BUCKET_LIFECYCLE,
    kinds.BUCKET_REPLICATION,
    kinds.BUCKET_POLICY,
    kinds.KMS_KEY,
    kinds.KMS_REPLICA_KEY,
    kinds.ELASTICACHE_GROUP,
    kinds.POD_MONITOR,
    kinds.PROMETHEUS_RULE,
    kinds.HELM_RELEASE,
)
"""What holds the database's instances, backups, copies, keys and monitoring."""


@stack_rule(
    "cost-05",
    severity=Severity.HIGH,
    says="Database, backups, copies and monitoring are the same in both seasons: nothing of them is saved at.",
    why="The quiet season is when nobody looks. It is judged against the baseline of the last release, where that was "
    "of the other season: what is redundant may then neither change nor be missing.",
    fix="take instances, schedules, retention and replicas from the class, not from the season; switch the season by "
    "itself, and change these in a release of their own",
    scenario="In February a volume fails, and the standby that would have been saved is there.",
    implies=("db-02", "db-10", "frz-01", "frz-04", "bk-02"),
    protects=Protects.DATA,
)
def no_saving_at_copies(graph: Graph) -> Iterable[Violation]:
    before = graph.config.before
    if before is None or before.season == graph.contract.season:
        return
    for resource in graph.all(*REDUNDANCY):
        if changed := before.changed(resource):
            yield Violation(resource, f"{listed(changed)} differ from season {before.season}")
    kept = {family(each) for each in REDUNDANCY}
    for urn, released in before.resources.items():
        if urn not in graph.resources and family(released.type) in kept:
            yield Violation(None, f"{urn.rpartition('::')[2]} of season {before.season} is gone")
