"""What a stack has of its own beneath Odoo: namespace, key, secrets, buckets, and mostly nodes, database and edge."""

from dataclasses import dataclass

import pulumi

from components.access import ClusterAccess, SharedDatabase
from components.backups import Backups, BackupsArgs
from components.contract import contract
from components.database_archive import cluster_name
from components.database_topology import OtherRegion
from components.encryption import EncryptionKey, EncryptionKeyArgs
from components.freeze_state import FreezeState
from components.freeze_switch import FreezeSwitch, FreezeSwitchArgs
from components.headroom import Headroom, HeadroomArgs
from components.network import subnet_cidrs
from components.node_pools import NodePools, NodePoolsArgs
from components.observability import Observability, ObservabilityArgs
from components.postgres import Postgres, PostgresArgs
from components.recovery import Recovery, RecoveryArgs
from components.secrets import Secrets, SecretsArgs
from components.tenancy import Tenancy, TenancyArgs
from components.tier_role import Filestore
from components.traefik import Traefik, TraefikArgs
from retail.naming import Identity
from retail.objectives import ObjectiveClass
from retail.plan import Plan
from retail.settings import Environment, Hosting


@dataclass(frozen=True, kw_only=True)
class FoundationArgs:
    """identity, plan: whose, and how much. access: the cluster it is on. backup_provider: aws in the backup account.

    smtp_password: a secret of the configuration, None where the retailer sends no mail.
    """

    identity: Identity
    plan: Plan
    access: ClusterAccess
    backup_provider: pulumi.ProviderResource
    smtp_password: pulumi.Input[str] | None = None


class Foundation(pulumi.ComponentResource):
    """The same parts for every hosting model; which of them are the stack's own follows from it.

    A platform is a foundation with no Odoo on it: its nodes, database and edge are what its retailers share.

    Example:
        Foundation("acme", FoundationArgs(identity=identity, plan=plan, access=platform.access,
            backup_provider=providers.backup), opts=in_cluster)
    """

    tenancy: Tenancy
    key: EncryptionKey
    secrets: Secrets
    backups: Backups
    postgres: Postgres | None
    edge: Traefik | None

    def __init__(self, name: str, args: FoundationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings, identity, access = args.plan.settings, args.identity, args.access
        # A retailer's contract is its Retailer's; a platform has none, so here it is.
        promised = contract(args.plan) if settings.hosting is Hosting.PLATFORM else {}
        super().__init__("retail:platform:Foundation", name, {"hosting": str(settings.hosting), **promised}, opts)
        self._name, self._args = name, args
        child = pulumi.ResourceOptions(parent=self)
        self.tenancy = self._tenancy(FreezeState(f"{name}-freeze-state", identity, opts=child))
        inside = pulumi.ResourceOptions(parent=self, depends_on=[self.tenancy])
        FreezeSwitch(
            f"{name}-freeze",
            FreezeSwitchArgs(
                identity=identity,
                freezes=settings.freezes,
                time_zone=settings.time_zone,
                image=settings.image,
                owner=settings.owner,
            ),
            opts=inside,
        )
        self.key = EncryptionKey(
            f"{name}-encryption",
            EncryptionKeyArgs(
                identity=identity, cluster_name=access.cluster_name, recovery_region=settings.recovery_region
            ),
            opts=child,
        )
        self.secrets = Secrets(
            f"{name}-secrets",
            SecretsArgs(
                identity=identity,
                owns_database=settings.hosting.owns_database,
                serves_retailer=settings.hosting.serves_retailer,
                kms_key_arn=self.key.key_arn,
                recovery_region=settings.recovery_region,
                recovery_key_arn=self.key.recovery_key_arn,
                external_secrets_role_arn=access.external_secrets_role_arn,
                smtp_password=args.smtp_password,
            ),
            opts=inside,
        )
        self.backups = Backups(
            f"{name}-backups",
            BackupsArgs(
                identity=identity,
                objectives=args.plan.objectives,
                backup_account=settings.backup_account,
                recovery_region=settings.recovery_region,
                backup_provider=args.backup_provider,
                kms_key_arn=self.key.key_arn,
                lock_mode="COMPLIANCE" if settings.environment is Environment.PRODUCTION else "GOVERNANCE",
                database=settings.hosting.owns_database,
                attachments=settings.hosting.serves_retailer,
            ),
            opts=child,
        )
        self.postgres, self.edge = None, None
        if settings.hosting.owns_database:
            NodePools(
                f"{name}-nodes", NodePoolsArgs(identity=identity, pools=args.plan.pools, access=access), opts=child
            )
            for pool, headroom in args.plan.headroom.items():
                Headroom(f"{name}-{pool}-headroom", HeadroomArgs(identity=identity, plan=headroom), opts=inside)
            self.postgres = self._postgres()
            self.edge = Traefik(
                f"{name}-edge",
                TraefikArgs(
                    identity=identity,
                    replicas=args.plan.traefik_replicas,
                    shared=not settings.hosting.serves_retailer,
                    load_balancer_cidrs=self._load_balancer_cidrs,
                    keep=settings.environment is Environment.PRODUCTION,
                    sleeps=settings.hours is not None,
                ),
                opts=inside,
            )
        database = access.shared_database if settings.hosting is Hosting.SHARED else None
        Observability(
            f"{name}-observability",
            ObservabilityArgs(
                identity=identity,
                objectives=args.plan.objectives,
                cluster_name=cluster_name(identity) if self.postgres else None,
                drills=self._drills(),
                database_namespace=database.namespace if database else identity.namespace,
                edge_replicas=args.plan.traefik_replicas if self.edge else 0,
                tiers=tuple(args.plan.tiers),
                sleeps=settings.hours is not None,
            ),
            opts=inside,
        )
        self.register_outputs({"namespace": self.tenancy.namespace})

    @property
    def filestore(self) -> Filestore | None:
        """Where the attachments are; None on a platform, which has none."""
        bucket = self.backups.filestore_bucket
        if bucket is None:
            return None
        return Filestore(bucket=bucket, prefix=self._args.identity.namespace)

    @property
    def shared_database(self) -> SharedDatabase | None:
        """What hosted stacks are told of the database; None unless this is a platform's."""
        if self.postgres is None or self._args.plan.settings.hosting is not Hosting.PLATFORM:
            return None
        return SharedDatabase(
            namespace=self._args.identity.namespace,
            cluster=self.postgres.cluster_name,
            direct_host=self.postgres.direct_host,
            pooler_host=self.postgres.pooler_host,
            integration_pooler_host=self.postgres.integration_host,
        )

    @property
    def _other_region(self) -> OtherRegion | None:
        """Gold promises to be back in another region within the hour: its database is declared as one end of two from
        the start, so that a second one can follow it with no change here."""
        settings = self._args.plan.settings
        gold = settings.objective_class is ObjectiveClass.GOLD
        return OtherRegion(region=settings.recovery_region) if gold else None

    @property
    def _load_balancer_cidrs(self) -> list[str]:
        settings = self._args.plan.settings
        return [cidrs.public for cidrs in subnet_cidrs(settings.vpc_cidr, settings.zones).values()]

    @property
    def _api_cidrs(self) -> tuple[str, ...]:
        settings = self._args.plan.settings
        return tuple(cidrs.control_plane for cidrs in subnet_cidrs(settings.vpc_cidr, settings.zones).values())

    def _tenancy(self, freeze_state: FreezeState) -> Tenancy:
        args, settings = self._args, self._args.plan.settings
        shared = settings.hosting is Hosting.SHARED
        database = args.access.shared_database
        return Tenancy(
            f"{self._name}-tenancy",
            TenancyArgs(
                identity=args.identity,
                plan=args.plan,
                cluster_name=args.access.cluster_name,
                edge=settings.owner,
                vpc_cidr=settings.vpc_cidr,
                load_balancer_cidrs=self._load_balancer_cidrs,
                managed_redis=args.plan.objectives.instances > 1,
                edge_namespace=args.access.edge_namespace if shared else None,
                database_namespace=database.namespace if shared and database else None,
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[freeze_state]),
        )

    def _postgres(self) -> Postgres:
        args = self._args
        if args.plan.database is None or self.backups.backup_bucket is None:
            raise ValueError("a stack that owns its database has a plan and a backup bucket for it")
        return Postgres(
            f"{self._name}-database",
            PostgresArgs(
                identity=args.identity,
                plan=args.plan.database,
                objectives=args.plan.objectives,
                owner=args.plan.settings.owner,
                eks_cluster_name=args.access.cluster_name,
                backup_bucket=self.backups.backup_bucket,
                kms_key_arn=self.key.key_arn,
                shared=not args.plan.settings.hosting.serves_retailer,
                supervised=args.plan.settings.environment is Environment.PRODUCTION,
                other=self._other_region,
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.tenancy, self.secrets]),
        )

    def _drills(self) -> bool:
        """Drills of the stack's own database, if it has one: whether there are any."""
        args, settings = self._args, self._args.plan.settings
        database, bucket = args.plan.database, self.backups.backup_bucket
        if self.postgres is None or database is None or bucket is None or not settings.image:
            return False
        Recovery(
            f"{self._name}-recovery",
            RecoveryArgs(
                identity=args.identity,
                objectives=args.plan.objectives,
                plan=database,
                owner=settings.owner,
                image=settings.image,
                time_zone=settings.time_zone,
                eks_cluster_name=args.access.cluster_name,
                server_name=self.postgres.server_name,
                backup_bucket=bucket,
                kms_key_arn=self.key.key_arn,
                api_cidrs=self._api_cidrs,
                filestore=self.filestore,
            ),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[self.postgres]),
        )
        return True
