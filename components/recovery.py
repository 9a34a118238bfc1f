"""Proof that the backups can be restored: a drill on a schedule, in the cluster, without anybody."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.batch.v1 import CronJob
from pulumi_kubernetes.core.v1 import ConfigMap, ServiceAccount
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding
from pulumi_kubernetes.storage.v1 import StorageClass

from components.closed_namespace import ClosedNamespace, ClosedNamespaceArgs
from components.database_archive import archive_location, archive_policy
from components.database_pods import object_labels
from components.database_volumes import volume_tags
from components.drill_network import drill_policies
from components.pod_identity import PodIdentity, PodIdentityArgs
from components.pod_scripts.restore_drill.metrics import PORT
from components.quota import drill_quotas
from components.restore_drill_pod import DrillPod, drill_seconds
from components.scratch_cluster import PLUGIN_CPU_MILLIS, PLUGIN_MEMORY_MIB, ScratchCluster, scratch_cluster_name
from components.tier_role import Filestore, filestore_reading_policy
from retail.naming import Identity
from retail.objectives import Objectives, WorkloadClass
from retail.plan import DatabasePlan

NAME = "restore-drill"
SCRIPTS = Path(__file__).parent / "pod_scripts" / "restore_drill"

TIME_TO_LIVE_SECONDS = 7200
"""Of a finished job: Kubernetes removes it then, and with it the scratch cluster, whose owner it is, should the drill
have been killed before it could."""


@dataclass(frozen=True, kw_only=True)
class RecoveryArgs:
    """server_name, backup_bucket, kms_key_arn: of the database (components/postgres.py). image: the retailer's Odoo.

    owner: whose job pool the drill runs on. time_zone: IANA name, the retailer's. api_cidrs: see Neighbours.
    filestore: whose attachments are compared with the database; None where several retailers' are in it (a platform),
    whose attachments the platform can't read.
    """

    identity: Identity
    objectives: Objectives
    plan: DatabasePlan
    owner: str
    image: str
    time_zone: str
    eks_cluster_name: pulumi.Input[str]
    server_name: str
    backup_bucket: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str]
    api_cidrs: tuple[str, ...]
    filestore: Filestore | None


class Recovery(pulumi.ComponentResource):
    """A CronJob that restores the archive into a scratch cluster, looks into it, and fails when anything is not as
    promised: longer than the regional RTO, older than the regional RPO, no Odoo, attachments that don't fit.

    All of it is in a namespace of its own. Who may create a CNPG Cluster chooses its ServiceAccount and its superuser,
    so such an account must not stand beside a live database. There the scratch cluster's account reads the archive and
    writes nothing: archiving is off, and could not work (plugin-barman-cloud #606 archives although told not to). No
    way leads from there to the live database, nor from its pods to there. Volumes are under the retailer's key, and go
    with the cluster. Both run on the job pool, in the class that gives way first.

    What it doesn't prove: that Odoo starts on the data, and that the copies in the other region and account can be
    read (a person does that, with that account's credentials).

    Example:
        Recovery("recovery", RecoveryArgs(identity=identity, objectives=objectives, plan=plan.database,
            owner=identity.retailer, image=settings.image, time_zone=settings.time_zone,
            eks_cluster_name=access.cluster_name, server_name=postgres.server_name,
            backup_bucket=backups.backup_bucket, kms_key_arn=key.key_arn, api_cidrs=("10.20.240.0/28",),
            filestore=None))
    """

    cron_job: pulumi.Output[str]

    def __init__(self, name: str, args: RecoveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:recovery:Recovery", name, {"intervalDays": args.objectives.drill_interval_days}, opts)
        self._name, self._args = name, args
        identity = args.identity
        self._labels = object_labels(identity, NAME, WorkloadClass.DEFERRABLE)
        room = ClosedNamespace(
            name,
            ClosedNamespaceArgs(
                identity=identity,
                namespace=identity.drill_namespace,
                component=NAME,
                quotas=drill_quotas(args.plan),
                policies=drill_policies(NAME, PORT, args.api_cidrs, attachments=args.filestore is not None),
                labels={},
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self._child = pulumi.ResourceOptions(parent=self, depends_on=[room])
        scratch, needed = self._scratch()
        pod = DrillPod(
            identity=identity,
            objectives=args.objectives,
            owner=args.owner,
            image=args.image,
            name=NAME,
            # A platform's database is home to several; each that has Odoo in it is looked into.
            database=identity.database if args.filestore else "",
            filestore=args.filestore,
        )
        account = self._account(scratch.name)
        if args.filestore is not None:
            needed.append(self._pod_identity("attachments", NAME, filestore_reading_policy(identity, args.filestore)))
        files = self._config_map(
            "files", {file.name: file.read_text(encoding="utf-8") for file in sorted(SCRIPTS.glob("*.py"))}
        )
        manifest = self._config_map("manifest", {"cluster.json": json.dumps(scratch.manifest(), indent=2)})
        job = CronJob(
            f"{name}-job",
            metadata=self._metadata(NAME),
            spec={
                "schedule": drill_schedule(args.objectives.drill_interval_days),
                "timeZone": args.time_zone,
                "concurrencyPolicy": "Forbid",
                "startingDeadlineSeconds": 3600,
                "successfulJobsHistoryLimit": 3,
                "failedJobsHistoryLimit": 3,
                "jobTemplate": {
                    "metadata": {"labels": self._labels},
                    "spec": {
                        "backoffLimit": 0,
                        "activeDeadlineSeconds": drill_seconds(args.objectives),
                        "ttlSecondsAfterFinished": TIME_TO_LIVE_SECONDS,
                        "template": {"metadata": {"labels": self._labels}, "spec": pod.spec(account, files, manifest)},
                    },
                },
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[room, *needed]),
        )
        CustomResource(
            f"{name}-monitor",
            api_version="monitoring.coreos.com/v1",
            kind="PodMonitor",
            metadata=self._metadata(NAME),
            spec={
                "selector": {"matchLabels": {"app.kubernetes.io/name": NAME}},
                "podMetricsEndpoints": [{"port": "metrics", "interval": "30s"}],
            },
            opts=self._child,
        )
        self.cron_job = job.metadata["name"]
        self.register_outputs({"cron_job": self.cron_job})

    def _metadata(self, name: str) -> dict[str, Any]:
        return {"name": name, "namespace": self._args.identity.drill_namespace, "labels": self._labels}

    def _config_map(self, what: str, data: dict[str, Any]) -> pulumi.Output[str]:
        made = ConfigMap(f"{self._name}-{what}", metadata=self._metadata(f"{NAME}-{what}"), data=data, opts=self._child)
        name: pulumi.Output[str] = made.metadata["name"]
        return name

    def _pod_identity(self, what: str, account: str, policy: pulumi.Output[str]) -> PodIdentity:
        identity = self._args.identity
        return PodIdentity(
            f"{self._name}-{what}",
            PodIdentityArgs(
                role_name=identity.iam(f"drill-{what}"),
                cluster_name=self._args.eks_cluster_name,
                namespace=identity.drill_namespace,
                service_account=account,
                policy=policy,
            ),
            opts=self._child,
        )

    def _scratch(self) -> tuple[ScratchCluster, list[pulumi.Resource]]:
        """The scratch cluster, and what must be there before it: an account, a way to the archive, volumes.

        Names in it are plain, so that a preview shows all of it.
        """
        args, identity = self._args, self._args.identity
        name = scratch_cluster_name(identity)
        storage_class = f"gp3-{identity.drill_namespace}"
        reader = self._pod_identity("archive", name, archive_policy(identity, args.backup_bucket, write=False))
        account = ServiceAccount(
            f"{self._name}-scratch-account",
            metadata=self._metadata(name),
            # The instance manager works through the Kubernetes API, and the operator's pods don't ask for a token.
            automount_service_account_token=True,
            opts=self._child,
        )
        store = CustomResource(
            f"{self._name}-store",
            api_version="barmancloud.cnpg.io/v1",
            kind="ObjectStore",
            metadata=self._metadata(name),
            # No retention policy: that is the live database's to keep.
            spec={
                "configuration": archive_location(args.backup_bucket),
                "instanceSidecarConfiguration": {
                    "resources": {
                        "requests": {"cpu": f"{PLUGIN_CPU_MILLIS}m", "memory": f"{PLUGIN_MEMORY_MIB}Mi"},
                        "limits": {"memory": f"{PLUGIN_MEMORY_MIB}Mi"},
                    }
                },
            },
            opts=self._child,
        )
        volumes = StorageClass(
            f"{self._name}-volumes",
            metadata={"name": storage_class, "labels": identity.labels(NAME)},
            provisioner="ebs.csi.aws.com",
            parameters={
                "type": "gp3",
                "encrypted": "true",
                "kmsKeyId": args.kms_key_arn,
                "csi.storage.k8s.io/fstype": "ext4",
                **volume_tags(identity),
            },
            # The database's own class would leave a volume of every drill.
            reclaim_policy="Delete",
            volume_binding_mode="WaitForFirstConsumer",
            opts=pulumi.ResourceOptions(parent=self),
        )
        scratch = ScratchCluster(
            identity=identity,
            plan=args.plan,
            owner=args.owner,
            storage_class=storage_class,
            server_name=args.server_name,
        )
        return scratch, [reader, account, store, volumes]

    def _account(self, scratch: str) -> pulumi.Output[str]:
        """The drill's ServiceAccount: it makes one cluster, reads that cluster's password, and deletes it."""
        account = ServiceAccount(
            f"{self._name}-account",
            metadata=self._metadata(NAME),
            automount_service_account_token=False,
            opts=self._child,
        )
        clusters = {"apiGroups": ["postgresql.cnpg.io"], "resources": ["clusters"]}
        role = Role(
            f"{self._name}-role",
            metadata=self._metadata(NAME),
            # A create request has no name that a rule could be held to.
            rules=[
                {**clusters, "verbs": ["create"]},
                {**clusters, "resourceNames": [scratch], "verbs": ["get", "delete"]},
                {
                    "apiGroups": [""],
                    "resources": ["secrets"],
                    "resourceNames": [f"{scratch}-superuser"],
                    "verbs": ["get"],
                },
            ],
            opts=self._child,
        )
        RoleBinding(
            f"{self._name}-binding",
            metadata={**self._metadata(NAME), "annotations": self._args.identity.review()},
            role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role.metadata["name"]},
            subjects=[
                {
                    "kind": "ServiceAccount",
                    "name": account.metadata["name"],
                    "namespace": self._args.identity.drill_namespace,
                }
            ],
            opts=self._child,
        )
        name: pulumi.Output[str] = account.metadata["name"]
        return name


def drill_schedule(interval_days: int) -> str:
    """Five-field cron, at night: every Sunday, on the first of every month, or of every third."""
    if interval_days < 28:
        return "0 4 * * 0"
    return "0 4 1 * *" if interval_days < 90 else "0 4 1 */3 *"
