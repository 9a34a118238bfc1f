"""How Kubernetes matches labels, taints and node affinity; the parts the stand-ins need."""

from collections.abc import Iterable, Mapping
from typing import Any

Labels = Mapping[str, str]


def requirement_holds(requirement: Mapping[str, Any], labels: Labels) -> bool:
    """One `{key, operator, values}` of a label selector, of node affinity or of a Karpenter NodePool."""
    key, operator = requirement["key"], requirement["operator"]
    values = requirement.get("values") or []
    present = key in labels
    match operator:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return not present or labels[key] not in values
        case "Exists":
            return present
        case "DoesNotExist":
            return not present
        case "Gt":
            return present and int(labels[key]) > int(values[0])
        case "Lt":
            return present and int(labels[key]) < int(values[0])
    raise ValueError(f"unknown operator {operator!r} for {key}")


def selects(selector: Mapping[str, Any] | None, labels: Labels) -> bool:
    """A `metav1.LabelSelector`: absent selects nothing, empty everything."""
    if selector is None:
        return False
    wanted = (selector.get("matchLabels") or {}).items()
    expressions = selector.get("matchExpressions") or []
    return all(labels.get(key) == value for key, value in wanted) and all(
        requirement_holds(expression, labels) for expression in expressions
    )


def tolerates(tolerations: Iterable[Mapping[str, Any]], taints: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a pod may be placed in spite of the taints (PreferNoSchedule keeps nobody out)."""
    tolerations = list(tolerations)
    return all(
        taint["effect"] == "PreferNoSchedule" or any(_tolerated(taint, toleration) for toleration in tolerations)
        for taint in taints
    )


def _tolerated(taint: Mapping[str, Any], toleration: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return bool(toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""))


def node_terms(pod_spec: Mapping[str, Any]) -> list[list[Mapping[str, Any]]]:
    """What a pod demands of its node, as alternatives (or) of requirements (and): nodeSelector and required
    node affinity. One empty alternative when it demands nothing.
    """
    selector: list[Mapping[str, Any]] = [
        {"key": key, "operator": "In", "values": [value]} for key, value in (pod_spec.get("nodeSelector") or {}).items()
    ]
    affinity = (pod_spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if not required:
        return [selector]
    return [selector + (term.get("matchExpressions") or []) for term in required["nodeSelectorTerms"]]


def fits_labels(pod_spec: Mapping[str, Any], labels: Labels) -> bool:
    """Whether a node with these labels is what the pod demands."""
    return any(all(requirement_holds(wanted, labels) for wanted in term) for term in node_terms(pod_spec))
