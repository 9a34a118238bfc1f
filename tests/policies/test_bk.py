"""Edits that the rules on backup must catch, and edits that they must not."""

import json
from collections.abc import Callable
from typing import Any

from guardrails.kinds import (
    BACKUP,
    BUCKET,
    BUCKET_ENCRYPTION,
    BUCKET_LIFECYCLE,
    BUCKET_OBJECT_LOCK,
    BUCKET_POLICY,
    BUCKET_PUBLIC_ACCESS_BLOCK,
    BUCKET_REPLICATION,
    BUCKET_VERSIONING,
    CONFIG_MAP,
    CRON_JOB,
    EXTERNAL_SECRET,
    HELM_RELEASE,
    IAM_ROLE_POLICY,
    IAM_ROLE_POLICY_ATTACHMENT,
    KMS_KEY,
    KMS_REPLICA_KEY,
    OBJECT_STORE,
    POD_IDENTITY_ASSOCIATION,
    POSTGRES_CLUSTER,
    PROMETHEUS_RULE,
    RETAILER,
    SCHEDULED_BACKUP,
    SECRETS_MANAGER_SECRET,
    STORAGE_CLASS,
)
from tests.policies.edits import Edit, add, delete, drop, fine, forget, only, protect, put
from tests.policies.harness import RuleTests, rules_tested
from tests.policies.shipped import CLUSTERS, OWNERS, PRODUCTION, SERVING

PLUGIN = "spec.plugins[0]"
PARAMETERS = "spec.postgresql.parameters"
TIMEOUT = f"{PARAMETERS}.archive_timeout"
VOLUMES = f"{STORAGE_CLASS}::database-volumes"
STORE = f"{OBJECT_STORE}::archive-store"
SOURCE, COPY = "backups-backups-source", "backups-backups-copy"
FILESTORE, FILESTORE_COPY = "backups-filestore-source", "backups-filestore-copy"
REPLICATION = f"{BUCKET_REPLICATION}::backups-backups"
RULE = "rules[0]"
KEY = f"{KMS_KEY}::encryption-key"
ARCHIVE_ROLE = f"{IAM_ROLE_POLICY}::archive-identity"
STOREFRONT_ROLE = f"{IAM_ROLE_POLICY}::odoo-storefront"
CONF = 'spec.target.template.data."odoo.conf"'
STOREFRONT_CONF = f"{EXTERNAL_SECRET}::=odoo-storefront"
DRILL_JOB = f"{CRON_JOB}::recovery-job"
DRILL_POD = "spec.jobTemplate.spec.template.spec"
DRILL_MANIFEST = f"{CONFIG_MAP}::recovery-manifest"
DRILL_STORE = f"{OBJECT_STORE}::recovery-store"
KEPT = 'values.{}."helm.sh/resource-policy"'
BY_HAND = {"name": "grand-bazar-by-hand", "namespace": "grand-bazar-production"}


def grants(what: str, action: str, resource: str = "*", effect: str = "Allow") -> Edit:
    """One more statement in an IAM policy."""
    more = {"Effect": effect, "Action": action, "Resource": resource}
    return _document(f"{what}: {effect} {action} on {resource}", what, lambda said: [*said, more])


def without(what: str, sid: str) -> Edit:
    """A policy without one of its statements."""
    return _document(f"{what} without {sid}", what, lambda said: [each for each in said if each.get("Sid") != sid])


def denies(what: str, sid: str) -> Edit:
    """One of its statements says Deny."""
    return _statement(f"{what} denies {sid}", what, sid, lambda said: {**said, "Effect": "Deny"})


def may_not(what: str, sid: str, action: str) -> Edit:
    """One action less in a statement."""

    def less(said: dict[str, Any]) -> dict[str, Any]:
        return {**said, "Action": [each for each in said["Action"] if each != action]}

    return _statement(f"{what} {sid} without {action}", what, sid, less)


def _statement(name: str, what: str, sid: str, change: Callable[[dict[str, Any]], Any]) -> Edit:
    return _document(name, what, lambda said: [change(each) if each.get("Sid") == sid else each for each in said])


def lets_in(what: str) -> Edit:
    """A resource's policy that allows everybody something."""
    more = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
    return _document(f"{what} lets everybody in", what, lambda said: [*said, more])


def _document(name: str, what: str, change: Callable[[list[Any]], list[Any]]) -> Edit:
    def changed(text: str) -> str:
        document = json.loads(text)
        return json.dumps({**document, "Statement": change(document["Statement"])})

    return Edit(name, put(what, "policy", changed).apply)


def no_storage(what: str) -> Edit:
    """An odoo.conf without its section for attachments."""
    edit = put(what, CONF, lambda text: text.partition("[fs_storage")[0])
    return Edit(f"{what} without fs_storage", edit.apply)


def stored_at(what: str, place: str) -> Edit:
    edit = put(what, CONF, lambda text: "\n".join(_moved(line, place) for line in text.splitlines()))
    return Edit(f"{what} stores at {place}", edit.apply)


def _moved(line: str, place: str) -> str:
    return f"directory_path = {place}" if line.startswith("directory_path") else line


def manifest(name: str, change: Callable[[dict[str, Any]], None]) -> Edit:
    """The Cluster that a drill restores, changed."""

    def changed(text: str) -> str:
        cluster = json.loads(text)
        change(cluster)
        return json.dumps(cluster)

    return Edit(f"drill {name}", put(DRILL_MANIFEST, 'data."cluster.json"', changed).apply)


def drilled(name: str, parameter: str, value: str) -> Edit:
    def change(cluster: dict[str, Any]) -> None:
        cluster["spec"]["externalClusters"][0]["plugin"]["parameters"][parameter] = value

    return manifest(name, change)


def drilled_in_live_namespace() -> Edit:
    def change(cluster: dict[str, Any]) -> None:
        cluster["metadata"]["namespace"] = cluster["metadata"]["namespace"].removesuffix("-drill")

    return manifest("beside the live database", change)


def archiving_drill() -> Edit:
    def change(cluster: dict[str, Any]) -> None:
        archive = cluster["spec"]["externalClusters"][0]["plugin"]
        cluster["spec"]["plugins"] = [{**archive, "isWALArchiver": True}]

    return manifest("archives as the live database", change)


TESTS = {
    "bk-01": RuleTests(
        on=OWNERS,
        violating=[
            delete(SCHEDULED_BACKUP),
            put(SCHEDULED_BACKUP, "spec.suspend", True),
            put(SCHEDULED_BACKUP, "spec.method", "volumeSnapshot"),
            put(SCHEDULED_BACKUP, "spec.cluster.name", "elsewhere"),
            put(SCHEDULED_BACKUP, "metadata.namespace", "elsewhere"),
            put(SCHEDULED_BACKUP, "spec.pluginConfiguration.name", "another"),
            put(SCHEDULED_BACKUP, "spec.schedule", "0 2 * * *"),
            put(SCHEDULED_BACKUP, "spec.schedule", "0 0 2 * * 0"),
            put(SCHEDULED_BACKUP, "spec.schedule", "0 0 2,8,14,20 1-28 * *"),
            put(SCHEDULED_BACKUP, "spec.schedule", "0 0 2,8,14,20 * 1-11 *"),
            put(SCHEDULED_BACKUP, "spec.schedule", "99 0 2,8,14,20 * * *"),
            only({"peak"}, put(SCHEDULED_BACKUP, "spec.schedule", "0 0 2,14 * * *")),
            only({"outlet", "peak", "platform"}, put(SCHEDULED_BACKUP, "spec.schedule", "0 0 2 * * *")),
        ],
        absent=[
            drop(SCHEDULED_BACKUP, "spec.method"),
            drop(SCHEDULED_BACKUP, "spec.pluginConfiguration"),
            drop(SCHEDULED_BACKUP, "spec.schedule"),
            drop(SCHEDULED_BACKUP, "spec.cluster"),
            fine(drop(SCHEDULED_BACKUP, "spec.immediate")),
        ],
        unknown=[
            forget(SCHEDULED_BACKUP, "spec.schedule"),
            forget(SCHEDULED_BACKUP, "spec.method"),
            forget(SCHEDULED_BACKUP, "spec.cluster.name"),
            forget(SCHEDULED_BACKUP, "spec"),
        ],
        compliant=[
            put(SCHEDULED_BACKUP, "spec.schedule", "0 30 */6 * * *"),
            put(SCHEDULED_BACKUP, "spec.schedule", "15 7 * * * *"),
            put(SCHEDULED_BACKUP, "spec.target", "primary"),
        ],
    ),
    "bk-02": RuleTests(
        on=OWNERS,
        violating=[
            drop(POSTGRES_CLUSTER, "spec.plugins"),
            put(POSTGRES_CLUSTER, "spec.plugins", []),
            put(POSTGRES_CLUSTER, f"{PLUGIN}.enabled", False),
            put(POSTGRES_CLUSTER, f"{PLUGIN}.isWALArchiver", False),
            put(POSTGRES_CLUSTER, f"{PLUGIN}.parameters.barmanObjectName", "elsewhere"),
            put(POSTGRES_CLUSTER, 'metadata.annotations."cnpg.io/skipWalArchiving"', "enabled"),
            put(POSTGRES_CLUSTER, TIMEOUT, "0"),
            put(POSTGRES_CLUSTER, TIMEOUT, "2d"),
            only({"outlet", "peak", "platform"}, put(POSTGRES_CLUSTER, TIMEOUT, "301s")),
            put(POSTGRES_CLUSTER, "spec.postgresql.parameters.wal_level", "minimal"),
            delete(STORE),
            put(STORE, "metadata.namespace", "elsewhere"),
            put(STORE, "spec.configuration.destinationPath", "s3://somebody-elses/postgresql"),
            put(STORE, "spec.configuration.destinationPath", "/var/lib/backups"),
            without(ARCHIVE_ROLE, "Archive"),
            without(ARCHIVE_ROLE, "Bucket"),
            without(ARCHIVE_ROLE, "Key"),
            denies(ARCHIVE_ROLE, "Archive"),
            denies(ARCHIVE_ROLE, "Key"),
            may_not(ARCHIVE_ROLE, "Archive", "s3:PutObject"),
            may_not(ARCHIVE_ROLE, "Key", "kms:GenerateDataKey"),
        ],
        absent=[
            drop(POSTGRES_CLUSTER, f"{PLUGIN}.isWALArchiver"),
            drop(POSTGRES_CLUSTER, f"{PLUGIN}.parameters.barmanObjectName"),
            drop(STORE, "spec.configuration.destinationPath"),
            fine(drop(POSTGRES_CLUSTER, f"{PLUGIN}.enabled")),
            fine(drop(POSTGRES_CLUSTER, TIMEOUT)),
            delete(ARCHIVE_ROLE),
        ],
        unknown=[
            forget(POSTGRES_CLUSTER, f"{PLUGIN}.isWALArchiver"),
            forget(POSTGRES_CLUSTER, f"{PLUGIN}.parameters.barmanObjectName"),
            forget(POSTGRES_CLUSTER, TIMEOUT),
            forget(STORE, "spec.configuration.destinationPath"),
            forget(ARCHIVE_ROLE, "policy"),
        ],
        compliant=[
            put(POSTGRES_CLUSTER, TIMEOUT, "60"),
            put(POSTGRES_CLUSTER, TIMEOUT, "1min"),
            # More is kept than must be, and what an upload left half done.
            may_not(ARCHIVE_ROLE, "Archive", "s3:DeleteObject"),
            may_not(ARCHIVE_ROLE, "Archive", "s3:AbortMultipartUpload"),
        ],
    ),
    "bk-03": RuleTests(
        on=OWNERS,
        violating=[
            put(STORE, "spec.retentionPolicy", "6d"),
            put(STORE, "spec.retentionPolicy", "4w"),
            put(STORE, "spec.retentionPolicy", "60d"),
            put(f"{BUCKET_OBJECT_LOCK}::{SOURCE}", "rule.defaultRetention.days", 1),
            put(f"{BUCKET_OBJECT_LOCK}::{COPY}", "rule.defaultRetention.days", 1),
            put(f"{BUCKET_LIFECYCLE}::{SOURCE}", f"{RULE}.noncurrentVersionExpiration.noncurrentDays", 1),
            put(f"{BUCKET_LIFECYCLE}::{COPY}", f"{RULE}.noncurrentVersionExpiration.noncurrentDays", 1),
            put(f"{BUCKET_LIFECYCLE}::{SOURCE}", f"{RULE}.expiration", {"days": 7}),
            put(f"{BUCKET_LIFECYCLE}::{SOURCE}", f"{RULE}.expiration", {"date": "2027-01-01"}),
            put(f"{BUCKET_LIFECYCLE}::{SOURCE}", f"{RULE}.transitions", [{"days": 1, "storageClass": "DEEP_ARCHIVE"}]),
            put(f"{BUCKET_LIFECYCLE}::{SOURCE}", f"{RULE}.status", "Disabled"),
            delete(f"{BUCKET_LIFECYCLE}::{SOURCE}"),
        ],
        absent=[
            drop(STORE, "spec.retentionPolicy"),
            drop(f"{BUCKET_OBJECT_LOCK}::{SOURCE}", "rule.defaultRetention.days"),
            drop(f"{BUCKET_LIFECYCLE}::{SOURCE}", f"{RULE}.noncurrentVersionExpiration"),
        ],
        unknown=[
            forget(STORE, "spec.retentionPolicy"),
            forget(f"{BUCKET_OBJECT_LOCK}::{SOURCE}", "rule"),
            forget(f"{BUCKET_LIFECYCLE}::{SOURCE}", "rules"),
        ],
        compliant=[
            put(f"{BUCKET_LIFECYCLE}::{SOURCE}", f"{RULE}.noncurrentVersionExpiration.noncurrentDays", 400),
            put(f"{BUCKET_OBJECT_LOCK}::{COPY}", "rule.defaultRetention.days", float),
        ],
    ),
    "bk-04": RuleTests(
        on=OWNERS,
        violating=[
            put(f"{BUCKET_VERSIONING}::{SOURCE}", "versioningConfiguration.status", "Suspended"),
            delete(f"{BUCKET_VERSIONING}::{COPY}"),
            put(f"{BUCKET_VERSIONING}::{SOURCE}", "bucket", "elsewhere"),
            put(f"{BUCKET}::{SOURCE}", "forceDestroy", True),
            put(f"{BUCKET}::{SOURCE}", "objectLockEnabled", False),
            protect(f"{BUCKET}::{SOURCE}", False),
            protect(f"{BUCKET}::{COPY}", False),
            delete(f"{BUCKET_OBJECT_LOCK}::{COPY}"),
            only(PRODUCTION, put(f"{BUCKET_OBJECT_LOCK}::{SOURCE}", "rule.defaultRetention.mode", "GOVERNANCE")),
            put(f"{BUCKET_PUBLIC_ACCESS_BLOCK}::{SOURCE}", "blockPublicPolicy", False),
            delete(f"{BUCKET_PUBLIC_ACCESS_BLOCK}::{SOURCE}"),
            without(f"{BUCKET_POLICY}::{SOURCE}", "TlsOnly"),
            without(f"{BUCKET_POLICY}::{SOURCE}", "NoCustomerKeys"),
            lets_in(f"{BUCKET_POLICY}::{SOURCE}"),
            delete(f"{BUCKET_POLICY}::{SOURCE}"),
            put(f"{BUCKET_ENCRYPTION}::{SOURCE}", f"{RULE}.applyServerSideEncryptionByDefault.sseAlgorithm", "AES256"),
            delete(f"{BUCKET_ENCRYPTION}::{SOURCE}"),
            only(SERVING, put(f"{BUCKET_VERSIONING}::{FILESTORE}", "versioningConfiguration.status", "Suspended")),
            only(SERVING, put(f"{BUCKET}::{FILESTORE}", "forceDestroy", True)),
            only(SERVING, delete(f"{BUCKET_OBJECT_LOCK}::{FILESTORE_COPY}")),
            put(f"{BUCKET_PUBLIC_ACCESS_BLOCK}::{COPY}", "restrictPublicBuckets", "false"),
        ],
        absent=[
            drop(f"{BUCKET_VERSIONING}::{SOURCE}", "versioningConfiguration"),
            drop(f"{BUCKET}::{SOURCE}", "objectLockEnabled"),
            drop(f"{BUCKET_PUBLIC_ACCESS_BLOCK}::{SOURCE}", "ignorePublicAcls"),
            drop(f"{BUCKET_ENCRYPTION}::{SOURCE}", f"{RULE}.applyServerSideEncryptionByDefault.kmsMasterKeyId"),
            drop(f"{BUCKET_OBJECT_LOCK}::{SOURCE}", "rule"),
            fine(drop(f"{BUCKET}::{SOURCE}", "forceDestroy")),
        ],
        unknown=[
            forget(f"{BUCKET_VERSIONING}::{SOURCE}", "versioningConfiguration.status"),
            forget(f"{BUCKET_POLICY}::{SOURCE}", "policy"),
            forget(f"{BUCKET}::{SOURCE}", "forceDestroy"),
            fine(forget(f"{BUCKET_VERSIONING}::{SOURCE}", "bucket")),
        ],
        compliant=[
            put(f"{BUCKET}::{SOURCE}", "tags", {"owner": "finance"}),
            put(
                f"{BUCKET_ENCRYPTION}::{SOURCE}",
                f"{RULE}.applyServerSideEncryptionByDefault.sseAlgorithm",
                "aws:kms:dsse",
            ),
        ],
    ),
    "bk-05": RuleTests(
        on=OWNERS,
        violating=[
            delete(REPLICATION),
            put(REPLICATION, f"{RULE}.status", "Disabled"),
            put(REPLICATION, f"{RULE}.filter", {"prefix": "postgresql/base"}),
            put(REPLICATION, f"{RULE}.destination.bucket", "arn:aws:s3:::somebody-elses"),
            put(REPLICATION, f"{RULE}.destination.replicationTime.status", "Disabled"),
            put(REPLICATION, f"{RULE}.destination.replicationTime.time.minutes", 60),
            put(REPLICATION, f"{RULE}.destination.metrics.status", "Disabled"),
            put(REPLICATION, f"{RULE}.destination.storageClass", "GLACIER"),
            put(REPLICATION, f"{RULE}.sourceSelectionCriteria.sseKmsEncryptedObjects.status", "Disabled"),
            put(f"{BUCKET}::{COPY}", "region", "eu-central-1"),
            delete(f"{IAM_ROLE_POLICY}::backups-backups-permission"),
            without(f"{IAM_ROLE_POLICY}::backups-backups-permission", "Copy"),
            without(f"{IAM_ROLE_POLICY}::-permission", "WriteKey"),
            without(f"{BUCKET_POLICY}::{COPY}", "ReplicateInto"),
        ],
        absent=[
            drop(REPLICATION, f"{RULE}.destination.replicationTime"),
            drop(REPLICATION, f"{RULE}.destination.metrics"),
            drop(REPLICATION, f"{RULE}.sourceSelectionCriteria"),
            drop(REPLICATION, f"{RULE}.destination.encryptionConfiguration"),
            drop(REPLICATION, "rules"),
            fine(drop(REPLICATION, f"{RULE}.filter")),
        ],
        unknown=[
            forget(REPLICATION, f"{RULE}.status"),
            forget(REPLICATION, f"{RULE}.destination.bucket"),
            forget(REPLICATION, "rules"),
            forget(f"{IAM_ROLE_POLICY}::backups-backups-permission", "policy"),
        ],
        compliant=[
            put(REPLICATION, f"{RULE}.priority", 7),
            put(REPLICATION, f"{RULE}.destination.storageClass", "STANDARD"),
        ],
    ),
    "bk-06": RuleTests(
        violating=[
            only(SERVING, grants(STOREFRONT_ROLE, "s3:DeleteObjectVersion")),
            only(SERVING, grants(STOREFRONT_ROLE, "s3:*")),
            only({"outlet", "peak"}, grants(STOREFRONT_ROLE, "S3:Delete*", "arn:aws:s3:::*-production-*")),
            only(SERVING, grants(STOREFRONT_ROLE, "kms:ScheduleKeyDeletion")),
            only(SERVING, grants(STOREFRONT_ROLE, "*")),
            only(OWNERS, grants(ARCHIVE_ROLE, "s3:PutLifecycleConfiguration")),
            only(OWNERS, grants(ARCHIVE_ROLE, "s3:BypassGovernanceRetention")),
            only(OWNERS, grants(ARCHIVE_ROLE, "s3:DeleteObject")),
            only(
                SERVING,
                add(
                    IAM_ROLE_POLICY_ATTACHMENT,
                    "mighty",
                    {"role": "storefront", "policyArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"},
                    beside=STOREFRONT_ROLE,
                ),
            ),
        ],
        absent=[
            fine(drop(KMS_KEY, "policy")),
            # No backup in it: whose it is, iso-05 asks.
            fine(grants(STOREFRONT_ROLE, "s3:DeleteObjectVersion", "arn:aws:s3:::somebody-elses/*")),
        ],
        unknown=[
            only(SERVING, forget(STOREFRONT_ROLE, "policy")),
            only(OWNERS, forget(ARCHIVE_ROLE, "policy")),
        ],
        compliant=[
            grants(STOREFRONT_ROLE, "s3:DeleteObjectVersion", effect="Deny"),
            put(KMS_KEY, "description", "renamed"),
        ],
    ),
    "bk-07": RuleTests(
        on=SERVING,
        violating=[
            no_storage(STOREFRONT_CONF),
            stored_at(STOREFRONT_CONF, "somebody-elses/prefix"),
            delete(f"{BUCKET_REPLICATION}::backups-filestore"),
            put(f"{BUCKET_REPLICATION}::backups-filestore", f"{RULE}.status", "Disabled"),
            put(f"{BUCKET_REPLICATION}::backups-filestore", f"{RULE}.destination.metrics.status", "Disabled"),
            put(f"{BUCKET_LIFECYCLE}::{FILESTORE}", f"{RULE}.noncurrentVersionExpiration.noncurrentDays", 1),
            put(f"{BUCKET_LIFECYCLE}::{FILESTORE}", f"{RULE}.expiration", {"days": 3}),
            put(f"{BUCKET_OBJECT_LOCK}::{FILESTORE_COPY}", "rule.defaultRetention.days", 1),
            without(STOREFRONT_ROLE, "Attachments"),
            without(STOREFRONT_ROLE, "ListAttachments"),
            denies(STOREFRONT_ROLE, "Attachments"),
            may_not(STOREFRONT_ROLE, "Attachments", "s3:PutObject"),
            without(f"{IAM_ROLE_POLICY}::odoo-background", "Key"),
            delete(f"{POD_IDENTITY_ASSOCIATION}::odoo-storefront"),
        ],
        absent=[
            delete(STOREFRONT_ROLE),
            drop(f"{BUCKET_REPLICATION}::backups-filestore", "rules"),
            drop(f"{BUCKET_LIFECYCLE}::{FILESTORE}", "rules"),
        ],
        unknown=[
            forget(STOREFRONT_CONF, CONF),
            forget(f"{BUCKET_REPLICATION}::backups-filestore", "rules"),
            forget(STOREFRONT_ROLE, "policy"),
        ],
        compliant=[
            may_not(STOREFRONT_ROLE, "Attachments", "s3:AbortMultipartUpload"),
            put(f"{BUCKET_LIFECYCLE}::{FILESTORE}", f"{RULE}.id", "renamed"),
        ],
    ),
    "bk-08": RuleTests(
        on=OWNERS,
        violating=[
            delete(DRILL_JOB),
            delete(DRILL_MANIFEST),
            put(DRILL_JOB, "spec.suspend", True),
            put(DRILL_JOB, "spec.schedule", "0 4 1 1 *"),
            only({"peak"}, put(DRILL_JOB, "spec.schedule", "0 4 1,15 * *")),
            drilled("another lineage", "serverName", "another-v18-1"),
            drilled("another store", "barmanObjectName", "elsewhere"),
            put(DRILL_STORE, "spec.configuration.destinationPath", "s3://somebody-elses/postgresql"),
            put(f"{DRILL_JOB}", f"{DRILL_POD}.containers[0].env[name=DRILL_TIMEOUT_SECONDS].value", "9999999"),
            delete(f"{PROMETHEUS_RULE}::observability"),
        ],
        absent=[
            drop(DRILL_JOB, "spec.schedule"),
            drop(DRILL_MANIFEST, "data"),
        ],
        unknown=[
            forget(DRILL_JOB, "spec.schedule"),
            forget(DRILL_MANIFEST, 'data."cluster.json"'),
            forget(DRILL_STORE, "spec"),
        ],
        compliant=[put(DRILL_JOB, "spec.schedule", "30 3 * * 1"), put(DRILL_JOB, "metadata.annotations.note", "x")],
    ),
    "bk-09": RuleTests(
        on=OWNERS,
        violating=[
            drilled_in_live_namespace(),
            grants(f"{IAM_ROLE_POLICY}::recovery-archive", "s3:PutObject"),
            grants(f"{IAM_ROLE_POLICY}::recovery-archive", "s3:*"),
            put(DRILL_STORE, "spec.retentionPolicy", "1d"),
            put(DRILL_JOB, "spec.jobTemplate.spec.activeDeadlineSeconds", 10**7),
            archiving_drill(),
        ],
        absent=[
            drop(DRILL_JOB, "spec.jobTemplate.spec.ttlSecondsAfterFinished"),
            drop(DRILL_JOB, "spec.jobTemplate.spec.activeDeadlineSeconds"),
        ],
        unknown=[
            forget(DRILL_JOB, "spec.jobTemplate.spec.ttlSecondsAfterFinished"),
            forget(f"{IAM_ROLE_POLICY}::recovery-archive", "policy"),
        ],
        compliant=[put(DRILL_JOB, "spec.jobTemplate.spec.ttlSecondsAfterFinished", 600)],
    ),
    "bk-10": RuleTests(
        on=OWNERS,
        violating=[
            put(POSTGRES_CLUSTER, f"{PLUGIN}.parameters.serverName", ""),
            put(POSTGRES_CLUSTER, f"{PLUGIN}.parameters.serverName", "grand-bazar-db-eu-central-1-v17-1"),
            only({"peak"}, put(POSTGRES_CLUSTER, "spec.replica.self", "another-end")),
        ],
        absent=[drop(POSTGRES_CLUSTER, f"{PLUGIN}.parameters.serverName")],
        unknown=[forget(POSTGRES_CLUSTER, f"{PLUGIN}.parameters.serverName")],
        compliant=[put(POSTGRES_CLUSTER, "spec.inheritedMetadata.annotations.note", "lineage")],
    ),
    "bk-11": RuleTests(
        on={"peak"},
        violating=[
            drop(POSTGRES_CLUSTER, "spec.replica"),
            put(POSTGRES_CLUSTER, "spec.externalClusters", []),
            put(POSTGRES_CLUSTER, "spec.replica.source", "nobody"),
            put(POSTGRES_CLUSTER, "spec.replica.primary", "nobody"),
            put(POSTGRES_CLUSTER, "spec.externalClusters[0].plugin.parameters.serverName", "another-v18-1"),
            delete(f"{OBJECT_STORE}::other-store"),
            without(ARCHIVE_ROLE, "OtherArchive"),
        ],
        absent=[
            drop(POSTGRES_CLUSTER, "spec.replica.self"),
            drop(POSTGRES_CLUSTER, "spec.externalClusters"),
        ],
        unknown=[
            forget(POSTGRES_CLUSTER, "spec.replica"),
            forget(POSTGRES_CLUSTER, "spec.externalClusters"),
        ],
        compliant=[put(f"{OBJECT_STORE}::other-store", "metadata.annotations.note", "west")],
    ),
    "bk-12": RuleTests(
        violating=[
            put(KEY, "multiRegion", False),
            put(KEY, "deletionWindowInDays", 7),
            put(KEY, "isEnabled", False),
            put(f"{KMS_KEY}::copy-key", "deletionWindowInDays", 7),
            delete(KMS_REPLICA_KEY),
            put(KMS_REPLICA_KEY, "region", "eu-central-1"),
            put(KMS_REPLICA_KEY, "deletionWindowInDays", 7),
        ],
        absent=[
            drop(KEY, "multiRegion"),
            fine(drop(KEY, "deletionWindowInDays")),
            drop(KMS_REPLICA_KEY, "region"),
        ],
        unknown=[forget(KEY, "multiRegion"), forget(KEY, "deletionWindowInDays"), forget(KMS_REPLICA_KEY, "region")],
        compliant=[put(KEY, "description", "renamed")],
    ),
    "bk-13": RuleTests(
        on=OWNERS,
        violating=[
            only({"dev", "outlet", "peak"}, put(RETAILER, "restoreGibPerMinute", 0)),
            only({"dev", "outlet", "peak"}, put(RETAILER, "databaseGib", 100000)),
            put(POSTGRES_CLUSTER, "spec.storage.size", "1Gi"),
        ],
        absent=[
            only({"dev", "outlet", "peak"}, drop(RETAILER, "restoreGibPerMinute")),
            drop(POSTGRES_CLUSTER, "spec.storage"),
        ],
        unknown=[
            only({"dev", "outlet", "peak"}, forget(RETAILER, "databaseGib")),
            forget(POSTGRES_CLUSTER, "spec.storage.size"),
        ],
        compliant=[put(RETAILER, "restoreGibPerMinute", 20)],
    ),
    "bk-14": RuleTests(
        on=OWNERS,
        violating=[
            put(POSTGRES_CLUSTER, "spec.backup.barmanObjectStore", {"destinationPath": "s3://x"}),
            put(SCHEDULED_BACKUP, "spec.method", "barmanObjectStore"),
            add(BACKUP, "once", {"metadata": BY_HAND, "spec": {}}, beside=SCHEDULED_BACKUP),
        ],
        absent=[drop(SCHEDULED_BACKUP, "spec.method")],
        unknown=[forget(SCHEDULED_BACKUP, "spec.method"), forget(POSTGRES_CLUSTER, "spec.backup")],
        compliant=[put(SCHEDULED_BACKUP, "spec.online", True)],
    ),
    "bk-15": RuleTests(
        on={"dev", "outlet", "peak", "training"},
        violating=[
            put(SECRETS_MANAGER_SECRET, "replicas", []),
            put(SECRETS_MANAGER_SECRET, "recoveryWindowInDays", 0),
        ],
        absent=[
            drop(SECRETS_MANAGER_SECRET, "replicas"),
            fine(drop(SECRETS_MANAGER_SECRET, "recoveryWindowInDays")),
        ],
        unknown=[
            forget(SECRETS_MANAGER_SECRET, "replicas"),
            forget(SECRETS_MANAGER_SECRET, "recoveryWindowInDays"),
        ],
        compliant=[put(SECRETS_MANAGER_SECRET, "description", "renamed")],
    ),
    "bk-16": RuleTests(
        on={"dev", "outlet", "peak", "training"},
        violating=[
            put(RETAILER, "backupIntervalHours", 48),
            put(RETAILER, "retentionDays", 1),
            put(RETAILER, "drillIntervalDays", 365),
            put(RETAILER, "rpoSeconds", 90000),
            put(RETAILER, "regionRpoSeconds", 90000),
            only({"peak"}, put(RETAILER, "processObjectives[0].rto_seconds", 60)),
        ],
        absent=[drop(RETAILER, "retentionDays"), fine(drop(RETAILER, "processObjectives"))],
        unknown=[forget(RETAILER, "retentionDays"), forget(RETAILER, "processObjectives")],
        compliant=[put(RETAILER, "retentionDays", lambda days: days)],
    ),
    "bk-17": RuleTests(
        on=OWNERS,
        violating=[
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.fsync", "off"),
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.full_page_writes", "off"),
            put(POSTGRES_CLUSTER, f"{PARAMETERS}.synchronous_commit", "local"),
            put(POSTGRES_CLUSTER, "spec.bootstrap.initdb.dataChecksums", False),
            put(POSTGRES_CLUSTER, "spec.storage.storageClass", "gp2"),
            only(PRODUCTION, put(VOLUMES, "reclaimPolicy", "Delete")),
            put(VOLUMES, "volumeBindingMode", "Immediate"),
            put(VOLUMES, "allowVolumeExpansion", False),
            put(VOLUMES, "parameters.encrypted", "false"),
        ],
        absent=[
            drop(POSTGRES_CLUSTER, "spec.walStorage.storageClass"),
            drop(POSTGRES_CLUSTER, "spec.bootstrap.initdb.dataChecksums"),
            drop(VOLUMES, "volumeBindingMode"),
            drop(VOLUMES, "parameters.kmsKeyId"),
            only(PRODUCTION, drop(VOLUMES, "reclaimPolicy")),
        ],
        unknown=[
            forget(POSTGRES_CLUSTER, f"{PARAMETERS}"),
            forget(POSTGRES_CLUSTER, "spec.storage.storageClass"),
            forget(VOLUMES, "volumeBindingMode"),
            fine(forget(VOLUMES, "parameters.kmsKeyId")),
        ],
        compliant=[put(POSTGRES_CLUSTER, f"{PARAMETERS}.synchronous_commit", "remote_apply")],
    ),
    "bk-18": RuleTests(
        on=CLUSTERS,
        violating=[
            put(f"{HELM_RELEASE}::cert-manager", "values.crds.keep", False),
            put(f"{HELM_RELEASE}::keda", KEPT.format("crds.additionalAnnotations"), "delete"),
            put(f"{HELM_RELEASE}::operators-external-secrets", "values.crds.annotations", {}),
        ],
        absent=[
            fine(drop(f"{HELM_RELEASE}::cert-manager", "values.crds.keep")),
            drop(f"{HELM_RELEASE}::keda", "values.crds.additionalAnnotations"),
            drop(f"{HELM_RELEASE}::operators-external-secrets", "values.crds"),
            drop(f"{HELM_RELEASE}::operators-karpenter-crd", "values"),
            drop(f"{HELM_RELEASE}::prometheus-operator-crds", KEPT.format("crds.annotations")),
        ],
        unknown=[
            forget(f"{HELM_RELEASE}::cert-manager", "values.crds.keep"),
            forget(f"{HELM_RELEASE}::keda", "values.crds.additionalAnnotations"),
        ],
        compliant=[
            put(f"{HELM_RELEASE}::keda", "values.crds.additionalAnnotations.note", "kept"),
            drop(f"{HELM_RELEASE}::keda", "values.crds.additionalAnnotations")
            + put(f"{HELM_RELEASE}::keda", KEPT.format("additionalAnnotations"), "keep"),
            put(f"{HELM_RELEASE}::operators-cnpg", "values.crds", {"create": True}),
        ],
    ),
}

test_edits, test_without, test_whole = rules_tested("bk", TESTS)
