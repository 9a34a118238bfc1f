"""What CloudNativePG makes of a Cluster, as manifests: pods, claims, Services, disruption budgets, ServiceAccount.

Names, labels and shapes are those of CloudNativePG 1.30 (pkg/specs of its source). Its Secrets are in cnpg_secrets.py.
"""

from collections.abc import Iterator

from rehearsal.standins.stand_in import HASH_ANNOTATION, digest, owned
from rehearsal.standins.world import Object

NAME = "cnpg"
CLUSTER_LABEL = "cnpg.io/cluster"
INSTANCE_LABEL = "cnpg.io/instanceName"
ROLE_LABEL = "cnpg.io/instanceRole"
OLD_ROLE_LABEL = "role"
POD_ROLE_LABEL = "cnpg.io/podRole"
PVC_ROLE_LABEL = "cnpg.io/pvcRole"

_DEFAULT_IMAGE = "ghcr.io/cloudnative-pg/postgresql:18-system-trixie"
"""Where a Cluster names none; the operator's own default is one patch release of it."""
_POSTGRES_ID = 26
_STOP_DELAY = 1800
"""Seconds; CloudNativePG's default of `stopDelay`."""
_PORTS = (("postgresql", 5432), ("metrics", 9187), ("status", 8000))
_SHARED_MEMORY = "/dev/shm"  # noqa: S108 (a mount in the pod, no file of this machine's)


def instance_name(cluster: Object, serial: int) -> str:
    return f"{cluster['metadata']['name']}-{serial}"


def inherited(cluster: Object, part: str) -> dict[str, str]:
    """Labels or annotations (`part`) that everything made of the cluster carries."""
    return dict((cluster["spec"].get("inheritedMetadata") or {}).get(part) or {})


def instance_labels(cluster: Object, serial: int, *, primary: bool) -> dict[str, str]:
    name = cluster["metadata"]["name"]
    role = "primary" if primary else "replica"
    return {
        **inherited(cluster, "labels"),
        "app.kubernetes.io/name": "postgresql",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": "database",
        "app.kubernetes.io/managed-by": "cloudnative-pg",
        CLUSTER_LABEL: name,
        INSTANCE_LABEL: instance_name(cluster, serial),
        POD_ROLE_LABEL: "instance",
        ROLE_LABEL: role,
        OLD_ROLE_LABEL: role,
    }


def pod(cluster: Object, serial: int, *, primary: bool) -> Object:
    """An instance. Its hash is that of the pod spec alone: what changes it needs a new pod, nothing else does."""
    spec = pod_spec(cluster, serial)
    return owned(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": instance_name(cluster, serial),
                "labels": instance_labels(cluster, serial, primary=primary),
                "annotations": {**inherited(cluster, "annotations"), HASH_ANNOTATION: digest(spec)},
            },
            "spec": spec,
        },
        cluster,
        NAME,
    )


def pod_spec(cluster: Object, serial: int) -> Object:
    """The spec of an instance's pod; passes the restricted Pod Security profile."""
    wanted = cluster["spec"]
    affinity = wanted.get("affinity") or {}
    user, group = wanted.get("postgresUID", _POSTGRES_ID), wanted.get("postgresGID", _POSTGRES_ID)
    seccomp = wanted.get("seccompProfile") or {"type": "RuntimeDefault"}
    spec: Object = {
        "hostname": instance_name(cluster, serial),
        "serviceAccountName": service_account_name(cluster),
        "terminationGracePeriodSeconds": wanted.get("stopDelay", _STOP_DELAY),
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": user,
            "runAsGroup": group,
            "fsGroup": group,
            "seccompProfile": seccomp,
        },
        "containers": [
            {
                "name": "postgres",
                "image": wanted.get("imageName", _DEFAULT_IMAGE),
                "command": ["/controller/manager", "instance", "run"],
                "ports": [{"name": name, "containerPort": port, "protocol": "TCP"} for name, port in _PORTS],
                "resources": wanted.get("resources") or {},
                "securityContext": restricted(seccomp),
                "volumeMounts": [
                    {"name": volume["name"], "mountPath": mount} for volume, mount in _volumes(cluster, serial)
                ],
            }
        ],
        "volumes": [volume for volume, _ in _volumes(cluster, serial)],
        "nodeSelector": affinity.get("nodeSelector"),
        "tolerations": affinity.get("tolerations"),
        "affinity": _affinity(cluster["metadata"]["name"], affinity),
        "topologySpreadConstraints": wanted.get("topologySpreadConstraints"),
        "priorityClassName": wanted.get("priorityClassName"),
        "schedulerName": wanted.get("schedulerName"),
        "imagePullSecrets": wanted.get("imagePullSecrets"),
    }
    return {field: value for field, value in spec.items() if value}


def restricted(seccomp: Object) -> Object:
    """A container's security context under the restricted Pod Security profile, as the operator sets it."""
    return {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "privileged": False,
        "readOnlyRootFilesystem": True,
        "runAsNonRoot": True,
        "seccompProfile": seccomp,
    }


def claims(cluster: Object, serial: int) -> Iterator[Object]:
    """The PersistentVolumeClaims of an instance: `<name>` and, with walStorage, `<name>-wal`."""
    for suffix, role, storage in _storages(cluster):
        template = storage.get("pvcTemplate") or {}
        spec: Object = {"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem", **template}
        if "storageClass" in storage:
            spec["storageClassName"] = storage["storageClass"]
        if "size" in storage:
            spec["resources"] = {"requests": {"storage": storage["size"]}}
        name = instance_name(cluster, serial)
        yield owned(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {
                    "name": name + suffix,
                    "labels": {
                        **inherited(cluster, "labels"),
                        CLUSTER_LABEL: cluster["metadata"]["name"],
                        INSTANCE_LABEL: name,
                        PVC_ROLE_LABEL: role,
                    },
                    "annotations": {**inherited(cluster, "annotations"), "cnpg.io/nodeSerial": str(serial)},
                },
                "spec": spec,
            },
            cluster,
            NAME,
        )


def services(cluster: Object) -> Iterator[Object]:
    """`-rw` (primary), `-ro` (replicas) and `-r` (all), less those the Cluster disables."""
    name = cluster["metadata"]["name"]
    disabled = ((cluster["spec"].get("managed") or {}).get("services") or {}).get("disabledDefaultServices") or []
    selectors = {"rw": {ROLE_LABEL: "primary"}, "ro": {ROLE_LABEL: "replica"}, "r": {POD_ROLE_LABEL: "instance"}}
    for suffix, selector in selectors.items():
        if suffix not in disabled:
            yield described(
                cluster,
                "v1",
                "Service",
                f"{name}-{suffix}",
                {
                    "type": "ClusterIP",
                    "selector": {CLUSTER_LABEL: name, **selector},
                    "ports": [{"name": "postgres", "port": 5432, "targetPort": 5432, "protocol": "TCP"}],
                },
            )


def disruption_budgets(cluster: Object) -> Iterator[Object]:
    """One for the primary and, from three instances on, one that lets one replica go at a time."""
    if not cluster["spec"].get("enablePDB", True):
        return
    name, instances = cluster["metadata"]["name"], cluster["spec"]["instances"]
    budgets = {f"{name}-primary": ("primary", 1)}
    if instances >= 3:
        budgets[name] = ("replica", instances - 2)
    for budget, (role, least) in budgets.items():
        selector = {"matchLabels": {CLUSTER_LABEL: name, ROLE_LABEL: role}}
        yield described(
            cluster, "policy/v1", "PodDisruptionBudget", budget, {"minAvailable": least, "selector": selector}
        )


def service_account_name(cluster: Object) -> str:
    return str(cluster["spec"].get("serviceAccountName") or cluster["metadata"]["name"])


def service_account(cluster: Object) -> Iterator[Object]:
    """The instances' ServiceAccount, unless the Cluster names one of the program's."""
    if "serviceAccountName" in cluster["spec"]:
        return
    template = (cluster["spec"].get("serviceAccountTemplate") or {}).get("metadata") or {}
    account = described(cluster, "v1", "ServiceAccount", service_account_name(cluster), None)
    for part in ("labels", "annotations"):
        account["metadata"][part] = {**account["metadata"].get(part, {}), **(template.get(part) or {})}
    yield account


def described(cluster: Object, api_version: str, kind: str, name: str, spec: Object | None) -> Object:
    """A manifest that belongs to the cluster and carries its label and what it hands down."""
    metadata: Object = {
        "name": name,
        "labels": {**inherited(cluster, "labels"), CLUSTER_LABEL: cluster["metadata"]["name"]},
        "annotations": inherited(cluster, "annotations"),
    }
    manifest: Object = {"apiVersion": api_version, "kind": kind, "metadata": metadata}
    return owned(manifest | ({"spec": spec} if spec is not None else {}), cluster, NAME)


def _storages(cluster: Object) -> list[tuple[str, str, Object]]:
    """Suffix of the claim, its role, and what the Cluster says of it."""
    storages = [("", "PG_DATA", cluster["spec"].get("storage") or {})]
    if "walStorage" in cluster["spec"]:
        storages.append(("-wal", "PG_WAL", cluster["spec"]["walStorage"]))
    return storages


def _volumes(cluster: Object, serial: int) -> list[tuple[Object, str]]:
    """The pod's volumes and where they are mounted."""
    mounts = {"PG_DATA": ("pgdata", "/var/lib/postgresql/data"), "PG_WAL": ("pg-wal", "/var/lib/postgresql/wal")}
    held: list[tuple[Object, str]] = []
    for suffix, role, _ in _storages(cluster):
        name, mount = mounts[role]
        claim = instance_name(cluster, serial) + suffix
        held.append(({"name": name, "persistentVolumeClaim": {"claimName": claim}}, mount))
    held.append(({"name": "scratch-data", "emptyDir": {}}, "/run"))
    held.append(({"name": "shm", "emptyDir": {"medium": "Memory"}}, _SHARED_MEMORY))
    return held


def _affinity(cluster: str, wanted: Object) -> Object:
    """Node affinity as given; pod (anti-)affinity as given, after the operator's own between instances."""
    terms: dict[str, list[Object]] = {"required": [], "preferred": []}
    if wanted.get("enablePodAntiAffinity", True):
        expressions = [
            {"key": CLUSTER_LABEL, "operator": "In", "values": [cluster]},
            {"key": POD_ROLE_LABEL, "operator": "In", "values": ["instance"]},
        ]
        term = {
            "labelSelector": {"matchExpressions": expressions},
            "topologyKey": wanted.get("topologyKey") or "kubernetes.io/hostname",
        }
        if wanted.get("podAntiAffinityType", "preferred") == "required":
            terms["required"].append(term)
        else:
            terms["preferred"].append({"weight": 100, "podAffinityTerm": term})
    anti: Object = {}
    for strength, own in terms.items():
        field = f"{strength}DuringSchedulingIgnoredDuringExecution"
        if both := own + ((wanted.get("additionalPodAntiAffinity") or {}).get(field) or []):
            anti[field] = both
    affinity = {
        "podAntiAffinity": anti,
        "podAffinity": wanted.get("additionalPodAffinity"),
        "nodeAffinity": wanted.get("nodeAffinity"),
    }
    return {field: value for field, value in affinity.items() if value}
