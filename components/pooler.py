"""PgBouncer in front of the primary, for all tiers that need no session."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.database_pods import data_nodes, object_labels, pod_labels
from components.placement import zone_spread
from components.pod_security import container_security, pod_security
from retail.naming import Identity
from retail.objectives import WorkloadClass
from retail.plan import DatabasePlan
from retail.versions import PGBOUNCER_IMAGE

PGBOUNCER_USER, PGBOUNCER_GROUP = 998, 996
"""What CloudNativePG runs PgBouncer as."""


@dataclass(frozen=True, kw_only=True)
class PoolerArgs:
    """cluster: name of the CNPG Cluster. owner: whose data pool the pods run on (components/placement.py)."""

    identity: Identity
    plan: DatabasePlan
    cluster: str
    owner: str


class Pooler(pulumi.ComponentResource):
    """A CNPG Pooler in transaction mode, one pod in each zone that has an instance.

    Transaction mode carries no LISTEN and no session locks: websocket, scheduled and jobrunner tiers go to `-rw`.
    Pools multiply: each pod has one of `pool_size` for each database and user. No reserve pool, because the plan's
    connection budget counts pools in full. Clients must use TLS, as the servers must.

    Example:
        Pooler("pooler", PoolerArgs(identity=identity, plan=plan, cluster="acme-db", owner="acme"), opts=child)
    """

    service: str

    def __init__(self, name: str, args: PoolerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:database:Pooler", name, {"instances": args.plan.poolers}, opts)
        child = pulumi.ResourceOptions(parent=self)
        identity, plan = args.identity, args.plan
        self.service = f"{args.cluster}-pooler"
        pods = {"cnpg.io/poolerName": self.service}
        metadata = {
            "name": self.service,
            "namespace": identity.namespace,
            "labels": object_labels(identity, "pooler", WorkloadClass.CRITICAL),
        }
        several = plan.poolers > 1
        CustomResource(
            f"{name}-pooler",
            api_version="postgresql.cnpg.io/v1",
            kind="Pooler",
            metadata=metadata,
            spec={
                "cluster": {"name": args.cluster},
                "type": "rw",
                "instances": plan.poolers,
                # Data nodes have room for one pooler each, so a new pod takes the place of an old one.
                "deploymentStrategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1} if several else {"maxSurge": 1},
                },
                "pgbouncer": {
                    "poolMode": "transaction",
                    "image": PGBOUNCER_IMAGE,
                    "parameters": _parameters(plan),
                },
                "template": {
                    "metadata": {"labels": pod_labels(identity, "pooler", WorkloadClass.CRITICAL)},
                    "spec": {
                        "priorityClassName": str(WorkloadClass.CRITICAL),
                        "enableServiceLinks": False,
                        "terminationGracePeriodSeconds": 60,
                        "securityContext": pod_security(user=PGBOUNCER_USER, group=PGBOUNCER_GROUP),
                        "topologySpreadConstraints": zone_spread(pods, fixed=plan.poolers),
                        **data_nodes(args.owner),
                        "containers": [
                            {
                                "name": "pgbouncer",
                                "securityContext": container_security(),
                                "resources": {
                                    "requests": {"cpu": "200m", "memory": "256Mi"},
                                    "limits": {"memory": "256Mi"},
                                },
                            }
                        ],
                    },
                },
            },
            opts=child,
        )
        if several:
            PodDisruptionBudget(
                f"{name}-budget",
                metadata=metadata,
                spec={
                    "selector": {"matchLabels": pods},
                    "maxUnavailable": 1,
                    "unhealthyPodEvictionPolicy": "AlwaysAllow",
                },
                opts=child,
            )
        CustomResource(
            f"{name}-metrics",
            api_version="monitoring.coreos.com/v1",
            kind="PodMonitor",
            metadata=metadata,
            spec={"selector": {"matchLabels": pods}, "podMetricsEndpoints": [{"port": "metrics"}]},
            opts=child,
        )
        self.register_outputs({"service": self.service})


def _parameters(plan: DatabasePlan) -> dict[str, str]:
    return {
        "max_client_conn": str(plan.max_client_conn),
        "default_pool_size": str(plan.pool_size),
        "reserve_pool_size": "0",
        "client_tls_sslmode": "require",
        # A client that waits longer has a user who gave up; Odoo kills the request at 120 s.
        "query_wait_timeout": "60",
        "server_idle_timeout": "600",
        "server_lifetime": "3600",
        "tcp_keepalive": "1",
        "tcp_keepidle": "60",
    }
