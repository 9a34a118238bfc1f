"""What the kubernetes provider would answer: identity, and the address of a load balancer. Nothing is applied here."""

import hashlib
import uuid
from typing import Any, Final

from rehearsal.engine.computed import Computed
from rehearsal.engine.model import Resource, reveal

RELEASE: Final = "kubernetes:helm.sh/v3:Release"


def kubernetes_outputs(resource: Resource) -> Computed:
    """The outputs of any `kubernetes:*` resource; its inputs are echoed by the caller."""
    digest = hashlib.sha256(resource.urn.encode()).hexdigest()
    if resource.type == RELEASE:
        return _release(reveal(resource.inputs), digest, resource.name)
    metadata = resource.inputs.get("metadata")
    plain = reveal(metadata) if isinstance(metadata, dict) else {}
    name, namespace = plain.get("name"), plain.get("namespace")
    outputs: dict[str, Any] = {}
    if isinstance(metadata, dict):
        outputs["metadata"] = {**metadata, "uid": str(uuid.UUID(digest[:32], version=4)), "generation": 1}
    spec = reveal(resource.inputs.get("spec"))
    if resource.type == "kubernetes:core/v1:Service" and isinstance(spec, dict) and spec.get("type") == "LoadBalancer":
        host = f"k8s-{namespace}-{name}-{digest[:10]}.elb.amazonaws.com"
        outputs["status"] = {"loadBalancer": {"ingress": [{"hostname": host}]}}
    return Computed(f"{namespace}/{name}" if namespace else str(name), outputs)


def _release(inputs: dict[str, Any], digest: str, logical_name: str) -> Computed:
    name = inputs.get("name") or f"{logical_name}-{digest[:8]}"
    namespace = inputs.get("namespace") or "default"
    status = {
        "name": name,
        "namespace": namespace,
        "chart": inputs.get("chart"),
        "version": inputs.get("version"),
        "revision": 1,
        "status": "deployed",
    }
    return Computed(
        f"{namespace}/{name}", {"name": name, "namespace": namespace, "status": status}, frozenset({"name"})
    )
