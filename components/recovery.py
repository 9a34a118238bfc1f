"""Proof that the backups can be restored: a drill on a schedule, in the cluster, without anybody."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
from pulumi_kubernetes.batch.v1 import CronJob
from pulumi_kubernetes.core.v1 import ConfigMap, ServiceAccount
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from components.database_archive import PLUGIN, archive_policy
from components.database_pods import object_labels, pod_labels
from components.placement import Placement
from components.pod_identity import PodIdentity, PodIdentityArgs
from components.pod_security import container_security, pod_security
from components.postgres import API_VERSION
from retail.naming import Identity, Pool
from retail.objectives import Objectives, WorkloadClass
from retail.plan import DatabasePlan
from retail.versions import POSTGRESQL_IMAGE

NAME = "restore-drill"
TIER = "restore-drill"
SCRIPT = Path(__file__).parent / "files" / "restore_drill.py"
NOBODY = 65534

STORAGE_CLASS = "gp3"
"""The platform's ordinary class: it deletes its volumes. The database's own class would leave one of every drill."""

CLEANUP_SECONDS = 900
"""For removing the scratch cluster before and after, beside the time the restore itself may take."""


@dataclass(frozen=True, kw_only=True)
class RecoveryArgs:
    """cluster_name, server_name, object_store: of the database (components/postgres.py). image: one with Python 3.

    owner: whose job pool the drill runs on. time_zone: IANA name, the retailer's.
    """

    identity: Identity
    objectives: Objectives
    plan: DatabasePlan
    owner: str
    image: str
    time_zone: str
    eks_cluster_name: pulumi.Input[str]
    server_name: str
    object_store: pulumi.Input[str]
    backup_bucket: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str]


class Recovery(pulumi.ComponentResource):
    """A CronJob that restores the archive into a scratch cluster and fails when that takes longer than the promised
    regional RTO.

    The scratch cluster has its own ServiceAccount, whose AWS role reads the archive and writes nothing: archiving is
    off, and could not work (plugin-barman-cloud #606 archives although told not to). The drill's account may create
    clusters, but read and delete only the one of that name. Who may create a cluster chooses its ServiceAccount, so the
    account is worth as much as the database's pods: nothing but this job runs as it. Both run on the job pool, in the
    class that gives way first.

    Example:
        Recovery("recovery", RecoveryArgs(identity=identity, objectives=objectives, plan=plan.database,
            owner=identity.retailer, image=settings.image, time_zone=settings.time_zone,
            eks_cluster_name=access.cluster_name, server_name=postgres.server_name, object_store=postgres.object_store,
            backup_bucket=backups.backup_bucket, kms_key_arn=key.key_arn))
    """

    cron_job: pulumi.Output[str]

    def __init__(self, name: str, args: RecoveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:recovery:Recovery", name, {"intervalDays": args.objectives.drill_interval_days}, opts)
        child = pulumi.ResourceOptions(parent=self)
        identity = args.identity
        labels = object_labels(identity, TIER, WorkloadClass.DEFERRABLE)
        metadata = {"name": NAME, "namespace": identity.namespace, "labels": labels}
        scratch = scratch_cluster_name(identity)
        reader = PodIdentity(
            f"{name}-identity",
            PodIdentityArgs(
                role_name=identity.iam(NAME),
                cluster_name=args.eks_cluster_name,
                namespace=identity.namespace,
                service_account=scratch,
                policy=archive_policy(args.backup_bucket, args.kms_key_arn, write=False),
            ),
            opts=child,
        )
        restored = ServiceAccount(
            f"{name}-scratch-account",
            metadata={**metadata, "name": scratch},
            # The instance manager works through the Kubernetes API, and the operator's pods don't ask for a token.
            automount_service_account_token=True,
            opts=child,
        )
        account = ServiceAccount(
            f"{name}-account", metadata=metadata, automount_service_account_token=False, opts=child
        )
        clusters = {"apiGroups": ["postgresql.cnpg.io"], "resources": ["clusters"]}
        role = Role(
            f"{name}-role",
            metadata=metadata,
            # A create request has no name that a rule could be held to.
            rules=[
                {**clusters, "verbs": ["create"]},
                {**clusters, "resourceNames": [scratch], "verbs": ["get", "delete"]},
            ],
            opts=child,
        )
        RoleBinding(
            f"{name}-binding",
            metadata=metadata,
            role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role.metadata["name"]},
            subjects=[{"kind": "ServiceAccount", "name": account.metadata["name"], "namespace": identity.namespace}],
            opts=child,
        )
        files = ConfigMap(
            f"{name}-files",
            metadata=metadata,
            data={
                "restore_drill.py": SCRIPT.read_text(encoding="utf-8"),
                "cluster.json": pulumi.Output.json_dumps(_scratch_cluster(args, restored), indent=2),
            },
            opts=child,
        )
        job = CronJob(
            f"{name}-job",
            metadata=metadata,
            spec={
                "schedule": drill_schedule(args.objectives.drill_interval_days),
                "timeZone": args.time_zone,
                "concurrencyPolicy": "Forbid",
                "startingDeadlineSeconds": 3600,
                "successfulJobsHistoryLimit": 3,
                "failedJobsHistoryLimit": 3,
                "jobTemplate": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "backoffLimit": 0,
                        "activeDeadlineSeconds": args.objectives.region_rto_seconds + CLEANUP_SECONDS,
                        "template": {"metadata": {"labels": labels}, "spec": _pod(args, account, files)},
                    },
                },
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[reader]),
        )
        self.cron_job = job.metadata["name"]
        self.register_outputs({"cron_job": self.cron_job})


def scratch_cluster_name(identity: Identity) -> str:
    """The CNPG Cluster a drill creates, and its ServiceAccount."""
    return f"{identity.retailer}-drill"


def drill_schedule(interval_days: int) -> str:
    """Five-field cron, at night: every Sunday, on the first of every month, or of every third."""
    if interval_days < 28:
        return "0 4 * * 0"
    return "0 4 1 * *" if interval_days < 90 else "0 4 1 */3 *"


def _scratch_cluster(args: RecoveryArgs, account: ServiceAccount) -> dict[str, Any]:
    """The Cluster that the drill creates; PostgreSQL's own settings come back with the backup where they matter."""
    identity = args.identity
    placement = Placement(Pool.JOBS, args.owner)
    return {
        "apiVersion": API_VERSION,
        "kind": "Cluster",
        "metadata": {
            "name": scratch_cluster_name(identity),
            "namespace": identity.namespace,
            "labels": object_labels(identity, TIER, WorkloadClass.DEFERRABLE),
            "annotations": {"cnpg.io/skipWalArchiving": "enabled"},
        },
        "spec": {
            "imageName": POSTGRESQL_IMAGE,
            "instances": 1,
            "serviceAccountName": account.metadata["name"],
            "enablePDB": False,
            "enableSuperuserAccess": False,
            "priorityClassName": str(WorkloadClass.DEFERRABLE),
            "inheritedMetadata": {"labels": pod_labels(identity, TIER, WorkloadClass.DEFERRABLE)},
            "affinity": placement.pod_fields(),
            "resources": {"requests": {"cpu": "1", "memory": "4Gi"}, "limits": {"memory": "4Gi"}},
            "storage": {"size": f"{args.plan.storage_gib}Gi", "storageClass": STORAGE_CLASS},
            "postgresql": {"parameters": {"shared_buffers": "1GB"}},
            "bootstrap": {"recovery": {"source": "archive"}},
            "externalClusters": [
                {
                    "name": "archive",
                    "plugin": {
                        "name": PLUGIN,
                        "parameters": {"barmanObjectName": args.object_store, "serverName": args.server_name},
                    },
                }
            ],
        },
    }


def _pod(args: RecoveryArgs, account: ServiceAccount, files: ConfigMap) -> dict[str, Any]:
    return {
        "serviceAccountName": account.metadata["name"],
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "priorityClassName": str(WorkloadClass.DEFERRABLE),
        "terminationGracePeriodSeconds": 330,
        "securityContext": pod_security(user=NOBODY, group=NOBODY),
        **Placement(Pool.JOBS, args.owner).pod_fields(),
        "containers": [
            {
                "name": "drill",
                "image": args.image,
                "command": ["python3", "-u", "/drill/restore_drill.py"],
                "env": [
                    {"name": "DRILL_MANIFEST", "value": "/drill/cluster.json"},
                    {"name": "DRILL_TIMEOUT_SECONDS", "value": str(args.objectives.region_rto_seconds)},
                ],
                "securityContext": container_security(),
                "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                "volumeMounts": [{"name": "files", "mountPath": "/drill", "readOnly": True}],
            }
        ],
        "volumes": [{"name": "files", "configMap": {"name": files.metadata["name"]}}],
    }
