"""What CloudNativePG's kinds and its backup plugin's take for granted."""

from collections.abc import Callable, Iterator
from typing import Final

from rehearsal.check.claims import Claim, Flaw, Reference, to, to_key
from rehearsal.check.cursor import Cursor
from rehearsal.check.inventory import Declared
from rehearsal.check.pod_references import of_environment, of_pod_spec, of_projected
from rehearsal.check.promises import CLUSTER_PLUGIN, POSTGRES_ROLE, of_cluster
from rehearsal.engine.model import UNKNOWN

_CNPG: Final = "postgresql.cnpg.io"
BARMAN_PLUGIN: Final = "barman-cloud.cloudnative-pg.io"
_LOGIN_KEYS: Final = ("username", "password")


def _cluster(item: Declared) -> Iterator[Claim]:
    spec, namespace = item.root["spec"], item.namespace or ""
    yield from _secrets(spec, namespace)
    yield from _bootstrap(spec, item)
    yield from of_environment(spec, namespace)
    yield from of_projected(spec.down("projectedVolumeTemplate", "sources"), namespace)
    yield from to(spec["priorityClassName"], "PriorityClass.scheduling.k8s.io", None)
    yield from to(spec["serviceAccountName"], "ServiceAccount", namespace)
    yield from _image_catalog(spec["imageCatalogRef"], namespace)
    storages = [spec["storage"], spec["walStorage"], *(space["storage"] for space in spec["tablespaces"])]
    for storage in storages:
        for place in (storage["storageClass"], storage.down("pvcTemplate", "storageClassName")):
            yield from to(place, "StorageClass.storage.k8s.io", None)
    for plugin in (*spec["plugins"], *(external["plugin"] for external in spec["externalClusters"])):
        if plugin["name"].value == BARMAN_PLUGIN:
            yield from to(plugin.down("parameters", "barmanObjectName"), "ObjectStore.barmancloud.cnpg.io", namespace)
    snapshots = spec.down("backup", "volumeSnapshot")
    for field in ("className", "walClassName"):
        yield from to(snapshots[field], "VolumeSnapshotClass.snapshot.storage.k8s.io", None)


def _secrets(spec: Cursor, namespace: str) -> Iterator[Claim]:
    yield from to(spec.down("superuserSecret", "name"), "Secret", namespace, _LOGIN_KEYS)
    for method in ("initdb", "recovery", "pg_basebackup"):
        yield from to(spec.down("bootstrap", method, "secret", "name"), "Secret", namespace, _LOGIN_KEYS)
    for role in spec.down("managed", "roles"):
        yield from to(role.down("passwordSecret", "name"), "Secret", namespace, _LOGIN_KEYS)
    certificates = spec["certificates"]
    for field in ("serverCASecret", "clientCASecret"):
        yield from to(certificates[field], "Secret", namespace, ("ca.crt",))
    for field in ("serverTLSSecret", "replicationTLSSecret"):
        yield from to(certificates[field], "Secret", namespace, ("tls.crt", "tls.key"))
    for external in spec["externalClusters"]:
        for field in ("password", "sslCert", "sslKey", "sslRootCert"):
            yield from to_key(external[field], "Secret", namespace)
    monitoring = spec["monitoring"]
    for entry in monitoring["customQueriesConfigMap"]:
        yield from to_key(entry, "ConfigMap", namespace)
    for entry in monitoring["customQueriesSecret"]:
        yield from to_key(entry, "Secret", namespace)
    for secret in spec["imagePullSecrets"]:
        yield from to(secret["name"], "Secret", namespace)


def _bootstrap(spec: Cursor, item: Declared) -> Iterator[Claim]:
    """Sources are entries of the cluster's own `externalClusters`; SQL comes from ConfigMaps and Secrets."""
    bootstrap, namespace = spec["bootstrap"], item.namespace
    external = spec["externalClusters"].each("name")
    sources = [bootstrap.down("recovery", "source"), bootstrap.down("pg_basebackup", "source")]
    sources += [spec.down("replica", "source"), bootstrap.down("initdb", "import", "source", "externalCluster")]
    for source in sources:
        name = source.text()
        if name and name is not UNKNOWN and not {name, UNKNOWN} & external:
            known = ", ".join(sorted(map(str, external))) or "none"
            yield Flaw(source.path, f"{source.value} is none of spec.externalClusters (there: {known})")
    yield from to(bootstrap.down("recovery", "backup", "name"), f"Backup.{_CNPG}", namespace)
    for field in ("postInitSQLRefs", "postInitTemplateSQLRefs", "postInitApplicationSQLRefs"):
        references = bootstrap.down("initdb", field)
        for entry in references["configMapRefs"]:
            yield from to_key(entry, "ConfigMap", namespace)
        for entry in references["secretRefs"]:
            yield from to_key(entry, "Secret", namespace)


def _image_catalog(reference: Cursor, namespace: str) -> Iterator[Claim]:
    kind = reference["kind"].text()
    if kind is not UNKNOWN:
        yield from to(reference["name"], f"{kind}.{_CNPG}", None if kind == "ClusterImageCatalog" else namespace)


def _pooler(item: Declared) -> Iterator[Claim]:
    spec, namespace = item.root["spec"], item.namespace or ""
    yield from to(spec.down("cluster", "name"), f"Cluster.{_CNPG}", namespace)
    pgbouncer = spec["pgbouncer"]
    for field in ("authQuerySecret", "clientCASecret", "clientTLSSecret", "serverCASecret", "serverTLSSecret"):
        yield from to(pgbouncer.down(field, "name"), "Secret", namespace)
    yield from _image_catalog(pgbouncer["imageCatalogRef"], namespace)
    yield from to(spec["serviceAccountName"], "ServiceAccount", namespace)
    # The operator adds volumes of its own to this template, so mounts of unknown volumes are left to it.
    yield from of_pod_spec(spec.down("template", "spec"), namespace, {UNKNOWN})


def _backup(item: Declared) -> Iterator[Claim]:
    """Backup and ScheduledBackup: a cluster, and for method plugin one of that cluster's plugins."""
    spec = item.root["spec"]
    cluster, plugin = spec.down("cluster", "name"), spec.down("pluginConfiguration", "name")
    yield from to(cluster, f"Cluster.{_CNPG}", item.namespace)
    if spec["method"].value == "plugin" and not plugin:
        yield Flaw(f"{plugin.path}", "method plugin needs the plugin's name")
    yield from _of_cluster(plugin, CLUSTER_PLUGIN, cluster, item)


def _database(item: Declared) -> Iterator[Claim]:
    spec = item.root["spec"]
    cluster = spec.down("cluster", "name")
    yield from to(cluster, f"Cluster.{_CNPG}", item.namespace)
    yield from _of_cluster(spec["owner"], POSTGRES_ROLE, cluster, item)
    for schema in spec["schemas"]:
        yield from _of_cluster(schema["owner"], POSTGRES_ROLE, cluster, item)


def _database_role(item: Declared) -> Iterator[Claim]:
    spec = item.root["spec"]
    cluster = spec.down("cluster", "name")
    yield from to(cluster, f"Cluster.{_CNPG}", item.namespace)
    yield from to(spec.down("passwordSecret", "name"), "Secret", item.namespace, _LOGIN_KEYS)
    for role in spec["inRoles"]:
        # pg_monitor and the like are PostgreSQL's own.
        if not (isinstance(role.value, str) and role.value.startswith("pg_")):
            yield from _of_cluster(role, POSTGRES_ROLE, cluster, item)


def _of_cluster(place: Cursor, kind: str, cluster: Cursor, item: Declared) -> Iterator[Claim]:
    """A role or plugin by name, which must be one of that cluster."""
    if place:
        yield Reference(place.path, kind, item.namespace, of_cluster(cluster.value, place.value))


def _object_store(item: Declared) -> Iterator[Claim]:
    configuration, namespace = item.root.down("spec", "configuration"), item.namespace or ""
    for field in ("accessKeyId", "secretAccessKey", "sessionToken", "region"):
        yield from to_key(configuration.down("s3Credentials", field), "Secret", namespace)
    yield from to_key(configuration["endpointCA"], "Secret", namespace)
    yield from of_environment(item.root.down("spec", "instanceSidecarConfiguration"), namespace)


FINDERS: Final[dict[str, Callable[[Declared], Iterator[Claim]]]] = {
    f"Cluster.{_CNPG}": _cluster,
    f"Pooler.{_CNPG}": _pooler,
    f"Backup.{_CNPG}": _backup,
    f"ScheduledBackup.{_CNPG}": _backup,
    f"Database.{_CNPG}": _database,
    f"DatabaseRole.{_CNPG}": _database_role,
    "ObjectStore.barmancloud.cnpg.io": _object_store,
}
