"""A retailer's credentials: made once, kept in AWS Secrets Manager, copied into its namespace."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import secretsmanager
from pulumi_random import RandomPassword

from components.external_secret import STORE, external_secret
from components.secret_store import SecretStore, SecretStoreArgs
from retail.database_roles import SLOTS, Slot, keda_role, login_role, owner_role, readonly_role
from retail.naming import Identity

BASIC_AUTH = "kubernetes.io/basic-auth"
DATABASE_APP, DATABASE_READONLY, DATABASE_KEDA = "database-app", "database-readonly", "database-keda"
ODOO_ADMIN, REDIS, SMTP = "odoo-admin", "redis", "smtp"

PASSWORD_LENGTH = 40
"""Letters and digits only: they stand in URLs, odoo.conf and valkey.conf without escaping. 40 of 62 are 238 bits."""

RECOVERY_WINDOW_DAYS = 30
"""The longest Secrets Manager allows between a deletion and the loss of the value."""

RELOAD = {"cnpg.io/reload": "true"}
"""CloudNativePG watches only Secrets with this label: without it a rotated password would not reach the role."""

FIRST_VERSION = "first"
"""Staging label that the program's own version keeps for good. Secrets Manager deletes versions without labels; a
refresh would then find it gone, and the next `pulumi up` would make the first password the current one again
(terraform-provider-aws #37302)."""


def login_secret(slot: Slot) -> str:
    """The secret of one of the two roles that take turns."""
    return f"database-{slot}"


@dataclass(frozen=True, kw_only=True)
class SecretsArgs:
    """owns_database: whether the stack has a PostgreSQL cluster of its own, and so more than one role.

    serves_retailer: False on a platform, which runs neither Odoo nor Redis, and in whose database nobody logs in but
    the retailers: it has no secrets. smtp_password: a secret of the configuration, None where the retailer sends no
    mail. recovery_key_arn: the key's replica in recovery_region.
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

    Secrets Manager is the source from then on, and rotation writes new versions there (components/rotation.py), so the
    program looks at no value again. Two roles take turns: `database-a` and `database-b` are their passwords,
    `database-app` the credentials in use, at first those of a. In a shared database there is one role, and
    `database-app` is its password. ExternalSecrets bring these into the namespace; `odoo-admin` and `smtp` are in
    odoo.conf alone, and `redis` is its own component's, which knows the address that goes with it.

    Example:
        secrets = Secrets("secrets", SecretsArgs(identity=identity, owns_database=True, serves_retailer=True,
            kms_key_arn=key.key_arn, recovery_region="eu-west-1", recovery_key_arn=key.recovery_key_arn,
            external_secrets_role_arn=access.external_secrets_role_arn))
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
        self.redis_password = None
        self.names = pulumi.Output.from_input(self._make() if args.serves_retailer else [])
        self.register_outputs({"names": self.names, "redis_password": self.redis_password})

    def _make(self) -> list[str]:
        """Every secret of a retailer, and copies of the database's in its namespace."""
        args, identity = self._args, self._args.identity
        store = SecretStore(
            f"{self._name}-store",
            SecretStoreArgs(
                identity=identity,
                namespace=identity.namespace,
                store=STORE,
                role="external-secrets",
                secrets=[identity.secret_path()],
                external_secrets_role_arn=args.external_secrets_role_arn,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        copied = pulumi.ResourceOptions(parent=self, depends_on=[store])
        roles = self._database_credentials()
        for secret, credentials in roles.items():
            self._keep(secret, credentials)
            self._copy(secret, copied)
        self._keep(ODOO_ADMIN, {"admin_passwd": self._password(ODOO_ADMIN)})
        self.redis_password = self._password(REDIS)
        self._keep(REDIS, {"password": self.redis_password})
        names = [*roles, ODOO_ADMIN, REDIS]
        if args.smtp_password is not None:
            self._keep(SMTP, {"password": args.smtp_password}, rotated=False)
            names.append(SMTP)
        return names

    def _database_credentials(self) -> dict[str, dict[str, pulumi.Input[str]]]:
        """First credentials of every role, by secret."""
        args, identity = self._args, self._args.identity
        if args.owns_database:
            usernames = {
                **{login_secret(slot): login_role(identity, slot) for slot in SLOTS},
                DATABASE_READONLY: readonly_role(identity),
                DATABASE_KEDA: keda_role(identity),
            }
        else:
            usernames = {DATABASE_APP: owner_role(identity)}
        made: dict[str, dict[str, pulumi.Input[str]]] = {
            secret: {"username": username, "password": self._password(secret)} for secret, username in usernames.items()
        }
        return made if DATABASE_APP in made else {**made, DATABASE_APP: made[login_secret(SLOTS[0])]}

    def _password(self, secret: str) -> pulumi.Output[str]:
        password = RandomPassword(
            f"{self._name}-{secret}-password",
            length=PASSWORD_LENGTH,
            special=False,
            opts=pulumi.ResourceOptions(parent=self),
        )
        return password.result

    def _keep(self, secret: str, value: Mapping[str, pulumi.Input[str]], *, rotated: bool = True) -> None:
        """The secret in Secrets Manager, and its first version. What is not rotated follows the configuration."""
        args = self._args
        version = pulumi.ResourceOptions(parent=self)
        if rotated:
            # Rotation moves AWSCURRENT to versions of its own; after a refresh the provider would move it back.
            version.ignore_changes = ["secretString", "versionStages"]
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
            version_stages=["AWSCURRENT", FIRST_VERSION] if rotated else None,
            opts=version,
        )

    def _copy(self, secret: str, opts: pulumi.ResourceOptions) -> None:
        """A role's credentials in the namespace, as CloudNativePG and KEDA want them."""
        identity = self._args.identity
        external_secret(
            secret,
            identity.namespace,
            labels={**identity.labels("secrets"), **RELOAD},
            data=[(key, identity.secret_path(secret), key) for key in ("username", "password")],
            secret_type=BASIC_AUTH,
            opts=opts,
        )
