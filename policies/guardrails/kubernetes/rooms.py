"""The namespaces that are a stack's own: those that it runs pods in, or declares and installs no operator into."""

from typing import TYPE_CHECKING

from guardrails import kinds
from guardrails.reading import Unjudged
from guardrails.resource import Resource

if TYPE_CHECKING:
    from guardrails.graph import Graph


def rooms(graph: "Graph") -> dict[str, Resource | None]:
    """By name, with the Namespace; None for one that pods run in and that the stack does not make."""
    made = {each.object_name: each for each in graph.all(kinds.NAMESPACE)}
    operators = {each.text("namespace", "") for each in graph.all(kinds.HELM_RELEASE)}
    lived_in = {_namespace(workload.resource) for workload in graph.workloads}
    own: dict[str, Resource | None] = {name: made.get(name) for name in sorted(lived_in)}
    return {**own, **{name: each for name, each in made.items() if name not in operators}}


def labels_of(namespace: Resource | None, name: str) -> dict[str, str]:
    """Labels of a namespace, with the one that Kubernetes adds and nobody can forge."""
    return {**(namespace.labels if namespace else {}), "kubernetes.io/metadata.name": name}


def _namespace(resource: Resource) -> str:
    """Where it is; `default` where it doesn't say, or can't."""
    try:
        return resource.namespace or "default"
    except Unjudged:
        return "default"
