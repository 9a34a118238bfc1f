"""What comes into being through an object, without standing in the program: the table of promises.

Each entry says what Kubernetes or an operator makes of one object of a kind. Sources: the operators' documentation and
code at the versions in retail/versions.py; for CloudNativePG docs/src (architecture, applications, connection_pooling,
labels_annotations) of 1.30.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

from rehearsal.check.claims import group_kind
from rehearsal.check.cursor import Cursor
from rehearsal.check.finding import Where
from rehearsal.check.inventory import Declared, Pods, Ports, Thing
from rehearsal.engine.model import UNKNOWN

Promise = Iterator[Thing | Pods]

# No objects, but named by others: kinds of our own in the inventory.
POSTGRES_ROLE: Final = "PostgreSQL role"
CLUSTER_PLUGIN: Final = "plugin of the cluster"

APP_SECRET_KEYS: Final = frozenset(
    {"username", "user", "password", "dbname", "host", "port", "uri", "jdbc-uri", "fqdn-uri", "fqdn-jdbc-uri", "pgpass"}
)
_TLS_KEYS: Final = frozenset({"tls.crt", "tls.key"})
_POSTGRES_PORTS: Final[Ports] = frozenset({5432, "postgres"})
_INSTANCE_PORTS: Final[Ports] = frozenset({5432, 8000, 9187, "postgresql", "status", "metrics"})


def of_kubernetes() -> Promise:
    """What every EKS cluster has of its own."""
    by = "Kubernetes"
    for namespace in ("default", "kube-system", "kube-public", "kube-node-lease"):
        yield Thing("Namespace", None, namespace, by)
        yield from in_namespace(namespace)
    for name in ("system-cluster-critical", "system-node-critical"):
        yield Thing("PriorityClass.scheduling.k8s.io", None, name, by)
    for name in ("cluster-admin", "admin", "edit", "view", "system:auth-delegator", "system:node-proxier"):
        yield Thing("ClusterRole.rbac.authorization.k8s.io", None, name, by)
    name = "extension-apiserver-authentication-reader"
    yield Thing("Role.rbac.authorization.k8s.io", "kube-system", name, by)
    yield Thing("Service", "default", "kubernetes", by, ports=frozenset({443, "https"}))
    yield Thing("Service", "kube-system", "kube-dns", "EKS", ports=frozenset({53, 9153, "dns", "dns-tcp", "metrics"}))
    labels = {"k8s-app": "kube-dns", "eks.amazonaws.com/component": "coredns", "pod-template-hash": UNKNOWN}
    yield Pods("kube-system", labels, frozenset({53, 9153, "dns", "dns-tcp", "metrics"}), "EKS")


def in_namespace(namespace: str) -> Promise:
    """What the controller manager puts into every namespace."""
    yield Thing("ServiceAccount", namespace, "default", "Kubernetes")
    yield Thing("ConfigMap", namespace, "kube-root-ca.crt", "Kubernetes", keys=frozenset({"ca.crt"}))


def of_object(item: Declared) -> Promise:
    """The object itself, and what will be made of it."""
    yield Thing(item.kind, item.namespace, item.name, keys=_keys(item), ports=_ports(item))
    if item.kind == "Namespace":
        yield from in_namespace(item.name)
    if (template := pod_template(item)) and item.namespace is not None:
        labels = _merged(template.down("metadata", "labels"), _controller_labels(item))
        yield Pods(item.namespace, labels, container_ports(template["spec"]), str(item))
    if promise := _PROMISES.get(item.kind):
        yield from promise(item)


def pod_template(item: Declared) -> Cursor | None:
    """Where a workload has its pod template, or a Pod is one; None for other kinds."""
    where = _POD_TEMPLATES.get(item.kind)
    return None if where is None else item.root.down(*where)


def container_ports(pod_spec: Cursor) -> Ports:
    """The numbers and names of all ports that a pod's containers declare; sidecars included."""
    lists = [container["ports"] for container in (*pod_spec["containers"], *pod_spec["initContainers"])]
    found = [ports.each(field) for ports in lists for field in ("containerPort", "name")]
    unknown = {UNKNOWN} if pod_spec["containers"].value is UNKNOWN else set()
    return frozenset(unknown.union(*found))


def _merged(labels: Cursor, more: dict[str, Any]) -> Any:
    known = labels.mapping()
    return UNKNOWN if known is UNKNOWN else known | more


_POD_TEMPLATES: Final[dict[str, tuple[str, ...]]] = {
    "Pod": (),
    "ReplicationController": ("spec", "template"),
    "Deployment.apps": ("spec", "template"),
    "StatefulSet.apps": ("spec", "template"),
    "DaemonSet.apps": ("spec", "template"),
    "ReplicaSet.apps": ("spec", "template"),
    "Job.batch": ("spec", "template"),
    "CronJob.batch": ("spec", "jobTemplate", "spec", "template"),
    "ScaledJob.keda.sh": ("spec", "jobTargetRef", "template"),
}


def _controller_labels(item: Declared) -> dict[str, Any]:
    """Labels that a workload's controller adds to those of the template."""
    match item.kind:
        case "Deployment.apps":
            return {"pod-template-hash": UNKNOWN}
        case "StatefulSet.apps":
            return {"statefulset.kubernetes.io/pod-name": UNKNOWN, "apps.kubernetes.io/pod-index": UNKNOWN}
        case "Job.batch":
            return {"job-name": item.name, "batch.kubernetes.io/job-name": item.name}
        case "CronJob.batch" | "ScaledJob.keda.sh":
            return {"job-name": UNKNOWN, "batch.kubernetes.io/job-name": UNKNOWN}
    return {}


def _keys(item: Declared) -> frozenset[str] | None:
    if item.kind not in ("Secret", "ConfigMap"):
        return None
    parts = [item.root[name] for name in ("data", "stringData", "binaryData")]
    return None if any(part.value is UNKNOWN for part in parts) else frozenset().union(*(part.keys() for part in parts))


def _ports(item: Declared) -> Ports | None:
    spec = item.root["spec"]
    if item.kind != "Service" or spec["type"].value == "ExternalName" or spec["ports"].value is UNKNOWN:
        return None
    values = spec["ports"].each("port") | spec["ports"].each("name")
    return None if UNKNOWN in values else frozenset(values)


def _cluster(item: Declared) -> Promise:
    """A CloudNativePG Cluster: instance pods, three Services, Secrets, its ServiceAccount, plugins and roles."""
    spec, name, namespace, by = item.root["spec"], item.name, item.namespace or "", str(item)
    disabled = {service.scalar for service in spec.down("managed", "services", "disabledDefaultServices")}
    for suffix in sorted({"rw", "ro", "r"} - disabled):
        yield Thing("Service", namespace, f"{name}-{suffix}", by, ports=_POSTGRES_PORTS)
    for service in spec.down("managed", "services", "additional"):
        service_name = service.down("serviceTemplate", "metadata", "name").text()
        yield Thing("Service", namespace, service_name, by, ports=_POSTGRES_PORTS)
    yield from _cluster_secrets(spec, name, namespace, by)
    yield Thing("ServiceAccount", namespace, spec["serviceAccountName"].text(name), by)
    for plugin in spec["plugins"].each("name"):
        yield Thing(CLUSTER_PLUGIN, namespace, of_cluster(name, plugin), by)
    managed = spec.down("managed", "roles").each("name")
    for role in {"postgres", "streaming_replica", *_bootstrap_owners(spec), *managed}:
        yield Thing(POSTGRES_ROLE, namespace, of_cluster(name, role), by)
    own = {
        "cnpg.io/cluster": name,
        "cnpg.io/podRole": "instance",
        "cnpg.io/instanceName": UNKNOWN,
        "app.kubernetes.io/name": "postgresql",
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/component": "database",
        "app.kubernetes.io/managed-by": "cloudnative-pg",
        "app.kubernetes.io/version": UNKNOWN,
    }
    roles = ("primary", "replica") if spec["instances"].value != 1 else ("primary",)
    inherited = spec.down("inheritedMetadata", "labels")
    for role_now in roles:
        more = own | {"cnpg.io/instanceRole": role_now, "role": role_now}
        yield Pods(namespace, _merged(inherited, more), _INSTANCE_PORTS, by)
    # Its jobs (initdb, join, recovery) have jobRole in place of podRole: a policy that names podRole misses them.
    jobs = {key: value for key, value in own.items() if key != "cnpg.io/podRole"} | {"cnpg.io/jobRole": UNKNOWN}
    yield Pods(namespace, _merged(inherited, jobs), frozenset(), f"the jobs of {by}")


def of_cluster(cluster: Any, name: Any) -> Any:
    """How the inventory names a role or plugin, which means something in its cluster only."""
    return f"{cluster}/{name}" if isinstance(cluster, str) and isinstance(name, str) else UNKNOWN


def _bootstrap_owners(spec: Cursor) -> Iterator[str]:
    methods = [spec.down("bootstrap", method) for method in ("initdb", "recovery", "pg_basebackup")]
    given = [method for method in methods if method.value is not None]
    for method in given or methods[:1]:
        # Without an owner there is no application role after recovery; initdb calls it "app".
        if owner := method["owner"].text("app" if method is methods[0] else ""):
            yield owner


def _cluster_secrets(spec: Cursor, name: str, namespace: str, by: str) -> Promise:
    bootstrap = spec["bootstrap"]
    own_secret = any(bootstrap.down(method, "secret", "name") for method in ("initdb", "recovery", "pg_basebackup"))
    if not own_secret and list(_bootstrap_owners(spec)):
        yield Thing("Secret", namespace, f"{name}-app", by, keys=APP_SECRET_KEYS)
    if spec["enableSuperuserAccess"].value is True and not spec.down("superuserSecret", "name"):
        yield Thing("Secret", namespace, f"{name}-superuser", by, keys=APP_SECRET_KEYS)
    certificates = spec["certificates"]
    if not (certificates["serverCASecret"] and certificates["clientCASecret"]):
        yield Thing("Secret", namespace, f"{name}-ca", by, keys=frozenset({"ca.crt", "ca.key"}))
    if not certificates["serverTLSSecret"]:
        yield Thing("Secret", namespace, f"{name}-server", by, keys=_TLS_KEYS)
    if not certificates["replicationTLSSecret"]:
        yield Thing("Secret", namespace, f"{name}-replication", by, keys=_TLS_KEYS)


def _pooler(item: Declared) -> Promise:
    spec, namespace, by = item.root["spec"], item.namespace or "", str(item)
    yield Thing("Service", namespace, item.name, by, ports=frozenset({5432, "pgbouncer"}))
    yield Thing("ServiceAccount", namespace, spec["serviceAccountName"].text(item.name), by)
    own = {
        "cnpg.io/poolerName": item.name,
        "cnpg.io/cluster": spec.down("cluster", "name").text(),
        "cnpg.io/podRole": "pooler",
        "app.kubernetes.io/name": "postgresql",
        "app.kubernetes.io/instance": spec.down("cluster", "name").text(),
        "app.kubernetes.io/component": "pooler",
        "app.kubernetes.io/managed-by": "cloudnative-pg",
        "pod-template-hash": UNKNOWN,
    }
    labels = _merged(spec.down("template", "metadata", "labels"), own)
    yield Pods(namespace, labels, frozenset({5432, 9127, "pgbouncer", "metrics"}), by)


def _database_role(item: Declared) -> Promise:
    spec, cluster = item.root["spec"], item.root.down("spec", "cluster", "name").text()
    yield Thing(POSTGRES_ROLE, item.namespace, of_cluster(cluster, spec["name"].text()), str(item))
    if spec["clientCertificate"].value is not None and spec.down("clientCertificate", "enabled").value is not False:
        yield Thing("Secret", item.namespace, f"{item.name}-client-cert", str(item), keys=_TLS_KEYS)


def _external_secret(item: Declared) -> Promise:
    spec = item.root["spec"]
    target = spec["target"]
    if target["creationPolicy"].text("Owner") in ("Owner", "Orphan"):
        yield Thing("Secret", item.namespace, target["name"].text(item.name), str(item), keys=_external_keys(spec))


def _external_keys(spec: Cursor) -> frozenset[str] | None:
    """The keys of the Secret it makes; None where they come from outside (dataFrom, templateFrom)."""
    template, listed = spec.down("target", "template"), spec["data"].each("secretKey")
    if template["templateFrom"].value or template["data"].value is UNKNOWN:
        return None
    fetched = None if spec["dataFrom"].value or UNKNOWN in listed else frozenset(listed)
    if not template["data"].value:
        return fetched
    if template["mergePolicy"].text("Replace") == "Replace":
        return template["data"].keys()
    return None if fetched is None else fetched | template["data"].keys()


def _config_map(item: Declared) -> Promise:
    """Manifests in files: somebody (a drill) will create what they say, in the cluster that the ConfigMap is in."""
    for name, content in item.root["data"].fields():
        if not name.endswith(".json") or not isinstance(content.value, str):
            continue
        manifest = Cursor(_parsed(content.value))
        api_version, kind = manifest["apiVersion"].text(), manifest["kind"].text()
        if api_version and kind:
            made = manifest.down("metadata", "name").text()
            namespace = manifest.down("metadata", "namespace").text(item.namespace or "")
            where = Where(kind, namespace, made, item.where.urn)
            yield from of_object(Declared(where, group_kind(api_version, kind), namespace, made, manifest))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return None


def _certificate(item: Declared) -> Promise:
    spec = item.root["spec"]
    keys = _TLS_KEYS | {"ca.crt"}
    for kind, name in (("jks", "keystore.jks"), ("pkcs12", "keystore.p12")):
        if spec.down("keystores", kind, "create").value is True:
            keys |= {name}
    yield Thing("Secret", item.namespace, spec["secretName"].text(), str(item), keys=keys)
    # The pod that answers an ACME HTTP-01 challenge lives in the certificate's namespace, on port 8089.
    solver = {"acme.cert-manager.io/http01-solver": "true"}
    yield Pods(item.namespace or "", solver, frozenset({8089, "http"}), str(item))


def _issuer(item: Declared) -> Promise:
    account_key = item.root.down("spec", "acme", "privateKeySecretRef", "name")
    if account_key and item.namespace is not None:
        yield Thing("Secret", item.namespace, account_key.text(), str(item), keys=frozenset({"tls.key"}))


_PROMISES: Final[dict[str, Callable[[Declared], Promise]]] = {
    "ConfigMap": _config_map,
    group_kind("postgresql.cnpg.io/v1", "Cluster"): _cluster,
    group_kind("postgresql.cnpg.io/v1", "Pooler"): _pooler,
    group_kind("postgresql.cnpg.io/v1", "DatabaseRole"): _database_role,
    group_kind("external-secrets.io/v1", "ExternalSecret"): _external_secret,
    group_kind("cert-manager.io/v1", "Certificate"): _certificate,
    group_kind("cert-manager.io/v1", "Issuer"): _issuer,
}
