"""A retailer's credentials: made once, kept in AWS Secrets Manager, copied into its namespace."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import secretsmanager
from pulumi_random import RandomPassword

from components.external_secret import STORE, external_secret
from components.secret_store import SecretStore, SecretStoreArgs
from retail.naming import Identity

BASIC_AUTH = "kubernetes.io/basic-auth"
DATABASE_APP, DATABASE_READONLY, ODOO_ADMIN, REDIS, SMTP = (
    "database-app",
    "database-readonly",
    "odoo-admin",
    "redis",
    "smtp",
)

PASSWORD_LENGTH = 40
"""Letters and digits only: they stand in URLs, odoo.conf and valkey.conf without escaping. 40 of 62 are 238 bits."""

RECOVERY_WINDOW_DAYS = 30
"""The longest Secrets Manager allows between a deletion and the loss of the value."""

RELOAD = {"cnpg.io/reload": "true"}
"""CloudNativePG watches only Secrets with this label: without it a rotated password would not reach the role."""


def readonly_role(identity: Identity) -> str:
    """The PostgreSQL role of `database-readonly`: for reports on the standbys and KEDA's queue query."""
    return f"{identity.database}_readonly"


@dataclass(frozen=True, kw_only=True)
class SecretsArgs:
    """owns_database: whether the stack has a PostgreSQL cluster of its own, and so a read-only role.

    serves_retailer: False on a platform, which runs neither Odoo nor Redis. smtp_password: a secret of the
    configuration, None where the retailer sends no mail. recovery_key_arn: the key's replica in recovery_region.
    """

    identity: Identity
    owns_database: bool
    serves_retailer: bool
    kms_key_arn: pulumi.Input[str]
    recovery_region: str
    recovery_key_arn: pulumi.Input[str]
    external_secrets_role_arn: pulumi.Input[str]
    smtp_password: pulumi.Input[str] | None = None


class Secrets(pulumi.ComponentResource):
    """First values out of pulumi-random (secret in state), each in a Secrets Manager secret under the retailer's prefix
    and key, replicated to the recovery region: backups hold no Secrets, and a restored database needs its passwords.

    Secrets Manager is the source from then on; ExternalSecrets bring `database-app`, `database-readonly`, `odoo-admin`
    and `smtp` into the namespace. `redis` is the Redis component's, which knows the address that goes with it.
    The read-only role is left out in a shared database: its pg_hba lets a role reach only the database of its own name.

    Example:
        secrets = Secrets("secrets", SecretsArgs(identity=identity, owns_database=True, serves_retailer=True,
            kms_key_arn=key.key_arn, recovery_region="eu-west-1", recovery_key_arn=key.recovery_key_arn,
            external_secrets_role_arn=access.external_secrets_role_arn, smtp_password=read_secret("smtp-password")))
    """

    names: pulumi.Output[list[str]]
    redis_password: pulumi.Output[str] | None

    def __init__(self, name: str, args: SecretsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:security:Secrets",
            name,
            {"ownsDatabase": args.owns_database, "servesRetailer": args.serves_retailer},
            opts,
        )
        self._name, self._args = name, args
        identity = args.identity
        store = SecretStore(
            f"{name}-store",
            SecretStoreArgs(
                identity=identity,
                namespace=identity.namespace,
                store=STORE,
                role="external-secrets",
                secrets=[identity.secret_path()],
                kms_key_arn=args.kms_key_arn,
                external_secrets_role_arn=args.external_secrets_role_arn,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        copied = pulumi.ResourceOptions(parent=self, depends_on=[store])
        names = [DATABASE_APP]
        self._keep(DATABASE_APP, {"username": identity.database, "password": self._password(DATABASE_APP)})
        self._copy(DATABASE_APP, ["username", "password"], copied, database=True)
        if args.owns_database:
            names.append(DATABASE_READONLY)
            username = readonly_role(identity)
            self._keep(DATABASE_READONLY, {"username": username, "password": self._password(DATABASE_READONLY)})
            self._copy(DATABASE_READONLY, ["username", "password"], copied, database=True)
        self.redis_password = None
        if args.serves_retailer:
            names += [ODOO_ADMIN, REDIS]
            self._keep(ODOO_ADMIN, {"admin_passwd": self._password(ODOO_ADMIN)})
            self._copy(ODOO_ADMIN, ["admin_passwd"], copied)
            self.redis_password = self._password(REDIS)
            self._keep(REDIS, {"password": self.redis_password})
        if args.smtp_password is not None:
            names.append(SMTP)
            self._keep(SMTP, {"password": args.smtp_password})
            self._copy(SMTP, ["password"], copied)
        self.names = pulumi.Output.from_input(names)
        self.register_outputs({"names": self.names, "redis_password": self.redis_password})

    def _password(self, secret: str) -> pulumi.Output[str]:
        password = RandomPassword(
            f"{self._name}-{secret}-password",
            length=PASSWORD_LENGTH,
            special=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return password.result

    def _keep(self, secret: str, value: Mapping[str, pulumi.Input[str]]) -> None:
        """The secret in Secrets Manager, and its first version."""
        args = self._args
        kept = secretsmanager.Secret(
            f"{self._name}-{secret}",
            name=args.identity.secret_path(secret),
            description=f"{secret} of {args.identity.namespace}",
            kms_key_id=args.kms_key_arn,
            recovery_window_in_days=RECOVERY_WINDOW_DAYS,
            replicas=[{"region": args.recovery_region, "kms_key_id": args.recovery_key_arn}],
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True),
        )
        secretsmanager.SecretVersion(
            f"{self._name}-{secret}-value",
            secret_id=kept.id,
            secret_string=pulumi.Output.json_dumps(dict(value)),  # the SDK makes it secret
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _copy(self, secret: str, keys: list[str], opts: pulumi.ResourceOptions, *, database: bool = False) -> None:
        identity = self._args.identity
        external_secret(
            secret,
            identity.namespace,
            labels={**identity.labels("secrets"), **(RELOAD if database else {})},
            data=[(key, identity.secret_path(secret), key) for key in keys],
            secret_type=BASIC_AUTH if database else None,
            opts=opts,
        )
