"""A retailer's PostgreSQL, or a platform's: a CloudNativePG cluster with its poolers, archive, backups and metrics."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.database_archive import PLUGIN, DatabaseArchive, DatabaseArchiveArgs
from components.database_pods import data_nodes, object_labels, pod_labels
from components.database_volumes import DatabaseVolumes, DatabaseVolumesArgs
from components.placement import ZONE
from components.pooler import Pooler, PoolerArgs
from components.postgres_parameters import access_rules, postgres_parameters
from components.secrets import DATABASE_APP, DATABASE_READONLY, readonly_role
from retail.database_sizing import DRILL_CONNECTIONS, KEDA_CONNECTIONS
from retail.naming import Identity
from retail.objectives import Objectives, WorkloadClass
from retail.plan import DatabasePlan
from retail.versions import POSTGRESQL, POSTGRESQL_IMAGE

API_VERSION = "postgresql.cnpg.io/v1"

RESERVED_ROLE_PREFIXES = ("pg_", "cnpg_")
"""Role names that PostgreSQL and CloudNativePG keep for themselves; the operator's webhook refuses them."""

FIRST_BACKUP_HOUR = 2
"""UTC. Base backups come from a standby, and at night where there is one a day."""


@dataclass(frozen=True, kw_only=True)
class PostgresArgs:
    """owner: whose data pool the pods run on. eks_cluster_name: for Pod Identity.

    lineage: raised by one for a cluster that is built anew from a backup. The archive of a server name holds one
    history, and a second cluster that writes to it finds it not empty and archives nothing, while it looks healthy.
    """

    identity: Identity
    plan: DatabasePlan
    objectives: Objectives
    owner: str
    eks_cluster_name: pulumi.Input[str]
    backup_bucket: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str]
    lineage: int = 1

    def __post_init__(self) -> None:
        details: list[pulumi.InputPropertyErrorDetails] = []
        if self.identity.database.startswith(RESERVED_ROLE_PREFIXES):
            prefixes = " or ".join(RESERVED_ROLE_PREFIXES)
            reason = f"{self.identity.retailer!r} gives a role that begins with {prefixes}, which are reserved"
            details.append({"property_path": "identity", "reason": reason})
        if self.objectives.synchronous and self.plan.instances < 3:
            reason = f"{self.plan.instances} instances can't commit synchronously and lose one: at least 3"
            details.append({"property_path": "plan", "reason": reason})
        if self.lineage < 1:
            details.append({"property_path": "lineage", "reason": f"counts from 1; given {self.lineage}"})
        if details:
            joined = "; ".join(f"{error['property_path']}: {error['reason']}" for error in details)
            raise pulumi.InputPropertiesError(f"PostgresArgs: {joined}", details)


class Postgres(pulumi.ComponentResource):
    """Three instances in three zones where the objectives ask for it, sized for the peak in both seasons.

    Required zone anti-affinity (the operator prefers, and by host, unless told otherwise); for gold every commit waits
    for one standby and only a standby that has all of them is promoted: RPO 0 for one lost zone, and writes stop rather
    than go on without a copy. With two zones lost a person must promote. Roles are reset to this declaration by the
    operator. It is enabled with its archive from the start: adding the plugin to a live cluster can dead-lock its
    switchover (cloudnative-pg #10981).

    The first start needs the Secrets `database-app` and `database-readonly` (components/secrets.py).

    Example:
        Postgres("database", PostgresArgs(identity=identity, plan=plan.database, objectives=plan.objectives,
            owner=identity.retailer, eks_cluster_name=access.cluster_name, backup_bucket=backups.backup_bucket,
            kms_key_arn=key.key_arn), opts=pulumi.ResourceOptions(parent=self, depends_on=[secrets]))
    """

    cluster_name: pulumi.Output[str]
    server_name: str
    object_store: pulumi.Output[str]
    direct_host: pulumi.Output[str]
    read_only_host: pulumi.Output[str]
    pooler_host: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:database:Postgres",
            name,
            {"instances": args.plan.instances, "synchronous": args.objectives.synchronous},
            opts,
        )
        child = pulumi.ResourceOptions(parent=self)
        identity = args.identity
        cluster = cluster_name(identity)
        self.server_name = server_name(identity, args.lineage)
        archive = DatabaseArchive(
            f"{name}-archive",
            DatabaseArchiveArgs(
                identity=identity,
                objectives=args.objectives,
                cluster=cluster,
                eks_cluster_name=args.eks_cluster_name,
                bucket=args.backup_bucket,
                kms_key_arn=args.kms_key_arn,
            ),
            opts=child,
        )
        volumes = DatabaseVolumes(
            f"{name}-volumes",
            DatabaseVolumesArgs(identity=identity, plan=args.plan, kms_key_arn=args.kms_key_arn),
            opts=child,
        )
        metadata = {
            "name": cluster,
            "namespace": identity.namespace,
            "labels": object_labels(identity, "database", WorkloadClass.CRITICAL),
        }
        resource = CustomResource(
            f"{name}-cluster",
            api_version=API_VERSION,
            kind="Cluster",
            metadata=metadata,
            spec=_cluster(args, volumes, archive, self.server_name),
            opts=pulumi.ResourceOptions(
                parent=self, protect=True, retain_on_delete=True, depends_on=[archive, volumes]
            ),
        )
        after = pulumi.ResourceOptions(parent=self, depends_on=[resource])
        CustomResource(
            f"{name}-backups",
            api_version=API_VERSION,
            kind="ScheduledBackup",
            metadata=metadata,
            spec={
                "cluster": {"name": cluster},
                "method": "plugin",
                "pluginConfiguration": {"name": PLUGIN},
                "schedule": backup_schedule(args.objectives.backup_interval_hours),
                "immediate": True,
                "target": "prefer-standby",
                "backupOwnerReference": "self",
            },
            opts=after,
        )
        CustomResource(
            f"{name}-metrics",
            api_version="monitoring.coreos.com/v1",
            kind="PodMonitor",
            metadata=metadata,
            spec={
                "selector": {"matchLabels": {"cnpg.io/cluster": cluster, "cnpg.io/podRole": "instance"}},
                "podMetricsEndpoints": [{"port": "metrics"}],
            },
            opts=child,
        )
        pooler = Pooler(
            f"{name}-pooler",
            PoolerArgs(identity=identity, plan=args.plan, cluster=cluster, owner=args.owner),
            opts=after,
        )
        suffix = f"{identity.namespace}.svc"
        self.cluster_name = resource.metadata["name"]
        self.object_store = archive.object_store
        self.direct_host = pulumi.Output.concat(self.cluster_name, f"-rw.{suffix}")
        self.read_only_host = pulumi.Output.concat(self.cluster_name, f"-ro.{suffix}")
        self.pooler_host = pulumi.Output.from_input(f"{pooler.service}.{suffix}")
        self.register_outputs(
            {
                "cluster_name": self.cluster_name,
                "server_name": self.server_name,
                "object_store": self.object_store,
                "direct_host": self.direct_host,
                "read_only_host": self.read_only_host,
                "pooler_host": self.pooler_host,
            }
        )


def cluster_name(identity: Identity) -> str:
    """The CNPG Cluster's name, which those of its Services and ServiceAccount begin with."""
    return f"{identity.retailer}-db"


def server_name(identity: Identity, lineage: int) -> str:
    """The archive's folder: of one major version and one lineage, because neither can go on in the other's history."""
    return f"{cluster_name(identity)}-v{POSTGRESQL.split('.')[0]}-{lineage}"


def backup_schedule(interval_hours: int) -> str:
    """Six-field cron, seconds first (CloudNativePG's own form), in UTC."""
    hours = range(FIRST_BACKUP_HOUR, 24, interval_hours)
    return f"0 0 {','.join(str(hour) for hour in hours)} * * *"


def shutdown_delays(rto_seconds: int) -> dict[str, int]:
    """How long a switchover, and a stop before it, may take: half of the RTO, the rest is detection and promotion.

    The operator's own 3600 s would hold a switchover for an hour on a primary that can't ship its WAL. Five minutes at
    most: a stop that takes longer is stuck. Smart shutdown waits for clients, and poolers never leave by themselves.
    """
    delay = min(300, max(30, rto_seconds // 2))
    return {"switchoverDelay": delay, "stopDelay": delay, "smartShutdownTimeout": delay // 4}


def _cluster(args: PostgresArgs, volumes: DatabaseVolumes, archive: DatabaseArchive, server: str) -> dict[str, Any]:
    """`spec` of the Cluster."""
    plan, identity = args.plan, args.identity
    several = plan.instances > 1
    nodes = data_nodes(args.owner)
    postgresql: dict[str, Any] = {
        "parameters": postgres_parameters(plan, args.objectives),
        "pg_hba": access_rules(identity.database, readonly_role(identity)),
    }
    if args.objectives.synchronous:
        postgresql["synchronous"] = {
            "method": "any",
            "number": 1,
            "dataDurability": "required",
            "failoverQuorum": True,
        }
    return {
        "imageName": POSTGRESQL_IMAGE,
        "instances": plan.instances,
        "enableSuperuserAccess": False,
        "priorityClassName": str(WorkloadClass.CRITICAL),
        "inheritedMetadata": {"labels": pod_labels(identity, "database", WorkloadClass.CRITICAL)},
        "affinity": {
            "enablePodAntiAffinity": True,
            "podAntiAffinityType": "required",
            "topologyKey": ZONE,
            **nodes,
        },
        # No CPU limit: throttled, a primary misses its lease. Memory request and limit are equal, so that the kernel
        # never takes memory from it that the scheduler promised.
        "resources": {
            "requests": {"cpu": f"{plan.cpu_millis}m", "memory": f"{plan.memory_mib}Mi"},
            "limits": {"memory": f"{plan.memory_mib}Mi"},
        },
        "storage": {"size": f"{plan.storage_gib}Gi", "storageClass": volumes.data_class},
        "walStorage": {"size": f"{plan.wal_storage_gib}Gi", "storageClass": volumes.wal_class},
        "postgresql": postgresql,
        "bootstrap": {
            "initdb": {
                "database": identity.database,
                "owner": identity.database,
                "secret": {"name": DATABASE_APP},
                "encoding": "UTF8",
                "dataChecksums": True,
            }
        },
        "managed": {
            "roles": [
                {
                    "name": readonly_role(identity),
                    "ensure": "present",
                    "comment": "Reports on the standbys, KEDA's queue query",
                    "login": True,
                    "superuser": False,
                    "inRoles": ["pg_read_all_data"],
                    "connectionLimit": KEDA_CONNECTIONS + DRILL_CONNECTIONS,
                    "passwordSecret": {"name": DATABASE_READONLY},
                }
            ]
        },
        **shutdown_delays(args.objectives.rto_seconds),
        # A primary that sees neither the API server nor another instance stops itself; 1 s is too short under load.
        "probes": {
            "liveness": {"isolationCheck": {"enabled": True, "requestTimeout": 3000, "connectionTimeout": 3000}}
        },
        "primaryUpdateStrategy": "unsupervised",
        "primaryUpdateMethod": "switchover" if several else "restart",
        # The budget of a single instance would block every drain of its node for ever.
        "enablePDB": several,
        "plugins": [
            {
                "name": PLUGIN,
                "enabled": True,
                "isWALArchiver": True,
                "parameters": {"barmanObjectName": archive.object_store, "serverName": server},
            }
        ],
    }
