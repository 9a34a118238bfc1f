"""One plain Valkey pod: the session store of development and test stacks."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Service, ServiceAccount

from components.database_pods import object_labels
from components.external_secret import external_secret
from components.placement import Placement
from components.pod_security import container_security, pod_security
from retail.naming import Identity, Pool, selector
from retail.objectives import WorkloadClass
from retail.versions import VALKEY_IMAGE

PORT = 6379
NAME = "redis"
CONFIGURATION_SECRET = "redis-server"  # noqa: S105 - the name of a Secret, not its value
MEMORY_LIMIT_MIB = 192
MAX_MEMORY_MIB = 128

VALKEY_USER = 999
"""The image's user `valkey`."""

CONFIGURATION = f"""\
requirepass {{{{ .password }}}}
maxmemory {MAX_MEMORY_MIB}mb
maxmemory-policy volatile-lru
appendonly no
save ""
dir /data
"""


@dataclass(frozen=True, kw_only=True)
class ValkeyPodArgs:
    """owner: whose pool the pod runs on (components/placement.py)."""

    identity: Identity
    owner: str


class ValkeyPod(pulumi.ComponentResource):
    """A Deployment of one pod and its Service.

    What it gives up: every restart, rollout or drain logs everybody out (memory only, one replica, so no disruption
    budget either, which would block drains), and the traffic inside the cluster is not encrypted. The password is in a
    mounted configuration file: neither an argument nor an environment variable shows it.

    Example:
        ValkeyPod("valkey", ValkeyPodArgs(identity=identity, owner=identity.retailer), opts=child)
    """

    host: pulumi.Output[str]

    def __init__(self, name: str, args: ValkeyPodArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:cache:ValkeyPod", name, {"owner": args.owner}, opts)
        child = pulumi.ResourceOptions(parent=self)
        identity = args.identity
        labels = object_labels(identity, NAME, WorkloadClass.IMPORTANT)
        pods = selector(labels)
        metadata = {"name": NAME, "namespace": identity.namespace, "labels": labels}
        configuration = external_secret(
            CONFIGURATION_SECRET,
            identity.namespace,
            labels=labels,
            data=[("password", identity.secret_path("redis"), "password")],
            template={"valkey.conf": CONFIGURATION},
            opts=child,
        )
        account = ServiceAccount(
            f"{name}-account", metadata=metadata, automount_service_account_token=False, opts=child
        )
        Deployment(
            f"{name}-deployment",
            metadata={**metadata, "annotations": {"secret.reloader.stakater.com/reload": CONFIGURATION_SECRET}},
            spec={
                "replicas": 1,
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": pods},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "serviceAccountName": account.metadata["name"],
                        "automountServiceAccountToken": False,
                        "enableServiceLinks": False,
                        "priorityClassName": str(WorkloadClass.IMPORTANT),
                        "securityContext": pod_security(user=VALKEY_USER, group=VALKEY_USER),
                        **Placement(Pool.WEB, args.owner).pod_fields(),
                        "containers": [
                            {
                                "name": "valkey",
                                "image": VALKEY_IMAGE,
                                "command": ["valkey-server", "/etc/valkey/valkey.conf"],
                                "ports": [{"name": "redis", "containerPort": PORT}],
                                "securityContext": container_security(),
                                "readinessProbe": {"tcpSocket": {"port": "redis"}, "periodSeconds": 5},
                                "livenessProbe": {"tcpSocket": {"port": "redis"}, "failureThreshold": 6},
                                "resources": {
                                    "requests": {"cpu": "50m", "memory": f"{MEMORY_LIMIT_MIB}Mi"},
                                    "limits": {"memory": f"{MEMORY_LIMIT_MIB}Mi"},
                                },
                                "volumeMounts": [
                                    {"name": "configuration", "mountPath": "/etc/valkey", "readOnly": True},
                                    {"name": "data", "mountPath": "/data"},
                                ],
                            }
                        ],
                        "volumes": [
                            {"name": "configuration", "secret": {"secretName": CONFIGURATION_SECRET}},
                            {"name": "data", "emptyDir": {"sizeLimit": "64Mi"}},
                        ],
                    },
                },
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[configuration]),
        )
        service = Service(
            f"{name}-service",
            metadata=metadata,
            spec={
                "type": "ClusterIP",
                "selector": pods,
                "ports": [{"name": "redis", "port": PORT, "targetPort": "redis"}],
            },
            opts=child,
        )
        self.host = pulumi.Output.concat(service.metadata["name"], f".{identity.namespace}.svc")
        self.register_outputs({"host": self.host})
