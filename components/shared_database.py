"""A retailer's database and role in its platform's PostgreSQL cluster."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.access import SharedDatabase
from components.database_pods import object_labels
from components.external_secret import external_secret
from components.postgres import API_VERSION
from components.postgres_bootstrap import LOCALE, LOCALE_PROVIDER
from components.secret_store import SecretStore, SecretStoreArgs
from components.secrets import BASIC_AUTH, DATABASE_APP, RELOAD
from retail.naming import Identity
from retail.objectives import WorkloadClass


@dataclass(frozen=True, kw_only=True)
class SharedDatabaseTenantArgs:
    """connection_limit: the retailer's slice of the cluster's connections, over poolers and direct tiers together."""

    identity: Identity
    database: SharedDatabase
    connection_limit: int
    external_secrets_role_arn: pulumi.Input[str]

    def __post_init__(self) -> None:
        if self.connection_limit < 1:
            reason = f"must be at least 1, as -1 and 0 mean no limit or no login; given {self.connection_limit}"
            error: pulumi.InputPropertyErrorDetails = {"property_path": "connection_limit", "reason": reason}
            raise pulumi.InputPropertiesError(f"SharedDatabaseTenantArgs: connection_limit: {reason}", [error])


class SharedDatabaseTenant(pulumi.ComponentResource):
    """A `Database`, the `DatabaseRole` that owns it, and the role's password, in the platform's database namespace.

    CloudNativePG wants role, password and cluster in one namespace, so the password is there a second time, through a
    store whose role reads that one secret of this retailer: the platform's own store doesn't reach a retailer's prefix,
    and this one doesn't reach the rest of it. Every object is named after the retailer's namespace. The role is named
    after the database, which is what the platform's pg_hba lets it reach (components/postgres_roles.py). Both stay
    when their objects go.

    What a retailer gives up here: its own backup, its own point in time, privacy of NOTIFY on `postgres`; a password
    that is rotated without a pause, and a scaler and reports that can only read, as one role is all that `sameuser`
    lets in; alerts on its queue, as the platform's exporter asks no tenant's tables.

    Example:
        SharedDatabaseTenant("database", SharedDatabaseTenantArgs(identity=identity, database=access.shared_database,
            connection_limit=settings.connections_per_retailer,
            external_secrets_role_arn=access.external_secrets_role_arn))
    """

    direct_host: pulumi.Output[str]
    pooler_host: pulumi.Output[str]
    integration_host: pulumi.Output[str]

    def __init__(self, name: str, args: SharedDatabaseTenantArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:database:SharedDatabaseTenant", name, {"connectionLimit": args.connection_limit}, opts)
        identity, shared = args.identity, args.database
        prefix = identity.namespace
        labels = object_labels(identity, "database", WorkloadClass.IMPORTANT)
        store = f"{prefix}-database"
        secret = password_copy(identity)
        secret_store = SecretStore(
            f"{name}-store",
            SecretStoreArgs(
                identity=identity,
                namespace=shared.namespace,
                store=store,
                role="database-external-secrets",
                secrets=[identity.secret_path(DATABASE_APP)],
                external_secrets_role_arn=args.external_secrets_role_arn,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        password = external_secret(
            secret,
            shared.namespace,
            labels={**labels, **RELOAD},
            data=[(key, identity.secret_path(DATABASE_APP), key) for key in ("username", "password")],
            secret_type=BASIC_AUTH,
            store=store,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[secret_store]),
        )
        kept = pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True, depends_on=[password])
        metadata = {"name": prefix, "namespace": shared.namespace, "labels": labels}
        role = CustomResource(
            f"{name}-role",
            api_version=API_VERSION,
            kind="DatabaseRole",
            metadata=metadata,
            spec={
                "cluster": {"name": shared.cluster},
                "name": identity.database,
                "comment": f"Odoo of {prefix}",
                "login": True,
                "connectionLimit": args.connection_limit,
                "passwordSecret": {"name": secret},
                "databaseRoleReclaimPolicy": "retain",
            },
            opts=kept,
        )
        CustomResource(
            f"{name}-database",
            api_version=API_VERSION,
            kind="Database",
            metadata=metadata,
            spec={
                "cluster": {"name": shared.cluster},
                "name": identity.database,
                "owner": identity.database,
                "encoding": "UTF8",
                "template": "template0",
                "localeProvider": LOCALE_PROVIDER,
                "builtinLocale": LOCALE,
                "databaseReclaimPolicy": "retain",
            },
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True, depends_on=[role]),
        )
        self.direct_host = pulumi.Output.from_input(shared.direct_host)
        self.pooler_host = pulumi.Output.from_input(shared.pooler_host)
        self.integration_host = pulumi.Output.from_input(shared.integration_pooler_host)
        self.register_outputs(
            {
                "direct_host": self.direct_host,
                "pooler_host": self.pooler_host,
                "integration_host": self.integration_host,
            }
        )


def password_copy(identity: Identity) -> str:
    """The ExternalSecret, and Secret, of the role's password in the platform's database namespace."""
    return f"{identity.namespace}-{DATABASE_APP}"
