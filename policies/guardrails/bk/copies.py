"""That everything has a copy out of reach: another region, another account, minutes behind, attachments as well."""

from collections import Counter
from collections.abc import Iterable, Iterator

from guardrails import kinds
from guardrails.archives import archive_of, attachments_of, runs_business
from guardrails.aws.buckets import Bucket, Replication, bucket_named, replications
from guardrails.aws.grants import allowed, statements_of
from guardrails.aws.iam import statements
from guardrails.bk.buckets import SLOW, too_short
from guardrails.bk.promises import RETENTION_DAYS, promised
from guardrails.bk.writing import refused
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.odoo import OdooPod
from guardrails.parties import account_of
from guardrails.resource import Resource, family
from guardrails.rule import Protects, Severity, Violation, stack_rule

REPLICATION_MINUTES = limit("replication-minutes", 15, "Minutes a copy may be behind: S3's only replication time.")


@stack_rule(
    "bk-05",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.HIGH,
    says="Every archive is copied to another region and the backup account, within minutes that are measured.",
    why="A backup in the account it protects is lost with the account, and one in its region with the region. Objects "
    "under KMS are left out of a copy unless the rule says otherwise, silently; so is all that its role may not do.",
    fix="a BucketReplicationConfig for everything, with replicationTime, metrics, sseKmsEncryptedObjects, a key of the "
    "backup account, and a role that may",
    scenario="The region is gone on the first Advent Saturday, and its last quarter of an hour is in the other one.",
    implies=("bk-03", "bk-04", "bk-06", "bk-07", "bk-12", "iso-04", "iso-05", "iso-11", "cost-05"),
    protects=Protects.DATA,
)
def archive_copied(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    if bucket := archive_of(cluster, graph):
        yield from (Violation(bucket.resource, what) for what in _not_copied(bucket, graph))


@stack_rule(
    "bk-07",
    of=(kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.CRON_JOB, kinds.JOB, kinds.BUCKET),
    severity=Severity.CRITICAL,
    says="Attachments are in one bucket of the stack, which every tier may write to, copied like the database's "
    "archive and kept as long as it.",
    why="A restored Odoo needs both: a database whose invoices, labels and product pictures are gone is no recovery. "
    "What a pod writes to its own disk is gone with the pod, and what the bucket refuses is lost at once.",
    fix="[fs_storage.*] with directory_path <bucket>/<prefix> in the odoo.conf of every tier that runs business code; "
    "replication and lifecycle of that bucket as of the archive; for each tier a role with ListBucket, GetObject and "
    "PutObject there and GenerateDataKey and Decrypt on its key",
    scenario="The database is set back by a day, and every delivery note of that day still opens.",
    implies=("bk-03", "bk-04", "bk-05", "bk-06", "bk-12", "iso-04", "iso-05", "iso-11"),
    protects=Protects.DATA,
)
def attachments_kept(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.family == family(kinds.BUCKET):
        bucket = Bucket(resource, graph)
        if bucket.name not in {each.name for each in graph.kept.filestores}:
            return
        days = promised(graph, RETENTION_DAYS)
        for what in (*_not_copied(bucket, graph), *too_short(bucket, days, locked=False)):
            yield Violation(resource, what)
        for copy in replications(bucket, graph):
            for what in too_short(copy.target, days, locked=True) if copy.target else ():
                yield Violation(copy.target.resource if copy.target else resource, what)
        return
    usual = Counter(graph.kept.places).most_common(1)
    for pod in graph.odoo_of(resource):
        if not runs_business(pod):
            continue
        place = attachments_of(pod)
        if place is None:
            yield Violation(resource, "its odoo.conf names no storage for attachments: they go with the pod")
        elif (kept := bucket_named(place.partition("/")[0], graph)) is None:
            yield Violation(resource, f"its attachments are in {place}, no bucket of this stack")
        elif place != usual[0][0]:
            yield Violation(resource, f"its attachments are in {place}, the other tiers' in {usual[0][0]}")
        else:
            yield from _refused(pod, kept, place.partition("/")[2], graph)


def _refused(pod: OdooPod, bucket: Bucket, folder: str, graph: Graph) -> Iterator[Violation]:
    account = account_of(pod.workload, graph)
    if account is None:
        return  # Which of several it is, only a deployment tells.
    if missing := list(refused(account, pod.workload.namespace, bucket, folder, graph)):
        yield Violation(pod.workload.resource, f"its role may not {', '.join(missing)} in {bucket.name}")


def _not_copied(bucket: Bucket, graph: Graph) -> Iterator[str]:
    """Why a bucket has no copy that would do; nothing if one does."""
    found = list(replications(bucket, graph))
    if not found:
        yield "it is not replicated"
    problems = [list(_lacks(each, graph)) for each in found]
    if all(problems):
        yield from (what for each in problems for what in each)


def _lacks(copy: Replication, graph: Graph) -> Iterator[str]:
    rule, target, contract = copy.rule, copy.target, graph.contract
    name = rule.text("id", "its replication")
    if rule.text("prefix", "") or rule.text("filter.prefix", "") or rule.has("filter.tag") or rule.has("filter.and"):
        yield f"{name} copies a part only"
    if target is None:
        yield f"{name} copies to {rule.text('destination.bucket')}, no bucket of this stack"
        return
    if target.region == copy.source.region:
        yield f"{name} copies inside of {target.region}"
    if target.account != contract.given.text("backupAccount"):
        yield f"{name} copies to account {target.account}, not to the backup account"
    if contract.production and target.account == copy.source.account:
        yield f"{name} copies inside of account {target.account}"
    yield from _late(copy, graph)
    if rule.text("destination.storageClass", "STANDARD") in SLOW:
        yield f"{name} copies to {rule.text('destination.storageClass')}, which takes hours to read"
    if rule.text("sourceSelectionCriteria.sseKmsEncryptedObjects.status", "Disabled") != "Enabled":
        yield f"{name} leaves out what KMS encrypts, which is everything"
    if not rule.has("destination.encryptionConfiguration.replicaKmsKeyId"):
        yield f"{name} names no key for the copies"
    yield from _not_allowed(copy, target, graph)


def _late(copy: Replication, graph: Graph) -> Iterator[str]:
    most, name = graph.config.number(REPLICATION_MINUTES), copy.rule.text("id", "its replication")
    for key, minutes in (("replicationTime", "time.minutes"), ("metrics", "eventThreshold.minutes")):
        part = copy.rule.at(f"destination.{key}")
        if part.text("status", "Disabled") != "Enabled":
            yield f"{name} has no {key}: nobody would see it fall behind"
        elif (behind := part.number(minutes, 15)) > most:
            yield f"{name} may be {behind:g} minutes behind, {most:g} are allowed"


def _not_allowed(copy: Replication, target: Bucket, graph: Graph) -> Iterator[str]:
    """What the role of a replication may not do, on either side: S3 then copies nothing and says so nowhere."""
    roles = graph.sources(copy.config, "role", kinds.IAM_ROLE)
    if not roles:
        yield "its replication has no role of this stack"
        return
    said = list(statements_of(roles[0], graph))
    needed = (
        ("s3:GetReplicationConfiguration", copy.source.arn),
        ("s3:ListBucket", copy.source.arn),
        ("s3:GetObjectVersionForReplication", f"{copy.source.arn}/x"),
        ("s3:ReplicateObject", f"{target.arn}/x"),
        ("kms:Decrypt", f"arn:aws:kms:{copy.source.region}:{copy.source.account}:key/x"),
        ("kms:Encrypt", f"arn:aws:kms:{target.region}:{target.account}:key/x"),
    )
    for action, arn in needed:
        if not allowed(said, action, arn):
            yield f"the role of its replication may not {action}"
    if target.account == copy.source.account:
        return
    policy = target.one(kinds.BUCKET_POLICY)
    # By name: the ARN is not known before the role is there.
    ours = [
        each
        for each in (statements(policy.at("policy")) if policy else [])
        if any(who.rpartition("/")[2] == roles[0].text("name") for who in each.principals)
    ]
    if not allowed(ours, "s3:ReplicateObject", f"{target.arn}/x"):
        yield f"bucket {target.name} does not let the role of its replication in"
