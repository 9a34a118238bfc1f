"""Stands in for CloudNativePG's Poolers: a Deployment of PgBouncer pods and a Service each, once their Cluster exists.

The pod template is the Pooler's, completed as the operator does. There is no PgBouncer: pool sizes and parameters are
not looked at, nothing is paused, no RBAC or certificate is made. CloudNativePG makes no disruption budget for a Pooler,
so neither does this.
"""

from collections.abc import Iterator

from rehearsal.standins import kinds
from rehearsal.standins.cnpg_objects import CLUSTER_LABEL, NAME, POD_ROLE_LABEL, restricted
from rehearsal.standins.stand_in import Action, keep, keep_status, owned, per_object
from rehearsal.standins.world import Object, World

POOLER_LABEL = "cnpg.io/poolerName"
_IMAGE = "ghcr.io/cloudnative-pg/pgbouncer:1.25.1"
"""Where the template names none."""
_PORT = 5432
_METRICS_PORT = 9127
_SECCOMP = {"type": "RuntimeDefault"}
_POD_SECURITY = {"runAsNonRoot": True, "runAsUser": 998, "runAsGroup": 996, "fsGroup": 996, "seccompProfile": _SECCOMP}


class Poolers:
    """The stand-in of CloudNativePG's pooler controller."""

    name = NAME
    watches = (kinds.POOLER, kinds.CLUSTER, kinds.DEPLOYMENT, kinds.SERVICE, kinds.SERVICE_ACCOUNT)
    settle_seconds = 0.1

    def plan(self, world: World) -> Iterator[Action]:
        return per_object(world, kinds.POOLER, desired)


def desired(pooler: Object, world: World) -> Iterator[Action]:
    """The Pooler's objects, and how many pods it has."""
    namespace = pooler["metadata"]["namespace"]
    if world.get(kinds.CLUSTER, pooler["spec"]["cluster"]["name"], namespace) is None:
        return
    yield from keep(world, [deployment(pooler), service(pooler), *service_account(pooler)])
    running = world.get(kinds.DEPLOYMENT, pooler["metadata"]["name"], namespace)
    if running is not None:
        yield from keep_status(pooler, {"instances": (running.get("status") or {}).get("replicas", 0)})


def deployment(pooler: Object) -> Object:
    spec, name = pooler["spec"], pooler["metadata"]["name"]
    template = spec.get("template") or {}
    metadata = template.get("metadata") or {}
    own_labels = {POOLER_LABEL: name, CLUSTER_LABEL: spec["cluster"]["name"], POD_ROLE_LABEL: "pooler"}
    rolled = {"strategy": spec["deploymentStrategy"]} if "deploymentStrategy" in spec else {}
    manifest: Object = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": own_labels},
        "spec": {
            "replicas": spec.get("instances", 1),
            "selector": {"matchLabels": {POOLER_LABEL: name}},
            "template": {
                "metadata": {**metadata, "labels": {**(metadata.get("labels") or {}), **own_labels}},
                "spec": pod_spec(pooler),
            },
            **rolled,
        },
    }
    return owned(manifest, pooler, NAME)


def pod_spec(pooler: Object) -> Object:
    """The template's pod spec with what the operator adds where the template says nothing."""
    wanted = (pooler["spec"].get("template") or {}).get("spec") or {}
    containers = list(wanted.get("containers") or [])
    given: Object = next((each for each in containers if each["name"] == "pgbouncer"), {"name": "pgbouncer"})
    own_ports = [
        {"name": "pgbouncer", "containerPort": _PORT, "protocol": "TCP"},
        {"name": "metrics", "containerPort": _METRICS_PORT, "protocol": "TCP"},
    ]
    taken = {port["containerPort"] for port in given.get("ports") or []}
    completed = {
        "command": ["/controller/manager", "pgbouncer", "run"],
        "securityContext": restricted(_SECCOMP),
        **given,
        "image": given.get("image") or pooler["spec"]["pgbouncer"].get("image") or _IMAGE,
        "ports": (given.get("ports") or []) + [port for port in own_ports if port["containerPort"] not in taken],
    }
    others = [container for container in containers if container["name"] != "pgbouncer"]
    return {
        "serviceAccountName": _account(pooler),
        "securityContext": _POD_SECURITY,
        **wanted,
        "containers": [completed, *others],
    }


def service(pooler: Object) -> Object:
    name = pooler["metadata"]["name"]
    template = pooler["spec"].get("serviceTemplate") or {}
    metadata = template.get("metadata") or {}
    own_labels = {POOLER_LABEL: name, CLUSTER_LABEL: pooler["spec"]["cluster"]["name"]}
    manifest: Object = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {**metadata, "name": name, "labels": {**(metadata.get("labels") or {}), **own_labels}},
        "spec": {
            "type": "ClusterIP",
            "ports": [{"name": "pgbouncer", "port": _PORT, "targetPort": "pgbouncer", "protocol": "TCP"}],
            **(template.get("spec") or {}),
            "selector": {POOLER_LABEL: name},
        },
    }
    return owned(manifest, pooler, NAME)


def service_account(pooler: Object) -> Iterator[Object]:
    """The pods' ServiceAccount, unless the Pooler names one of the program's."""
    if "serviceAccountName" not in pooler["spec"]:
        manifest: Object = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _account(pooler)}}
        yield owned(manifest, pooler, NAME)


def _account(pooler: Object) -> str:
    return str(pooler["spec"].get("serviceAccountName") or pooler["metadata"]["name"])
