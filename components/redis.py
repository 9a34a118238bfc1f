"""A retailer's session store, and the Secret that says how to reach it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from components.external_secret import external_secret
from components.managed_valkey import PORT, ManagedValkey, ManagedValkeyArgs
from components.secrets import REDIS
from components.valkey_pod import ValkeyPod, ValkeyPodArgs
from retail.naming import Identity
from retail.objectives import Objectives

SESSION_SECONDS, VISITOR_SECONDS = 7 * 24 * 3600, 3 * 3600
"""How long a session lives after its last request: of somebody who is logged in, and of a visitor of the shop. The
module's own defaults, said here because the store's memory is measured by them, and only what expires may give way."""


@dataclass(frozen=True, kw_only=True)
class RedisArgs:
    """owner: whose node pool a pod would run on. subnet_ids: private subnets by zone. time_zone: the retailer's.

    Network, key and password are for the managed store; a pod reads its password through External Secrets alone.
    """

    identity: Identity
    objectives: Objectives
    owner: str
    time_zone: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Mapping[str, pulumi.Input[str]]
    client_security_group_id: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str]
    password: pulumi.Input[str]


class Redis(pulumi.ComponentResource):
    """Managed where the objectives ask for more than one instance of anything, else one pod that says what it gives up.

    Sessions only, and one for each retailer: Redis key patterns don't bind SCAN, so a shared one would show every
    retailer's sessions to all. The Secret `redis` has host, port, password and url; `url` is what session_redis takes,
    the only one of its settings that carries TLS. Its password comes from Secrets Manager, so rotation reaches it.

    Example:
        Redis("redis", RedisArgs(identity=identity, objectives=objectives, owner=identity.retailer,
            time_zone=settings.time_zone, vpc_id=access.vpc_id, subnet_ids=access.private_subnet_ids,
            client_security_group_id=access.cluster_security_group_id, kms_key_arn=key.key_arn,
            password=secrets.redis_password), opts=pulumi.ResourceOptions(parent=self, depends_on=[secrets]))
    """

    managed: bool
    host: pulumi.Output[str]
    secret_name: pulumi.Output[str]

    def __init__(self, name: str, args: RedisArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self.managed = managed = args.objectives.instances > 1
        super().__init__("retail:cache:Redis", name, {"managed": managed}, opts)
        child = pulumi.ResourceOptions(parent=self)
        identity = args.identity
        if managed:
            self.host = ManagedValkey(
                f"{name}-valkey",
                ManagedValkeyArgs(
                    identity=identity,
                    nodes=args.objectives.instances,
                    time_zone=args.time_zone,
                    vpc_id=args.vpc_id,
                    subnet_ids=args.subnet_ids,
                    client_security_group_id=args.client_security_group_id,
                    kms_key_arn=args.kms_key_arn,
                    password=args.password,
                ),
                opts=child,
            ).host
        else:
            self.host = ValkeyPod(f"{name}-valkey", ValkeyPodArgs(identity=identity, owner=args.owner), opts=child).host
        scheme = "rediss" if managed else "redis"
        secret = external_secret(
            REDIS,
            identity.namespace,
            labels=identity.labels("redis"),
            data=[("password", identity.secret_path(REDIS), "password")],
            template={
                "host": self.host,
                "port": str(PORT),
                "password": "{{ .password }}",
                "url": pulumi.Output.concat(f"{scheme}://:{{{{ .password }}}}@", self.host, f":{PORT}/0"),
            },
            opts=child,
        )
        self.secret_name = secret.metadata["name"]
        self.register_outputs({"host": self.host, "secret_name": self.secret_name})


def session_environment(prefix: str) -> list[dict[str, Any]]:
    """What session_redis reads in both series. prefix: of its keys.

    The address and the password are one URL, from the Secret. With a URL its `_SSL*` and `_SENTINEL*` settings are not
    read (its session.py): `rediss://` asks for TLS and checks the certificate, `redis://` does without.
    """
    plain = {
        "ODOO_SESSION_REDIS": "1",
        "ODOO_SESSION_REDIS_PREFIX": prefix,
        "ODOO_SESSION_REDIS_EXPIRATION": str(SESSION_SECONDS),
        "ODOO_SESSION_REDIS_EXPIRATION_ANONYMOUS": str(VISITOR_SECONDS),
    }
    url = {"name": "ODOO_SESSION_REDIS_URL", "valueFrom": {"secretKeyRef": {"name": REDIS, "key": "url"}}}
    return [*({"name": key, "value": value} for key, value in plain.items()), url]
