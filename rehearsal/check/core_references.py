"""What Kubernetes' own kinds take for granted, apart from pods."""

from collections.abc import Callable, Iterator
from typing import Final

from rehearsal.check.claims import Claim, Selection, group_kind, to
from rehearsal.check.cursor import Cursor
from rehearsal.check.inventory import Declared
from rehearsal.engine.model import UNKNOWN

Finder = Callable[[Declared], Iterator[Claim]]

_NAMESPACE_NAME: Final = "kubernetes.io/metadata.name"
_RBAC: Final = "rbac.authorization.k8s.io"


def _service(item: Declared) -> Iterator[Claim]:
    spec = item.root["spec"]
    if spec["type"].value == "ExternalName" or not isinstance(spec["selector"].value, dict) or not spec["selector"]:
        return
    selector = {"matchLabels": spec["selector"].value}
    for port in spec["ports"]:
        target = port["targetPort"] if port["targetPort"] else port["port"]
        yield Selection(target.path, item.namespace or "", selector, port=target.scalar)


def _disruption_budget(item: Declared) -> Iterator[Claim]:
    selector = item.root.down("spec", "selector")
    if selector.value is not None:
        yield Selection(selector.path, item.namespace or "", selector.value)


def _network_policy(item: Declared) -> Iterator[Claim]:
    spec, namespace = item.root["spec"], item.namespace or ""
    if spec["podSelector"]:
        yield from _pods_if_narrowed(spec["podSelector"], namespace)
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for rule in spec[direction]:
            for peer in rule[side]:
                yield from _peer(peer, namespace)


def _peer(peer: Cursor, own_namespace: str) -> Iterator[Claim]:
    """Peers in this namespace or a named one. A selector over namespaces may mean some that other stacks add."""
    if peer["namespaceSelector"].value is None:
        yield from _pods_if_narrowed(peer["podSelector"], own_namespace)
        return
    name = peer.down("namespaceSelector", "matchLabels", _NAMESPACE_NAME)
    if name:
        yield from to(name, "Namespace", None)
        if isinstance(name.value, str):
            yield from _pods_if_narrowed(peer["podSelector"], name.value)


def _pods_if_narrowed(selector: Cursor, namespace: str) -> Iterator[Claim]:
    """An empty selector means all pods, also where there are none yet."""
    if isinstance(selector.value, dict) and any(selector.value.values()):
        yield Selection(selector.path, namespace, selector.value)


def _binding(item: Declared) -> Iterator[Claim]:
    role = item.root["roleRef"]
    kind = role["kind"].text()
    if kind in ("Role", "ClusterRole"):
        yield from to(role["name"], f"{kind}.{_RBAC}", item.namespace if kind == "Role" else None)
    for subject in item.root["subjects"]:
        if subject["kind"].value == "ServiceAccount":
            yield from to(subject["name"], "ServiceAccount", subject["namespace"].text(item.namespace or "default"))


def _ingress(item: Declared) -> Iterator[Claim]:
    spec, namespace = item.root["spec"], item.namespace
    yield from to(spec["ingressClassName"], "IngressClass.networking.k8s.io", None)
    for entry in spec["tls"]:
        yield from to(entry["secretName"], "Secret", namespace)
    paths = [path["backend"] for rule in spec["rules"] for path in rule.down("http", "paths")]
    for backend in (spec["defaultBackend"], *paths):
        service = backend["service"]
        port = service.down("port", "number").scalar or service.down("port", "name").scalar
        yield from to(service["name"], "Service", namespace, port=port)


def _horizontal_autoscaler(item: Declared) -> Iterator[Claim]:
    yield from scale_target(item.root.down("spec", "scaleTargetRef"), item.namespace)


def scale_target(target: Cursor, namespace: str | None, version: str = "", kind: str = "") -> Iterator[Claim]:
    """A `{apiVersion, kind, name}`; the last two arguments are what stands for a missing one."""
    wanted_version, wanted_kind = target["apiVersion"].text(version), target["kind"].text(kind)
    if wanted_version is not UNKNOWN and wanted_kind is not UNKNOWN:
        yield from to(target["name"], group_kind(wanted_version, wanted_kind), namespace)


def _volume_claim(item: Declared) -> Iterator[Claim]:
    spec = item.root["spec"]
    yield from to(spec["storageClassName"], "StorageClass.storage.k8s.io", None)
    yield from to(spec["volumeName"], "PersistentVolume", None)
    source = spec["dataSource"]
    if source["kind"].value == "VolumeSnapshot":
        yield from to(source["name"], "VolumeSnapshot.snapshot.storage.k8s.io", item.namespace)


def _service_account(item: Declared) -> Iterator[Claim]:
    for field in ("secrets", "imagePullSecrets"):
        for secret in item.root[field]:
            yield from to(secret["name"], "Secret", item.namespace)


def _quota(item: Declared) -> Iterator[Claim]:
    for expression in item.root.down("spec", "scopeSelector", "matchExpressions"):
        if expression["scopeName"].value == "PriorityClass":
            for name in expression["values"]:
                yield from to(name, "PriorityClass.scheduling.k8s.io", None)


def _admission_binding(item: Declared) -> Iterator[Claim]:
    policy = item.root.down("spec", "policyName")
    yield from to(policy, "ValidatingAdmissionPolicy.admissionregistration.k8s.io", None)


FINDERS: Final[dict[str, Finder]] = {
    "Service": _service,
    "ServiceAccount": _service_account,
    "PersistentVolumeClaim": _volume_claim,
    "ResourceQuota": _quota,
    "PodDisruptionBudget.policy": _disruption_budget,
    "NetworkPolicy.networking.k8s.io": _network_policy,
    "Ingress.networking.k8s.io": _ingress,
    f"RoleBinding.{_RBAC}": _binding,
    f"ClusterRoleBinding.{_RBAC}": _binding,
    "HorizontalPodAutoscaler.autoscaling": _horizontal_autoscaler,
    "ValidatingAdmissionPolicyBinding.admissionregistration.k8s.io": _admission_binding,
}
