"""Backup and filestore buckets, and their copies in another account and region."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.backups import Backups, BackupsArgs
from components.protected_bucket import ProtectedBucketArgs
from rehearsal.engine.model import Evaluation, Resource
from retail.naming import Identity
from retail.objectives import OBJECTIVES, ObjectiveClass

GOLD = OBJECTIVES[ObjectiveClass.GOLD]
SOURCE, COPY = (
    "acme-production-backups-111122223333-eu-central-1",
    "acme-production-backups-copy-444455556666-eu-west-1",
)


@pytest.fixture(scope="module")
def run(run_component: Any, identity: Identity) -> Callable[..., Evaluation]:
    def run(**changes: Any) -> Evaluation:
        def build(opts: pulumi.ResourceOptions, backup: pulumi.ProviderResource) -> None:
            given: dict[str, Any] = {
                "identity": identity,
                "objectives": GOLD,
                "backup_account": "444455556666",
                "recovery_region": "eu-west-1",
                "backup_provider": backup,
                "kms_key_arn": "arn:key",
                "lock_mode": "COMPLIANCE",
            }
            Backups("backups", BackupsArgs(**(given | changes)), opts)

        evaluation: Evaluation = run_component(build)
        return evaluation

    return run


def by_bucket(evaluation: Evaluation, kind: str) -> dict[str, Resource]:
    found = [r for r in evaluation.resources.values() if r.type.rpartition(":")[2] == kind]
    return {resource.inputs["bucket"]: resource for resource in found}


def test_every_bucket_is_private_versioned_encrypted_and_tls_only(run: Callable[..., Evaluation]) -> None:
    evaluation = run()
    buckets = by_bucket(evaluation, "Bucket")
    assert len(buckets) == 5
    assert not any(bucket.inputs["forceDestroy"] for bucket in buckets.values())
    for kind in ("BucketVersioning", "BucketPublicAccessBlock", "BucketOwnershipControls", "BucketPolicy"):
        assert by_bucket(evaluation, kind).keys() == buckets.keys()
    for block in by_bucket(evaluation, "BucketPublicAccessBlock").values():
        flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        assert all(block.inputs[flag] for flag in flags)
    for policy in by_bucket(evaluation, "BucketPolicy").values():
        denied = json.loads(policy.inputs["policy"])["Statement"][0]
        assert (denied["Effect"], denied["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})
    keys = {
        bucket: encryption.inputs["rules"][0]["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"]
        for bucket, encryption in by_bucket(evaluation, "BucketServerSideEncryptionConfiguration").items()
    }
    assert keys[SOURCE] == "arn:key"
    assert "444455556666" in keys[COPY]  # its own account's key


def test_copies_are_made_by_the_backup_accounts_provider(run: Callable[..., Evaluation]) -> None:
    evaluation = run()
    for name, bucket in by_bucket(evaluation, "Bucket").items():
        assert ("::backup" in bucket.provider) == ("-copy-" in name)
    for kind in ("BucketPolicy", "BucketVersioning", "BucketLifecycleConfiguration"):
        for name, resource in by_bucket(evaluation, kind).items():
            assert ("::backup" in resource.provider) == ("-copy-" in name)


def test_locks_outlast_the_recovery_window_and_lifecycle_outlasts_locks(run: Callable[..., Evaluation]) -> None:
    evaluation = run()
    locks = by_bucket(evaluation, "BucketObjectLockConfiguration")
    lifecycles = by_bucket(evaluation, "BucketLifecycleConfiguration")
    assert len(locks) == 3  # not on the filestore itself, to which clients write without checksums
    for bucket, lock in locks.items():
        retention = lock.inputs["rule"]["defaultRetention"]
        rule = lifecycles[bucket].inputs["rules"][0]
        assert retention["mode"] == "COMPLIANCE"
        assert GOLD.retention_days < retention["days"] < rule["noncurrentVersionExpiration"]["noncurrentDays"]
        assert by_bucket(evaluation, "Bucket")[bucket].inputs["objectLockEnabled"]


def test_lifecycles_never_expire_current_objects(run: Callable[..., Evaluation]) -> None:
    for bucket, lifecycle in by_bucket(run(), "BucketLifecycleConfiguration").items():
        expiries = [rule["expiration"] for rule in lifecycle.inputs["rules"] if "expiration" in rule]
        by_age = [{"days": 90}] if "-exports-" in bucket else []
        assert expiries == [{"expiredObjectDeleteMarker": True}, *by_age]


def test_what_is_read_seldom_gets_cheaper_but_not_what_is_small(run: Callable[..., Evaluation]) -> None:
    evaluation = run()
    found = {
        bucket: rule
        for bucket, lifecycle in by_bucket(evaluation, "BucketLifecycleConfiguration").items()
        for rule in lifecycle.inputs["rules"]
        if "transitions" in rule
    }
    ((bucket, rule),) = found.items()
    assert "-filestore-111122223333" in bucket
    assert rule["filter"] == {"objectSizeGreaterThan": 128 * 1024}
    assert rule["transitions"] == [{"days": 30, "storageClass": "INTELLIGENT_TIERING"}]
    classes = {
        replication.inputs["bucket"]: replication.inputs["rules"][0]["destination"]["storageClass"]
        for replication in by_bucket(evaluation, "BucketReplicationConfig").values()
    }
    assert classes[SOURCE] == "STANDARD_IA"
    assert classes[bucket] == "INTELLIGENT_TIERING"  # the other one bills small objects as 128 KiB


def test_nobody_chooses_another_key(run: Callable[..., Evaluation]) -> None:
    """A header is refused, a missing one is not: uploads without any take the bucket's key."""
    for policy in by_bucket(run(), "BucketPolicy").values():
        statements = json.loads(policy.inputs["policy"])["Statement"]
        denied = [each["Condition"] for each in statements if each["Effect"] == "Deny"]
        assert {"Null": {"s3:x-amz-server-side-encryption": "false"}} in denied
        assert {"Null": {"s3:x-amz-server-side-encryption-customer-algorithm": "false"}} in denied


def test_every_bucket_says_where_it_is(run: Callable[..., Evaluation]) -> None:
    regions = {bucket: resource.inputs["region"] for bucket, resource in by_bucket(run(), "Bucket").items()}
    assert {bucket: "eu-west-1" if "-copy-" in bucket else "eu-central-1" for bucket in regions} == regions


def test_exports_expire_and_can_be_erased(run: Callable[..., Evaluation]) -> None:
    evaluation = run()
    (bucket,) = (name for name in by_bucket(evaluation, "Bucket") if "-exports-" in name)
    assert bucket not in by_bucket(evaluation, "BucketObjectLockConfiguration")
    assert bucket not in by_bucket(evaluation, "BucketReplicationConfig")


def test_replication_is_timed_and_covers_encrypted_objects(run: Callable[..., Evaluation]) -> None:
    replications = by_bucket(run(), "BucketReplicationConfig")
    assert len(replications) == 2
    for replication in replications.values():
        (rule,) = replication.inputs["rules"]
        assert rule["sourceSelectionCriteria"] == {"sseKmsEncryptedObjects": {"status": "Enabled"}}
        assert rule["destination"]["replicationTime"] == {"status": "Enabled", "time": {"minutes": 15}}
        assert rule["destination"]["metrics"]["status"] == "Enabled"
        assert rule["filter"] == {"prefix": ""}


def test_the_copy_takes_replicas_from_that_role_only(run: Callable[..., Evaluation]) -> None:
    policy = json.loads(by_bucket(run(), "BucketPolicy")[COPY].inputs["policy"])
    allowed = [statement for statement in policy["Statement"] if statement["Effect"] == "Allow"]
    assert {statement["Principal"]["AWS"] for statement in allowed} == {
        "arn:aws:iam::111122223333:role/acme-production-backup-replication"
    }
    actions = {action for statement in allowed for action in statement["Action"]}
    assert not actions & {"s3:DeleteObjectVersion", "s3:BypassGovernanceRetention", "s3:PutBucketVersioning"}


def test_a_stack_has_only_the_buckets_it_fills(run: Callable[..., Evaluation]) -> None:
    assert not [bucket for bucket in by_bucket(run(database=False), "Bucket") if "-backups-" in bucket]
    assert all("backups" in bucket for bucket in by_bucket(run(attachments=False), "Bucket"))


def test_mistakes_are_told_together(identity: Identity) -> None:
    with pytest.raises(pulumi.InputPropertiesError) as caught:
        BackupsArgs(
            identity=identity,
            objectives=GOLD,
            backup_account="444455556666",
            recovery_region=identity.region,
            backup_provider=None,  # type: ignore[arg-type]  # refused before it is looked at
            kms_key_arn="arn:key",
            lock_mode="GOVERNANCE",
            database=False,
            attachments=False,
        )
    assert "recovery_region" in str(caught.value) and "something to back up" in str(caught.value)


def test_a_lifecycle_within_the_lock_is_refused() -> None:
    with pytest.raises(pulumi.InputPropertiesError, match="keep_days"):
        ProtectedBucketArgs(bucket="b", region="eu-west-1", kms_key_arn="arn:key", keep_days=37, lock_days=37)
