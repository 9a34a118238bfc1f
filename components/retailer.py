"""One retailer on a cluster: its Odoo, on the foundation that its hosting gives it."""

from dataclasses import dataclass
from typing import TypeVar

import pulumi

from components.autoscaling import Autoscaling, AutoscalingArgs
from components.contract import contract
from components.database_archive import cluster_name
from components.foundation import Foundation, FoundationArgs
from components.odoo import Odoo, OdooArgs
from components.postgres import Postgres
from components.redis import Redis, RedisArgs
from components.rotation import Rotation, RotationArgs, SharedCopy
from components.routes import Routes, RoutesArgs
from components.secrets import DATABASE_APP, DATABASE_KEDA
from components.shared_database import SharedDatabaseTenant, SharedDatabaseTenantArgs, password_copy
from components.traefik import NAME as EDGE
from retail.rotation import rotation_schedule
from retail.settings import Hosting

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RetailerArgs(FoundationArgs):
    """What the foundation needs is all that a retailer needs; a shared one also its platform's database."""

    def __post_init__(self) -> None:
        if self.plan.settings.hosting is Hosting.SHARED and self.access.shared_database is None:
            reason = "must name the platform's database where hosting is shared"
            raise pulumi.InputPropertiesError(
                f"RetailerArgs: access.shared_database {reason}",
                [{"property_path": "access.shared_database", "reason": reason}],
            )


class Retailer(pulumi.ComponentResource):
    """A retailer's whole platform, and its contract: what it was promised, as plain inputs that guardrails hold the
    resources against.

    Example:
        Retailer("acme", RetailerArgs(identity=identity, plan=plan, access=platform.access,
            backup_provider=providers.backup), opts=in_cluster)
    """

    urls: dict[str, str]
    foundation: Foundation

    def __init__(self, name: str, args: RetailerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        promised = contract(args.plan)
        super().__init__("retail:platform:Retailer", name, promised, opts)
        plan, settings, identity, access = args.plan, args.plan.settings, args.identity, args.access
        self._name, self._args = name, args
        self.foundation = Foundation(name, args, opts=pulumi.ResourceOptions(parent=self))
        foundation = self.foundation
        inside = pulumi.ResourceOptions(parent=self, depends_on=[foundation.tenancy, foundation.secrets])
        database = self._database(inside)
        redis = Redis(
            f"{name}-sessions",
            RedisArgs(
                identity=identity,
                objectives=plan.objectives,
                owner=settings.owner,
                time_zone=settings.time_zone,
                vpc_id=access.vpc_id,
                subnet_ids=access.private_subnet_ids,
                client_security_group_id=access.cluster_security_group_id,
                kms_key_arn=foundation.key.key_arn,
                password=_made(foundation.secrets.redis_password),
            ),
            opts=inside,
        )
        self._rotation(database.direct_host, redis, inside)
        odoo = Odoo(
            f"{name}-odoo",
            OdooArgs(
                identity=identity,
                plan=plan,
                placement_owner=settings.owner,
                pooler_host=database.pooler_host,
                integration_host=database.integration_host,
                direct_host=database.direct_host,
                standby_host=self._standby_host,
                database_cluster=cluster_name(identity) if foundation.postgres else None,
                cluster_name=access.cluster_name,
                filestore=_made(foundation.filestore),
            ),
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=[foundation.tenancy, foundation.secrets, database, redis]
            ),
        )
        routes = Routes(
            f"{name}-routes",
            RoutesArgs(identity=identity, plan=plan, edge=settings.owner, edge_replicas=plan.traefik_replicas),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[odoo]),
        )
        Autoscaling(
            f"{name}-autoscaling",
            AutoscalingArgs(
                identity=identity,
                plan=plan,
                edge_namespace=self._edge_namespace,
                database_host=database.direct_host,
                # A shared database lets in only the role of its own name.
                database_secret=DATABASE_KEDA if foundation.postgres else DATABASE_APP,
                edge=EDGE if foundation.edge else "",
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[odoo]),
        )
        self.urls = routes.urls
        self.register_outputs({**promised, "urls": self.urls})

    @property
    def _edge_namespace(self) -> pulumi.Input[str]:
        """Where the Traefik runs that routes here: on the platform where hosting is shared, else beside Odoo."""
        shared = self._args.plan.settings.hosting is Hosting.SHARED
        elsewhere = self._args.access.edge_namespace if shared else None
        return self._args.identity.namespace if elsewhere is None else elsewhere

    @property
    def _standby_host(self) -> pulumi.Input[str] | None:
        """Where reports read; None with a single instance, and where the database is the platform's."""
        postgres, plan = self.foundation.postgres, self._args.plan.database
        return postgres.read_only_host if postgres and plan and plan.instances > 1 else None

    def _rotation(self, direct_host: pulumi.Input[str], redis: Redis, opts: pulumi.ResourceOptions) -> None:
        args, settings, shared = self._args, self._args.plan.settings, self._args.access.shared_database
        Rotation(
            f"{self._name}-rotation",
            RotationArgs(
                identity=args.identity,
                schedule=rotation_schedule(settings.freezes, settings.peaks).cron(args.identity.namespace),
                time_zone=settings.time_zone,
                image=settings.image,
                owner=settings.owner,
                eks_cluster_name=args.access.cluster_name,
                database_host=direct_host,
                redis_host=redis.host,
                managed_redis=redis.managed,
                shared_copy=SharedCopy(shared.namespace, password_copy(args.identity))
                if settings.hosting is Hosting.SHARED and shared
                else None,
            ),
            opts=opts,
        )

    def _database(self, opts: pulumi.ResourceOptions) -> Postgres | SharedDatabaseTenant:
        """The stack's own database, or its part of the platform's."""
        args, foundation = self._args, self.foundation
        if foundation.postgres is not None and args.plan.database is not None:
            return foundation.postgres
        return SharedDatabaseTenant(
            f"{self._name}-database",
            SharedDatabaseTenantArgs(
                identity=args.identity,
                database=_made(args.access.shared_database),
                connection_limit=args.plan.settings.connections_per_retailer,
                external_secrets_role_arn=args.access.external_secrets_role_arn,
            ),
            opts=opts,
        )


def _made(part: T | None) -> T:
    """A part that this hosting model always has."""
    if part is None:
        raise ValueError("the hosting model lacks a part that a retailer needs")
    return part
