"""What External Secrets Operator may read for one namespace: a role cut to named secrets, and the store using it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_aws import iam
from pulumi_kubernetes.apiextensions import CustomResource

from components.encryption import key_use
from components.external_secret import API_VERSION, ROLE_SUFFIX
from retail.naming import Identity


@dataclass(frozen=True, kw_only=True)
class SecretStoreArgs:
    """store: name of the SecretStore. role: what the IAM role is named after (`identity.iam(role)`), ending in
    `external-secrets`: the operator may take on no others (components/operators/external_secrets.py).

    secrets: names of secrets in Secrets Manager that may be read; one that ends in `/` is a prefix.
    """

    identity: Identity
    namespace: pulumi.Input[str]
    store: str
    role: str
    secrets: Sequence[str]
    external_secrets_role_arn: pulumi.Input[str]

    def __post_init__(self) -> None:
        errors: list[pulumi.InputPropertyErrorDetails] = []
        own = self.identity.secret_path()
        foreign = [secret for secret in self.secrets if not secret.startswith(own)]
        if not self.secrets or foreign:
            reason = f"must be secrets under {own}; given {foreign or 'none'}"
            errors.append({"property_path": "secrets", "reason": reason})
        if not self.identity.iam(self.role).endswith(f"-{ROLE_SUFFIX}"):
            reason = f"must end in {ROLE_SUFFIX}, or the operator may not take it on; given {self.role}"
            errors.append({"property_path": "role", "reason": reason})
        if errors:
            joined = "; ".join(f"{error['property_path']}: {error['reason']}" for error in errors)
            raise pulumi.InputPropertiesError(f"SecretStoreArgs: {joined}", errors)


class SecretStore(pulumi.ComponentResource):
    """A SecretStore whose requests are made as a role that reads these secrets and nothing else.

    The operator's own role may only assume roles: with EKS Pod Identity a store can't name a ServiceAccount (External
    Secrets' AWS guide), so the role of the store is what keeps one retailer's secrets from another's namespace.

    Example:
        SecretStore("store", SecretStoreArgs(identity=identity, namespace=identity.namespace, store="aws",
            role="external-secrets", secrets=[identity.secret_path()],
            external_secrets_role_arn=access.external_secrets_role_arn))
    """

    role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: SecretStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:security:SecretStore", name, {"store": args.store, "secrets": list(args.secrets)}, opts
        )
        child = pulumi.ResourceOptions(parent=self)
        identity = args.identity
        role = iam.Role(
            f"{name}-role",
            name=identity.iam(args.role),
            description=f"External Secrets Operator, for {identity.namespace}",
            assume_role_policy=pulumi.Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"AWS": args.external_secrets_role_arn},
                            # The session tags of Pod Identity are transitive, so assuming a role passes them on.
                            "Action": ["sts:AssumeRole", "sts:TagSession"],
                        }
                    ],
                }
            ),
            opts=child,
        )
        policy = iam.RolePolicy(
            f"{name}-policy",
            name="read-secrets",
            role=role.name,
            policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Sid": "Secrets",
                            "Effect": "Allow",
                            "Action": ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"],
                            "Resource": [secret_arn(identity, secret) for secret in args.secrets],
                        },
                        key_use(identity, ["kms:Decrypt"], service="secretsmanager"),
                    ],
                }
            ),
            opts=child,
        )
        CustomResource(
            f"{name}-store",
            api_version=API_VERSION,
            kind="SecretStore",
            metadata={"name": args.store, "namespace": args.namespace, "labels": identity.labels("secrets")},
            spec={
                "provider": {
                    "aws": {"service": "SecretsManager", "region": identity.region, "role": identity.iam_arn(args.role)}
                },
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.role_arn = role.arn
        self.register_outputs({"role_arn": self.role_arn})


def secret_arn(identity: Identity, secret: str) -> str:
    """The ARN of a secret of that name, or of all that begin with it where it ends in `/`, as policies have it.

    Secrets Manager ends every ARN in a hyphen and six random characters.
    """
    suffix = "*" if secret.endswith("/") else "-??????"
    return f"arn:aws:secretsmanager:{identity.region}:{identity.account}:secret:{secret}{suffix}"
