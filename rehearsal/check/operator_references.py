"""What the kinds of KEDA, External Secrets, cert-manager, Karpenter, Prometheus and snapshots take for granted."""

from collections.abc import Callable, Iterator
from typing import Final

from rehearsal.check.claims import Claim, Selection, group_kind, to, to_key
from rehearsal.check.core_references import scale_target
from rehearsal.check.cursor import Cursor
from rehearsal.check.inventory import Declared
from rehearsal.engine.model import UNKNOWN

_SECRETS: Final = "external-secrets.io"
_ISSUERS: Final = "cert-manager.io"


def _scaled_object(item: Declared) -> Iterator[Claim]:
    spec = item.root["spec"]
    yield from scale_target(spec["scaleTargetRef"], item.namespace, "apps/v1", "Deployment")
    yield from _triggers(spec, item.namespace)


def _scaled_job(item: Declared) -> Iterator[Claim]:
    yield from _triggers(item.root["spec"], item.namespace)


def _triggers(spec: Cursor, namespace: str | None) -> Iterator[Claim]:
    for trigger in spec["triggers"]:
        authentication = trigger["authenticationRef"]
        kind = authentication["kind"].text("TriggerAuthentication")
        if kind is not UNKNOWN:
            yield from to(
                authentication["name"], f"{kind}.keda.sh", None if kind == "ClusterTriggerAuthentication" else namespace
            )


def _trigger_authentication(item: Declared) -> Iterator[Claim]:
    spec = item.root["spec"]
    for entry in spec["secretTargetRef"]:
        yield from to_key(entry, "Secret", item.namespace)
    for entry in spec["configMapTargetRef"]:
        yield from to_key(entry, "ConfigMap", item.namespace)


def _external_secret(item: Declared) -> Iterator[Claim]:
    spec, namespace = item.root["spec"], item.namespace
    sources = [entry["sourceRef"] for entry in (*spec["data"], *spec["dataFrom"])]
    for store in (spec["secretStoreRef"], *(source["storeRef"] for source in sources)):
        yield from _store(store, namespace)
    for source in sources:
        generator = source["generatorRef"]
        if generator["kind"].scalar not in (None, UNKNOWN, "ClusterGenerator"):
            kind = group_kind("generators.external-secrets.io/v1alpha1", generator["kind"].text())
            yield from to(generator["name"], kind, namespace)
    for part in spec.down("target", "template", "templateFrom"):
        for field, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
            keys = tuple(part.down(field, "items").each("key"))
            yield from to(part.down(field, "name"), kind, namespace, keys)


def _push_secret(item: Declared) -> Iterator[Claim]:
    spec = item.root["spec"]
    for store in spec["secretStoreRefs"]:
        yield from _store(store, item.namespace)
    keys = tuple(match["secretKey"].scalar for entry in spec["data"] if (match := entry["match"])["secretKey"])
    yield from to(spec.down("selector", "secret", "name"), "Secret", item.namespace, keys)


def _store(store: Cursor, namespace: str | None) -> Iterator[Claim]:
    kind = store["kind"].text("SecretStore")
    if kind is not UNKNOWN:
        yield from to(store["name"], f"{kind}.{_SECRETS}", None if kind == "ClusterSecretStore" else namespace)


def _secret_store(item: Declared) -> Iterator[Claim]:
    """SecretStore and ClusterSecretStore with AWS; the latter names namespaces itself."""
    auth = item.root.down("spec", "provider", "aws", "auth")
    account = auth.down("jwt", "serviceAccountRef")
    yield from to(account["name"], "ServiceAccount", account["namespace"].text(item.namespace or "default"))
    for field in ("accessKeyIDSecretRef", "secretAccessKeySecretRef", "sessionTokenSecretRef"):
        secret = auth.down("secretRef", field)
        yield from to_key(secret, "Secret", secret["namespace"].text(item.namespace or "default"))


def _certificate(item: Declared) -> Iterator[Claim]:
    spec, namespace = item.root["spec"], item.namespace
    yield from _issuer_reference(spec["issuerRef"], namespace)
    for store in ("jks", "pkcs12"):
        yield from to_key(spec.down("keystores", store, "passwordSecretRef"), "Secret", namespace)


def _issuer_reference(issuer: Cursor, namespace: str | None) -> Iterator[Claim]:
    """An `issuerRef`; issuers of other groups than cert-manager's are somebody else's."""
    kind = issuer["kind"].text("Issuer")
    if issuer["group"].text(_ISSUERS) == _ISSUERS and kind is not UNKNOWN:
        yield from to(issuer["name"], f"{kind}.{_ISSUERS}", None if kind == "ClusterIssuer" else namespace)


def _issuer(item: Declared) -> Iterator[Claim]:
    """An Issuer reads Secrets beside it. (A ClusterIssuer reads them in the namespace its chart was told of.)"""
    spec = item.root["spec"]
    yield from to(spec.down("ca", "secretName"), "Secret", item.namespace, ("tls.crt", "tls.key"))
    for solver in spec.down("acme", "solvers"):
        route53 = solver.down("dns01", "route53")
        yield from to_key(route53["secretAccessKeySecretRef"], "Secret", item.namespace)
        yield from to(route53.down("auth", "kubernetes", "serviceAccountRef", "name"), "ServiceAccount", item.namespace)


def _node_pool(item: Declared) -> Iterator[Claim]:
    node_class = item.root.down("spec", "template", "spec", "nodeClassRef")
    kind, group = node_class["kind"].text(), node_class["group"].text()
    if kind is not UNKNOWN and group is not UNKNOWN:
        yield from to(node_class["name"], f"{kind}.{group}", None)


def _pod_monitor(item: Declared) -> Iterator[Claim]:
    spec = item.root["spec"]
    for namespace in _monitored_namespaces(spec, item):
        for endpoint in spec["podMetricsEndpoints"]:
            port = endpoint["port"].scalar or endpoint["portNumber"].scalar or endpoint["targetPort"].scalar
            yield Selection(endpoint.path, namespace, spec["selector"].value, port=port)


def _monitored_namespaces(spec: Cursor, item: Declared) -> list[str]:
    """Those a monitor names; none for `any`, which may mean what other stacks add."""
    selector = spec["namespaceSelector"]
    if selector["any"].value is True:
        return []
    named = [name.text() for name in selector["matchNames"]]
    return [name for name in named if name is not UNKNOWN] if named else [item.namespace or ""]


def _snapshot(item: Declared) -> Iterator[Claim]:
    spec = item.root["spec"]
    yield from to(spec["volumeSnapshotClassName"], "VolumeSnapshotClass.snapshot.storage.k8s.io", None)
    yield from to(spec.down("source", "persistentVolumeClaimName"), "PersistentVolumeClaim", item.namespace)


FINDERS: Final[dict[str, Callable[[Declared], Iterator[Claim]]]] = {
    "ScaledObject.keda.sh": _scaled_object,
    "ScaledJob.keda.sh": _scaled_job,
    "TriggerAuthentication.keda.sh": _trigger_authentication,
    f"ExternalSecret.{_SECRETS}": _external_secret,
    f"PushSecret.{_SECRETS}": _push_secret,
    f"SecretStore.{_SECRETS}": _secret_store,
    f"ClusterSecretStore.{_SECRETS}": _secret_store,
    f"Certificate.{_ISSUERS}": _certificate,
    f"Issuer.{_ISSUERS}": _issuer,
    "NodePool.karpenter.sh": _node_pool,
    "PodMonitor.monitoring.coreos.com": _pod_monitor,
    "VolumeSnapshot.snapshot.storage.k8s.io": _snapshot,
}
