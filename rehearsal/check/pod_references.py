"""What pods take for granted: Secrets, ConfigMaps, volumes, accounts, classes, ports, and labels of their own."""

from collections.abc import Iterator
from typing import Any

from rehearsal.check.claims import Claim, Flaw, Selection, to, to_key
from rehearsal.check.cursor import Cursor
from rehearsal.check.inventory import Declared
from rehearsal.check.promises import pod_template
from rehearsal.check.selectors import could_select, described
from rehearsal.engine.model import UNKNOWN


def of_workload(item: Declared) -> Iterator[Claim]:
    """Deployments, Jobs, Pods and all others with a pod template."""
    template = pod_template(item)
    if template is None:
        return
    namespace = item.namespace or ""
    claim_templates = {
        entry.down("metadata", "name").scalar for entry in item.root.down("spec", "volumeClaimTemplates")
    }
    yield from of_pod_spec(template["spec"], namespace, claim_templates)
    yield from _own_labels(item, template)
    if item.kind == "StatefulSet.apps":
        yield from to(item.root.down("spec", "serviceName"), "Service", namespace)
        for entry in item.root.down("spec", "volumeClaimTemplates"):
            yield from to(entry.down("spec", "storageClassName"), "StorageClass.storage.k8s.io", None)


def of_pod_spec(spec: Cursor, namespace: str, more_volumes: set[Any] | None = None) -> Iterator[Claim]:
    """The references of a PodSpec, wherever it stands. `more_volumes` are names that the workload itself adds."""
    yield from to(spec["serviceAccountName"], "ServiceAccount", namespace)
    yield from to(spec["priorityClassName"], "PriorityClass.scheduling.k8s.io", None)
    yield from to(spec["runtimeClassName"], "RuntimeClass.node.k8s.io", None)
    for secret in spec["imagePullSecrets"]:
        yield from to(secret["name"], "Secret", namespace)
    for volume in spec["volumes"]:
        yield from _volume(volume, namespace)
    volumes = spec["volumes"].each("name") | (more_volumes or set())
    for container in (*spec["containers"], *spec["initContainers"]):
        yield from of_environment(container, namespace)
        yield from _mounts(container, volumes)
        yield from _named_ports(container)
    yield from _affinities(spec["affinity"], namespace)


def of_environment(container: Cursor, namespace: str) -> Iterator[Claim]:
    """`env` and `envFrom`, of a container or of what has them like one."""
    for variable in container["env"]:
        yield from to_key(variable.down("valueFrom", "secretKeyRef"), "Secret", namespace)
        yield from to_key(variable.down("valueFrom", "configMapKeyRef"), "ConfigMap", namespace)
    for source in container["envFrom"]:
        yield from to_key(source["secretRef"], "Secret", namespace)
        yield from to_key(source["configMapRef"], "ConfigMap", namespace)


def of_projected(sources: Cursor, namespace: str) -> Iterator[Claim]:
    """The sources of a projected volume."""
    for source in sources:
        yield from _file_source(source["secret"], "name", "Secret", namespace)
        yield from _file_source(source["configMap"], "name", "ConfigMap", namespace)


def _volume(volume: Cursor, namespace: str) -> Iterator[Claim]:
    yield from _file_source(volume["secret"], "secretName", "Secret", namespace)
    yield from _file_source(volume["configMap"], "name", "ConfigMap", namespace)
    yield from of_projected(volume.down("projected", "sources"), namespace)
    yield from to(volume.down("persistentVolumeClaim", "claimName"), "PersistentVolumeClaim", namespace)
    yield from to(volume.down("csi", "nodePublishSecretRef", "name"), "Secret", namespace)
    template = volume.down("ephemeral", "volumeClaimTemplate", "spec")
    yield from to(template["storageClassName"], "StorageClass.storage.k8s.io", None)


def _file_source(source: Cursor, name: str, kind: str, namespace: str) -> Iterator[Claim]:
    if source["optional"].value is not True:
        keys = tuple(entry["key"].scalar for entry in source["items"])
        yield from to(source[name], kind, namespace, keys)


def _mounts(container: Cursor, volumes: set[Any]) -> Iterator[Claim]:
    for mount in container["volumeMounts"]:
        name = mount["name"].text()
        if name and name is not UNKNOWN and name not in volumes and UNKNOWN not in volumes:
            known = ", ".join(sorted(map(str, volumes))) or "none"
            yield Flaw(mount.path, f"volume {name} is mounted, but the pod has no such volume (it has: {known})")


def _named_ports(container: Cursor) -> Iterator[Claim]:
    """A probe or hook may name a port: of its own container. The API server takes any name; the kubelet fails later."""
    names = container["ports"].each("name")
    handlers = [container[probe] for probe in ("livenessProbe", "readinessProbe", "startupProbe")]
    handlers += [container.down("lifecycle", hook) for hook in ("postStart", "preStop")]
    for handler in handlers:
        for action in ("httpGet", "tcpSocket"):
            port = handler.down(action, "port")
            if isinstance(port.value, str) and port.value not in names and UNKNOWN not in names:
                yield Flaw(port.path, f"port {port.value} is meant, but the container has no port of that name")


def _own_labels(item: Declared, template: Cursor) -> Iterator[Claim]:
    """A workload's selector, and its spread constraints without own selector term, must fit its own pods."""
    labels = template.down("metadata", "labels").mapping()
    selector = item.root.down("spec", "selector")
    if item.kind.endswith(".apps") and selector and not could_select(selector.value, labels):
        yield Flaw(
            selector.path,
            f"the selector ({described(selector.value)}) does not fit the labels of its own pod template",
            f"give {template.path}.metadata.labels the same labels",
        )
    for constraint in template.down("spec", "topologySpreadConstraints"):
        wanted = constraint["labelSelector"]
        if wanted and not could_select(wanted.value, labels):
            yield Flaw(
                wanted.path,
                f"the constraint counts pods with {described(wanted.value)}, and its own pods are not among them",
                "without its own pods a spread constraint spreads nothing",
            )


def _affinities(affinity: Cursor, namespace: str) -> Iterator[Claim]:
    """Required pod affinity needs the others to exist. Anti-affinity and preferences that fit nobody do no harm."""
    for term in affinity.down("podAffinity", "requiredDuringSchedulingIgnoredDuringExecution"):
        if not term["namespaces"] and not term["namespaceSelector"]:
            yield Selection(term["labelSelector"].path, namespace, term["labelSelector"].value)
