"""ElastiCache for Valkey: the session store where a lost zone must not log everybody out."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pulumi
from pulumi_aws import ec2, elasticache, vpc

from retail.naming import Identity, shorten
from retail.versions import VALKEY

PORT = 6379
NODE_TYPE = "cache.m7g.large"
"""6 GiB: at 4 KiB a session, over a million. Not a burstable type, which throttles once a long peak has spent its
credits."""

REPLICATION_GROUP_ID_LIMIT = 40

QUIET_HOUR = datetime(2026, 1, 6, 3)
"""A Tuesday, three in the morning: local time, the emptiest hour of a retailer's week. In January, so that the window
is the same all year; in summer it is an hour later by the clock."""


def group_id(identity: Identity) -> str:
    """The replication group's name, known before it exists."""
    return shorten(f"{identity.retailer}-{identity.environment}-sessions", REPLICATION_GROUP_ID_LIMIT)


def maintenance_window(time_zone: str) -> str:
    """The hour of the week in which AWS may work on the nodes, in UTC, as ElastiCache writes it."""
    begins = QUIET_HOUR.replace(tzinfo=ZoneInfo(time_zone)).astimezone(UTC)
    return "-".join(moment.strftime("%a:%H:%M").lower() for moment in (begins, begins + timedelta(hours=1)))


@dataclass(frozen=True, kw_only=True)
class ManagedValkeyArgs:
    """nodes: primary and replicas, one in each zone. subnet_ids: private subnets by zone. time_zone: the retailer's.

    password: the first; 16 to 128 characters, AWS's rule. client_security_group_id: whose members may connect.
    """

    identity: Identity
    nodes: int
    time_zone: str
    vpc_id: pulumi.Input[str]
    subnet_ids: Mapping[str, pulumi.Input[str]]
    client_security_group_id: pulumi.Input[str]
    kms_key_arn: pulumi.Input[str]
    password: pulumi.Input[str]

    def __post_init__(self) -> None:
        if not 2 <= self.nodes <= len(self.subnet_ids):
            reason = f"must be 2 to {len(self.subnet_ids)}, the zones there are; given {self.nodes}"
            error: pulumi.InputPropertyErrorDetails = {"property_path": "nodes", "reason": reason}
            raise pulumi.InputPropertiesError(f"ManagedValkeyArgs: nodes: {reason}", [error])


class ManagedValkey(pulumi.ComponentResource):
    """One shard without cluster mode: session_redis has no cluster client, and one endpoint follows every failover.

    AUTH with one token instead of RBAC users: the clients know one credential, and ElastiCache keeps the former one
    valid beside the new (components/rotation.py). No snapshots: a session store restored from last night logs nobody
    in. What it gives up: replication is asynchronous, so a failover may lose the last second's logins.

    Example:
        ManagedValkey("valkey", ManagedValkeyArgs(identity=identity, nodes=3, time_zone="Europe/Paris",
            vpc_id=access.vpc_id, subnet_ids=access.private_subnet_ids,
            client_security_group_id=access.cluster_security_group_id, kms_key_arn=key.key_arn,
            password=secrets.redis_password))
    """

    host: pulumi.Output[str]

    def __init__(self, name: str, args: ManagedValkeyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:cache:ManagedValkey", name, {"nodes": args.nodes}, opts)
        child = pulumi.ResourceOptions(parent=self)
        identity = args.identity
        physical = group_id(identity)
        zones = sorted(args.subnet_ids)
        description = f"Sessions of {identity.namespace}"
        group = ec2.SecurityGroup(
            f"{name}-security-group", name=physical, description=description, vpc_id=args.vpc_id, opts=child
        )
        vpc.SecurityGroupIngressRule(
            f"{name}-clients",
            security_group_id=group.id,
            referenced_security_group_id=args.client_security_group_id,
            ip_protocol="tcp",
            from_port=PORT,
            to_port=PORT,
            description="Pods of the cluster; network policies say which",
            opts=child,
        )
        subnets = elasticache.SubnetGroup(
            f"{name}-subnets",
            name=physical,
            description=description,
            subnet_ids=[args.subnet_ids[zone] for zone in zones],
            opts=child,
        )
        parameters = elasticache.ParameterGroup(
            f"{name}-parameters",
            name=physical,
            family=f"valkey{VALKEY.split('.')[0]}",
            description=description,
            # Every session expires; when memory is short the one unused for longest goes, and new ones are still kept.
            # With `noeviction` nobody could log in any more.
            parameters=[{"name": "maxmemory-policy", "value": "volatile-lru"}],
            opts=child,
        )
        replication_group = elasticache.ReplicationGroup(
            f"{name}-group",
            replication_group_id=physical,
            description=description,
            engine="valkey",
            engine_version=VALKEY,
            node_type=NODE_TYPE,
            port=PORT,
            num_cache_clusters=args.nodes,
            automatic_failover_enabled=True,
            multi_az_enabled=True,
            preferred_cache_cluster_azs=zones[: args.nodes],  # left out, AWS may put two into one zone
            subnet_group_name=subnets.name,
            security_group_ids=[group.id],
            parameter_group_name=parameters.name,
            at_rest_encryption_enabled=True,
            kms_key_id=args.kms_key_arn,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            auth_token=args.password,
            auth_token_update_strategy="ROTATE",  # noqa: S106 - how, not what
            snapshot_retention_limit=0,
            # Versions change with a release, outside freezes, and a release takes effect when it is made.
            auto_minor_version_upgrade=False,
            apply_immediately=True,
            maintenance_window=maintenance_window(args.time_zone),
            # Rotation gives it tokens of its own; the first one must never come back.
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True, ignore_changes=["authToken"]),
        )
        self.host = replication_group.primary_endpoint_address
        self.register_outputs({"host": self.host})
