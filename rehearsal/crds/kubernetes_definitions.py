"""Kubernetes' own types, from the JSON schemas bundled with PyPI's kubernetes-validate (strict: no unknown fields).

Those schemas come from the API's OpenAPI document, which knows field names and types, but not what the API server
checks in code: the few allowed words of `imagePullPolicy`, the form of a label, the range of a port. `REFINEMENTS` adds
such rules for the types a platform declares (source: k8s.io/kubernetes pkg/apis/*/validation, 1.35).
"""

import functools
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import kubernetes_validate
from referencing import Registry, Resource
from referencing.jsonschema import EMPTY_REGISTRY, Schema

from retail import versions

_URI: Final = "https://kubernetes.io/api/_definitions.json"
_CORE: Final = "io.k8s.api.core.v1."
_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1."


def _text(pattern: str, longest: int, allowed: str) -> dict[str, Any]:
    return {"type": ["string", "null"], "pattern": f"^{pattern}$", "maxLength": longest, "x-allowed": allowed}


def _words(*words: str) -> dict[str, Any]:
    return {"enum": [*words, None]}


_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DNS_LABEL: Final = _text(_LABEL, 63, "a DNS label (lower-case letters, digits and -)")
DNS_SUBDOMAIN: Final = _text(rf"{_LABEL}(\.{_LABEL})*", 253, "a DNS name (lower-case letters, digits, - and .)")
# Roles and bindings: https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#path-segment-names
PATH_SEGMENT: Final = _text(r"(?!\.{1,2}$)[^/%]+", 253, "a name without / and %")
_QUALIFIED_NAME = rf"({_LABEL}(\.{_LABEL})*/)?([A-Za-z0-9][-A-Za-z0-9_.]{{0,61}})?[A-Za-z0-9]"
_KEY = {
    "pattern": f"^{_QUALIFIED_NAME}$",
    "maxLength": 317,
    "x-allowed": "prefix/name, the name of 63 characters or less",
}
_LABELS = {
    "propertyNames": _KEY,
    "additionalProperties": _text(
        r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", 63, "a label value (letters, digits, - _ and ., 63 or fewer)"
    ),
}
_PORT = {"minimum": 1, "maximum": 65535}
_PROTOCOL = _words("TCP", "UDP", "SCTP")
_QUANTITY = {
    "type": ["string", "number", "null"],
    "pattern": r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$",
    "x-allowed": "a quantity such as 250m, 1.5 or 2Gi",
}
_ACCESS_MODES = {"items": _words("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")}
_CONTAINER = {
    "name": DNS_LABEL,
    "imagePullPolicy": _words("Always", "IfNotPresent", "Never"),
    "terminationMessagePolicy": _words("File", "FallbackToLogsOnError"),
}

REFINEMENTS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    _META + "ObjectMeta": {
        "labels": _LABELS,
        "annotations": {"propertyNames": _KEY},
        "namespace": DNS_LABEL,
    },
    _META + "LabelSelector": {"matchLabels": _LABELS},
    _META + "LabelSelectorRequirement": {"operator": _words("In", "NotIn", "Exists", "DoesNotExist")},
    _CORE + "Container": _CONTAINER,
    _CORE + "EphemeralContainer": _CONTAINER,
    _CORE + "ContainerPort": {
        "containerPort": _PORT,
        "protocol": _PROTOCOL,
        "name": _text(
            r"(?!.*--)(?=.*[a-z])[a-z0-9]([-a-z0-9]*[a-z0-9])?", 15, "a port name of 15 characters or less"
        ),
    },
    _CORE + "EnvVar": {"name": {"minLength": 1, "pattern": "^[^=]+$"}},
    _CORE + "Volume": {"name": DNS_LABEL},
    _CORE + "SeccompProfile": {"type": _words("Localhost", "RuntimeDefault", "Unconfined")},
    _CORE + "PodSpec": {
        "restartPolicy": _words("Always", "OnFailure", "Never"),
        "dnsPolicy": _words("ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"),
        "preemptionPolicy": _words("PreemptLowerPriority", "Never"),
        "terminationGracePeriodSeconds": {"minimum": 0},
    },
    _CORE + "Toleration": {
        "operator": _words("Exists", "Equal"),
        "effect": _words("NoSchedule", "PreferNoSchedule", "NoExecute", ""),
    },
    _CORE + "NodeSelectorRequirement": {"operator": _words("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")},
    _CORE + "WeightedPodAffinityTerm": {"weight": {"minimum": 1, "maximum": 100}},
    _CORE + "TopologySpreadConstraint": {
        "maxSkew": {"minimum": 1},
        "minDomains": {"minimum": 1},
        "whenUnsatisfiable": _words("DoNotSchedule", "ScheduleAnyway"),
        "nodeAffinityPolicy": _words("Honor", "Ignore"),
        "nodeTaintsPolicy": _words("Honor", "Ignore"),
    },
    _CORE + "ServiceSpec": {
        "type": _words("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"),
        "sessionAffinity": _words("ClientIP", "None"),
        "externalTrafficPolicy": _words("Cluster", "Local"),
        "internalTrafficPolicy": _words("Cluster", "Local"),
        "selector": _LABELS,
    },
    _CORE + "ServicePort": {"port": _PORT, "protocol": _PROTOCOL, "name": DNS_LABEL},
    _CORE + "PersistentVolumeClaimSpec": {
        "accessModes": _ACCESS_MODES,
        "volumeMode": _words("Filesystem", "Block"),
    },
    _CORE + "PersistentVolumeSpec": {
        "accessModes": _ACCESS_MODES,
        "persistentVolumeReclaimPolicy": _words("Retain", "Delete", "Recycle"),
    },
    "io.k8s.api.apps.v1.DeploymentSpec": {"replicas": {"minimum": 0}},
    "io.k8s.api.apps.v1.DeploymentStrategy": {"type": _words("Recreate", "RollingUpdate")},
    "io.k8s.api.apps.v1.StatefulSetUpdateStrategy": {"type": _words("OnDelete", "RollingUpdate")},
    "io.k8s.api.apps.v1.StatefulSetSpec": {"podManagementPolicy": _words("OrderedReady", "Parallel")},
    "io.k8s.api.batch.v1.CronJobSpec": {
        "concurrencyPolicy": _words("Allow", "Forbid", "Replace"),
        "schedule": {
            "pattern": r"^(@(yearly|annually|monthly|weekly|daily|midnight|hourly|every .+)|\S+( +\S+){4})$",
            "x-allowed": "cron of five fields",
        },
    },
    "io.k8s.api.policy.v1.PodDisruptionBudgetSpec": {
        "unhealthyPodEvictionPolicy": _words("IfHealthyBudget", "AlwaysAllow")
    },
    "io.k8s.api.networking.v1.NetworkPolicySpec": {"policyTypes": {"items": _words("Ingress", "Egress")}},
    "io.k8s.api.networking.v1.NetworkPolicyPort": {"protocol": _PROTOCOL},
    "io.k8s.api.networking.v1.IPBlock": {"cidr": {"format": "cidr"}},
    "io.k8s.api.scheduling.v1.PriorityClass": {
        # Values above are Kubernetes' own (system-cluster-critical).
        "value": {"maximum": 1_000_000_000},
        "preemptionPolicy": _words("PreemptLowerPriority", "Never"),
    },
    "io.k8s.api.storage.v1.StorageClass": {
        "reclaimPolicy": _words("Delete", "Retain"),
        "volumeBindingMode": _words("Immediate", "WaitForFirstConsumer"),
    },
}  # fmt: skip


@functools.cache
def registry() -> "Registry[Schema]":
    """All types, refined, under the address that the schemas of single kinds refer to."""
    definitions: dict[str, Any] = _read("_definitions.json")
    types = definitions["$defs"]
    types["io.k8s.apimachinery.pkg.api.resource.Quantity"] = _QUANTITY
    types["io.k8s.apimachinery.pkg.util.intstr.IntOrString"] = {"type": ["integer", "string", "null"]}
    for name, fields in REFINEMENTS.items():
        for field, rules in fields.items():
            types[name]["properties"][field] |= rules
    refined: Registry[Schema] = EMPTY_REGISTRY.with_resource(_URI, Resource.from_contents(definitions))
    return refined


def reference(type_name: str) -> dict[str, str]:
    """A `$ref` to one of Kubernetes' types, such as `io.k8s.api.core.v1.PodTemplateSpec`."""
    return {"$ref": f"{_URI}#/$defs/{type_name}"}


OBJECT_META: Final = reference(_META + "ObjectMeta")
POD_TEMPLATE: Final = reference(_CORE + "PodTemplateSpec")


def kind_schema(api_version: str, kind: str) -> dict[str, Any] | None:
    """The schema of a built-in kind, or None if this Kubernetes has no such kind in that API version."""
    group, _, version = api_version.rpartition("/")
    stem = "-".join([kind.lower(), *([group.split(".")[0]] if group else []), version])
    try:
        schema: dict[str, Any] = _read(f"{stem}.json")
    except FileNotFoundError:
        return None
    identities = schema.get("x-kubernetes-group-version-kind", ())
    if {"group": group, "version": version, "kind": kind} not in identities:
        return None
    # A kind's own fields stand in its own file, all below them in the common one.
    for field, rules in REFINEMENTS.get(f"io.k8s.api.{group.split('.')[0] or 'core'}.{version}.{kind}", {}).items():
        schema["properties"][field] |= rules
    return schema


def _read(name: str) -> Any:
    folder = f"v{versions.KUBERNETES}.0-local-strict"
    return json.loads((files(kubernetes_validate) / "kubernetes-json-schema" / folder / name).read_text("utf-8"))
