"""That what is in a bucket of backups stays there: kept long enough, locked, and behind every bar that S3 has."""

from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.archives import archive_of, archiver, store_of
from guardrails.aws.buckets import Bucket, replications
from guardrails.aws.grants import covers
from guardrails.aws.iam import Statement, statements
from guardrails.bk.promises import RETENTION_DAYS, promised
from guardrails.graph import Graph
from guardrails.kubernetes.durations import retention_days
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, stack_rule

YEAR: Final = 365
SLOW: Final = ("GLACIER", "DEEP_ARCHIVE")
"""Storage classes that must be thawed for hours first; barman reads none of them. Intelligent-Tiering is read at once,
unless its archive tiers are switched on, which is a configuration of its own."""

BLOCKS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
BY_KMS: Final = ("aws:kms", "aws:kms:dsse")


@stack_rule(
    "bk-03",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.CRITICAL,
    says="An archive keeps what its class promises; its lock holds as long, and no lifecycle removes anything sooner.",
    why="The three are set in three places. A lock shorter than the recovery window leaves days that can be erased; a "
    "lifecycle that is faster than both erases them itself.",
    fix="retentionPolicy >= the class's days, Object Lock >= retentionPolicy, noncurrentDays > both, no expiry by age",
    scenario="A mistake of three weeks ago is found at the closing of the books, and that day can still be restored.",
    implies=("bk-04", "bk-07"),
    protects=Protects.DATA,
)
def kept_long_enough(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    plugin = archiver(cluster)
    store = store_of(plugin, cluster, graph) if plugin else None
    bucket = archive_of(cluster, graph)
    if store is None or bucket is None:
        return  # bk-02 says so
    days = promised(graph, RETENTION_DAYS)
    window = retention_days(store.at("spec.retentionPolicy"))
    if window < days:
        yield Violation(store, f"retentionPolicy keeps {window} days, {days} are promised")
    for each in (bucket, *(one.target for one in replications(bucket, graph) if one.target)):
        for what in too_short(each, max(window, days), locked=True):
            yield Violation(each.resource, what)


def too_short(bucket: Bucket, days: float, *, locked: bool) -> Iterator[str]:
    """Why a bucket would not keep what must be there for `days`."""
    lock = _lock_days(bucket) if locked else 0
    if locked and lock < days:
        yield f"Object Lock holds {lock:g} days, {days:g} are kept"
    lifecycle = bucket.one(kinds.BUCKET_LIFECYCLE)
    if lifecycle is None:
        yield "no lifecycle: what retention and customers' rights have removed stays for ever"
        return
    purged = False
    least = max(lock, days)
    for rule in lifecycle.items("rules"):
        if rule.text("status") != "Enabled":
            continue
        name = rule.text("id", "a rule")
        if rule.has("expiration.date"):
            yield f"{name} expires everything on a day"
        if (age := rule.number("expiration.days", None)) is not None and age <= least:
            yield f"{name} expires objects after {age:g} days, {least:g} are kept"
        if (age := rule.number("noncurrentVersionExpiration.noncurrentDays", None)) is not None:
            purged = True
            if age <= least:
                yield f"{name} erases old versions after {age:g} days, {least:g} are kept"
        for move in (*rule.items("transitions"), *rule.items("noncurrentVersionTransitions")):
            if (storage := move.text("storageClass")) in SLOW:
                yield f"{name} moves objects to {storage}, which takes hours to read"
    if not purged:
        yield "no lifecycle rule removes old versions: what was deleted stays for ever"


def _lock_days(bucket: Bucket) -> float:
    """Days of the default retention; 0 where there is none."""
    lock = bucket.one(kinds.BUCKET_OBJECT_LOCK)
    if lock is None:
        return 0
    retention = lock.at("rule.defaultRetention")
    return retention.number("days", 0) or retention.number("years", 0) * YEAR


@stack_rule(
    "bk-04",
    of=kinds.BUCKET,
    severity=Severity.CRITICAL,
    says="Archives, attachments and their copies are versioned, private, TLS only and under KMS; archives and copies "
    "are locked, in production by COMPLIANCE.",
    why="Whoever takes over an account deletes the backups first. Versions and a lock that nobody can lift are what is "
    "left then; in GOVERNANCE mode an administrator's credentials lift it.",
    fix="BucketVersioning Enabled, objectLockEnabled with a default retention, all four public access blocks, a Deny "
    "of aws:SecureTransport false and of customer-provided keys, aws:kms with a key, forceDestroy false, protect",
    scenario="Ransomware comes with an administrator's laptop in the week before Christmas.",
    implies=("bk-03", "bk-05", "bk-07", "bk-12", "ops-02", "iso-04", "iso-05", "cost-05"),
    protects=Protects.DATA,
)
def cannot_be_erased(resource: Resource, graph: Graph) -> Iterable[Violation]:
    bucket = Bucket(resource, graph)
    mine = {each.name for each in graph.kept.filestores}
    locked = {each.name for each in (*graph.kept.archives, *graph.kept.copies)}
    for what in _open_to_others(bucket):
        yield Violation(resource, what)
    if bucket.name not in mine | locked:
        return  # exports, which may be made again; but they are customers' data all the same
    for what in _open_to_loss(bucket):
        yield Violation(resource, what)
    if bucket.name in locked:
        for what in _unlocked(bucket, production=graph.contract.production):
            yield Violation(resource, what)


def _open_to_loss(bucket: Bucket) -> Iterator[str]:
    if not bucket.resource.protect:
        yield "it is not protected: `pulumi destroy` would take it"
    if bucket.resource.flag("forceDestroy", False):
        yield "forceDestroy empties it when it is deleted"
    versioning = bucket.one(kinds.BUCKET_VERSIONING)
    status = versioning.text("versioningConfiguration.status") if versioning else "not set"
    if status != "Enabled":
        yield f"versioning is {status}"


def _open_to_others(bucket: Bucket) -> Iterator[str]:
    block = bucket.one(kinds.BUCKET_PUBLIC_ACCESS_BLOCK)
    if open_ways := [each for each in BLOCKS if block is None or not block.flag(each, False)]:
        yield f"public access block lacks {', '.join(open_ways)}"
    policy = bucket.one(kinds.BUCKET_POLICY)
    if not any(_tls_only(each, bucket.arn) for each in (statements(policy.at("policy")) if policy else ())):
        yield "its policy does not refuse what comes without TLS"
    if not any(_no_customer_keys(each, bucket.arn) for each in (statements(policy.at("policy")) if policy else ())):
        yield "its policy does not refuse objects under a key that whoever writes brings along: a ransom needs no more"
    for statement in statements(policy.at("policy")) if policy else ():
        if statement.allows and "*" in statement.principals and not statement.conditions.entries():
            yield f"its policy allows {', '.join(sorted(statement.actions)) or 'something'} to everybody"
    encryption = bucket.one(kinds.BUCKET_ENCRYPTION)
    defaults = (
        [each.at("applyServerSideEncryptionByDefault") for each in encryption.items("rules")] if encryption else []
    )
    if not defaults or any(each.text("sseAlgorithm") not in BY_KMS for each in defaults):
        yield "it is not encrypted by KMS"
    elif not all(each.has("kmsMasterKeyId") for each in defaults):
        yield "it is encrypted with AWS's own key, not the retailer's"


def _tls_only(statement: Statement, arn: str) -> bool:
    """Whether a statement refuses everybody everything that comes without TLS, under no other condition."""
    if statement.allows or "*" not in statement.principals:
        return False
    conditions = {
        (operator, key.lower()): value
        for operator, keys in statement.conditions.entries().items()
        for key, value in keys.entries().items()
    }
    if set(conditions) - {("Bool", "aws:securetransport"), ("BoolIfExists", "aws:securetransport")} or not conditions:
        return False
    whole = all(
        statement.takes(action) for action in ("s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:DeleteObject")
    )
    values = {
        word.lower()
        for value in conditions.values()
        for word in (value.words() if isinstance(value.raw, list) else [value.text()])
    }
    return whole and values == {"false"} and covers(statement, arn) and covers(statement, f"{arn}/x")


def _no_customer_keys(statement: Statement, arn: str) -> bool:
    """Whether a statement refuses everybody to write under a key of the writer's own (SSE-C)."""
    if statement.allows or "*" not in statement.principals or not covers(statement, f"{arn}/x"):
        return False
    asked = {key.lower(): value for key, value in statement.conditions.at("Null").entries().items()}
    named = asked.pop("s3:x-amz-server-side-encryption-customer-algorithm", None)
    alone = not asked and set(statement.conditions.entries()) == {"Null"}
    return alone and named is not None and not named.flag() and statement.takes("s3:PutObject")


def _unlocked(bucket: Bucket, *, production: bool) -> Iterator[str]:
    if not bucket.resource.flag("objectLockEnabled", False):
        yield "Object Lock is off"
        return
    lock = bucket.one(kinds.BUCKET_OBJECT_LOCK)
    if lock is None or not lock.has("rule.defaultRetention"):
        yield "Object Lock has no default retention: what is written is not locked"
        return
    mode = lock.text("rule.defaultRetention.mode")
    if mode not in (("COMPLIANCE",) if production else ("COMPLIANCE", "GOVERNANCE")):
        yield f"its lock is {mode}, which can be lifted"
