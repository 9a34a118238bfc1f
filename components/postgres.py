"""A retailer's PostgreSQL, or a platform's: a CloudNativePG cluster with its poolers, archive, backups and metrics."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.database_archive import PLUGIN, DatabaseArchive, DatabaseArchiveArgs, cluster_name, object_store_name
from components.database_pods import data_nodes, object_labels, pod_labels
from components.database_topology import OtherRegion, server_name, topology
from components.database_volumes import DatabaseVolumes, DatabaseVolumesArgs
from components.placement import ZONE
from components.pooler import INTEGRATION_POOLER, Pooler, PoolerArgs
from components.postgres_bootstrap import bootstrap
from components.postgres_parameters import postgres_parameters
from components.postgres_queries import EVERY_DATABASE, QUERIES_KEY, PostgresQueries, PostgresQueriesArgs
from components.postgres_roles import (
    access_rules,
    managed_roles,
    platform_access_rules,
    platform_roles,
)
from components.postgres_timing import backup_schedule, failover_delays
from retail.naming import Identity
from retail.objectives import Objectives, WorkloadClass
from retail.plan import DatabasePlan
from retail.versions import POSTGRESQL_IMAGE

API_VERSION = "postgresql.cnpg.io/v1"

RESERVED_ROLE_PREFIXES = ("pg_", "cnpg_")
"""Role names that PostgreSQL and CloudNativePG keep for themselves; the operator's webhook refuses them."""


@dataclass(frozen=True, kw_only=True)
class PostgresArgs:
    """owner: whose data pool the pods run on. eks_cluster_name: for Pod Identity.

    shared: whether retailers of other stacks have their databases in it, and it has none of Odoo's of its own.
    supervised: whether a person begins the switchover that ends a rolling update; for production.
    other: where the database has an end in another region, or will have one (components/database_topology.py).
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
    shared: bool = False
    supervised: bool = False
    other: OtherRegion | None = None
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
        if self.other:
            details += [{"property_path": "other", "reason": reason} for reason in self.other.mistakes(self.identity)]
        if details:
            joined = "; ".join(f"{error['property_path']}: {error['reason']}" for error in details)
            raise pulumi.InputPropertiesError(f"PostgresArgs: {joined}", details)


class Postgres(pulumi.ComponentResource):
    """Three instances in three zones where the objectives ask for it, sized for the peak in both seasons.

    Required zone anti-affinity (the operator prefers, and by host, unless told otherwise); for gold every commit waits
    for one standby and only a standby that has all of them is promoted: RPO 0 for one lost zone, and writes stop rather
    than go on without a copy. With two zones lost a person must promote. Roles are reset to this declaration by the
    operator. It is enabled with its archive from the start: adding the plugin to a live cluster can dead-lock its
    switchover (cloudnative-pg #10981). In production a person begins the switchover that ends an update; an alert asks.

    With `other` it is one end of a database over two regions: the end that follows holds what the leading one has
    archived, at most `archive_timeout` ago (regional RPO), has the same roles, and takes over with one change at both.

    Integration has poolers of its own: what a connector's storm can take is their few server connections.

    Bronze has one instance, and gives up what two more would be for: its node's or zone's end, and every update, stops
    the database until its pod is back on its volume; only the archive is a second copy; reports read the primary.

    The first start needs the Secrets of its roles (components/secrets.py). The operator's own Secret `<cluster>-app` is
    nobody's key: the owner that it names may not log in.

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
    integration_host: pulumi.Output[str]

    def __init__(self, name: str, args: PostgresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:database:Postgres",
            name,
            {
                "instances": args.plan.instances,
                "synchronous": args.objectives.synchronous,
                "shared": args.shared,
            },
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
                eks_cluster_name=args.eks_cluster_name,
                bucket=args.backup_bucket,
                other_region=args.other.region if args.other else None,
            ),
            opts=child,
        )
        volumes = DatabaseVolumes(
            f"{name}-volumes",
            DatabaseVolumesArgs(identity=identity, plan=args.plan, kms_key_arn=args.kms_key_arn),
            opts=child,
        )
        queries = PostgresQueries(
            f"{name}-queries",
            PostgresQueriesArgs(
                identity=identity,
                config_map=f"{cluster}-queries",
                databases=EVERY_DATABASE if args.shared else identity.database,
            ),
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
            spec=_cluster(args, volumes, queries, self.server_name),
            opts=pulumi.ResourceOptions(
                parent=self, protect=True, retain_on_delete=True, depends_on=[archive, volumes, queries]
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
            PoolerArgs(identity=identity, plan=args.plan.pooler, cluster=cluster, owner=args.owner),
            opts=after,
        )
        integration = Pooler(
            f"{name}-integration",
            PoolerArgs(
                identity=identity,
                plan=args.plan.integration,
                cluster=cluster,
                owner=args.owner,
                tier=INTEGRATION_POOLER,
                workload_class=WorkloadClass.IMPORTANT,
            ),
            opts=after,
        )
        suffix = f"{identity.namespace}.svc"
        self.cluster_name = resource.metadata["name"]
        self.object_store = archive.object_store
        # Of the plain name: a preview, and whoever judges it, then sees where every tier connects to.
        self.direct_host = pulumi.Output.from_input(f"{cluster}-rw.{suffix}")
        self.read_only_host = pulumi.Output.from_input(f"{cluster}-ro.{suffix}")
        self.pooler_host = pulumi.Output.from_input(f"{pooler.service}.{suffix}")
        self.integration_host = pulumi.Output.from_input(f"{integration.service}.{suffix}")
        self.register_outputs(
            {
                "cluster_name": self.cluster_name,
                "server_name": self.server_name,
                "object_store": self.object_store,
                "direct_host": self.direct_host,
                "read_only_host": self.read_only_host,
                "pooler_host": self.pooler_host,
                "integration_host": self.integration_host,
            }
        )


def _cluster(args: PostgresArgs, volumes: DatabaseVolumes, queries: PostgresQueries, server: str) -> dict[str, Any]:
    """`spec` of the Cluster."""
    plan, identity = args.plan, args.identity
    several = plan.instances > 1
    nodes = data_nodes(args.owner)
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
        "postgresql": _postgresql(args),
        "bootstrap": bootstrap(identity, shared=args.shared, other=args.other),
        **(topology(identity, args.lineage, args.other) if args.other else {}),
        "managed": {"roles": platform_roles(identity) if args.shared else managed_roles(identity, plan.budget)},
        "monitoring": {"customQueriesConfigMap": [{"name": queries.name, "key": QUERIES_KEY}]},
        **failover_delays(args.objectives.rto_seconds),
        # A primary that sees neither the API server nor another instance stops itself; 1 s is too short under load.
        "probes": {
            "liveness": {"isolationCheck": {"enabled": True, "requestTimeout": 3000, "connectionTimeout": 3000}}
        },
        # The same in both seasons, as all of the database is. A single instance can't be supervised.
        "primaryUpdateStrategy": "supervised" if several and args.supervised else "unsupervised",
        "primaryUpdateMethod": "switchover" if several else "restart",
        # The budget of a single instance would block every drain of its node for ever.
        "enablePDB": several,
        "plugins": [
            {
                "name": PLUGIN,
                "enabled": True,
                "isWALArchiver": True,
                "parameters": {"barmanObjectName": object_store_name(identity), "serverName": server},
            }
        ],
    }


def _postgresql(args: PostgresArgs) -> dict[str, Any]:
    """Settings, access rules and how commits are replicated."""
    postgresql: dict[str, Any] = {
        "parameters": postgres_parameters(args.plan, args.objectives),
        "pg_hba": platform_access_rules() if args.shared else access_rules(args.identity),
    }
    if args.objectives.synchronous:
        postgresql["synchronous"] = {
            "method": "any",
            "number": 1,
            "dataDurability": "required",
            "failoverQuorum": True,
        }
    return postgresql
