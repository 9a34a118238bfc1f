"""PgBouncer in front of the primary, for tiers that need no session."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.database_pods import data_nodes, object_labels, pod_labels
from components.placement import zone_spread
from components.pod_security import container_security, pod_security
from retail.naming import Identity
from retail.objectives import WorkloadClass
from retail.plan import PoolerPlan
from retail.versions import PGBOUNCER_IMAGE

PGBOUNCER_USER, PGBOUNCER_GROUP = 998, 996
"""What CloudNativePG runs PgBouncer as."""

POOLER, INTEGRATION_POOLER = "pooler", "pooler-integration"
"""The two sets, as the `retail/tier` label of their pods, and behind the cluster's name in that of their Services."""


@dataclass(frozen=True, kw_only=True)
class PoolerArgs:
    """cluster: name of the CNPG Cluster. owner: whose data pool the pods run on (components/placement.py).

    tier: which of the sets. workload_class: how its pods are treated when capacity is short.
    """

    identity: Identity
    plan: PoolerPlan
    cluster: str
    owner: str
    tier: str = POOLER
    workload_class: WorkloadClass = WorkloadClass.CRITICAL


class Pooler(pulumi.ComponentResource):
    """A CNPG Pooler in transaction mode, one pod in each zone that has an instance.

    Transaction mode carries no LISTEN and no session locks: websocket, scheduled and jobrunner tiers go to `-rw`.
    Pools multiply: each pod has one of `pool_size` for each database and user. No reserve pool, because the plan's
    connection budget counts pools in full. Clients must use TLS, as the servers must.

    Example:
        Pooler("pooler", PoolerArgs(identity=identity, plan=plan.database.pooler, cluster="acme-db", owner="acme"))
    """

    service: str

    def __init__(self, name: str, args: PoolerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:database:Pooler", name, {"instances": args.plan.instances}, opts)
        child = pulumi.ResourceOptions(parent=self)
        identity, plan = args.identity, args.plan
        self.service = f"{args.cluster}-{args.tier}"
        pods = {"cnpg.io/poolerName": self.service}
        metadata = {
            "name": self.service,
            "namespace": identity.namespace,
            "labels": object_labels(identity, args.tier, args.workload_class),
        }
        several = plan.instances > 1
        CustomResource(
            f"{name}-pooler",
            api_version="postgresql.cnpg.io/v1",
            kind="Pooler",
            metadata=metadata,
            spec={
                "cluster": {"name": args.cluster},
                "type": "rw",
                "instances": plan.instances,
                # Data nodes have room for one pooler of each set, so a new pod takes the place of an old one.
                "deploymentStrategy": {
                    "type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1} if several else {"maxSurge": 1},
                },
                "pgbouncer": {
                    "poolMode": "transaction",
                    "image": PGBOUNCER_IMAGE,
                    "parameters": pooler_parameters(plan),
                },
                "template": {
                    "metadata": {"labels": pod_labels(identity, args.tier, args.workload_class)},
                    "spec": {
                        "priorityClassName": str(args.workload_class),
                        "enableServiceLinks": False,
                        "terminationGracePeriodSeconds": 60,
                        "securityContext": pod_security(user=PGBOUNCER_USER, group=PGBOUNCER_GROUP),
                        "topologySpreadConstraints": zone_spread(pods, fixed=plan.instances),
                        **data_nodes(args.owner),
                        "containers": [
                            {
                                "name": "pgbouncer",
                                "securityContext": container_security(),
                                "resources": {
                                    "requests": {"cpu": f"{plan.cpu_millis}m", "memory": f"{plan.memory_mib}Mi"},
                                    "limits": {"memory": f"{plan.memory_mib}Mi"},
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


def pooler_parameters(plan: PoolerPlan) -> dict[str, str]:
    """`pgbouncer.parameters`. CloudNativePG takes these names and looks at no value: PgBouncer would not start.

    Not here: `ignore_startup_parameters`, where the operator's own `extra_float_digits,options` is all that Odoo's
    driver needs; `client_idle_timeout` and `idle_transaction_timeout`, as Odoo keeps idle connections and PostgreSQL
    ends transactions that wait.
    """
    return {
        "max_client_conn": str(plan.max_client_conn),
        "default_pool_size": str(plan.pool_size),
        "reserve_pool_size": "0",
        "max_db_connections": str(plan.database_limit),
        # psycopg2 prepares nothing, so there is nothing to track.
        "max_prepared_statements": "0",
        "client_tls_sslmode": "require",
        # After a failover every client comes back at once.
        "listen_backlog": "1024",
        # A client that waits longer has a user who gave up; Odoo kills the request at 120 s.
        "query_wait_timeout": "60",
        "server_idle_timeout": "600",
        "server_lifetime": "3600",
        # A primary whose node is gone sends no FIN: its connections are found dead within 25 s, not after the kernel's
        # two hours, and the new primary is tried every second, not every 15.
        "server_connect_timeout": "5",
        "server_login_retry": "1",
        "tcp_keepalive": "1",
        "tcp_keepidle": "10",
        "tcp_keepintvl": "5",
        "tcp_keepcnt": "3",
        "tcp_user_timeout": "25000",
    }
