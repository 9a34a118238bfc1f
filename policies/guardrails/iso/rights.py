"""Kubernetes rights: bound to the stack's own pods and people, in its own namespaces."""

from collections.abc import Iterator

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.iso.places import host_of
from guardrails.reading import Node
from guardrails.resource import Resource, family
from guardrails.rule import Violation

PLATFORM_GROUPS = limit(
    "platform-groups",
    ("platform-team", "break-glass", "approvers"),
    "Groups of people who look after every retailer's namespace.",
)


def binding(resource: Resource, graph: Graph) -> Iterator[Violation]:
    everywhere = resource.family == family(kinds.CLUSTER_ROLE_BINDING)
    if everywhere and not graph.contract.owns_cluster:
        yield Violation(resource, "gives rights in every namespace of a cluster that is another's")
    if resource.text("roleRef.kind") == "ClusterRole" and resource.text("roleRef.name") == "cluster-admin":
        yield Violation(resource, "gives every right there is")
    for subject in resource.items("subjects"):
        kind = subject.text("kind")
        if kind == "ServiceAccount":
            namespace = subject.text("namespace", resource.namespace)
            if namespace not in graph.rooms and not (graph.contract.owns_cluster and _is_operators(namespace, graph)):
                yield Violation(resource, f"lets in pods of {namespace}, which is not this stack's")
        elif kind == "Group":
            if not _is_own_group(subject.at("name"), graph):
                yield Violation(resource, f"lets in group {subject.text('name')}, which is not this stack's")
        else:
            yield Violation(resource, f"lets in {subject.text('name')} by name, whom no access entry lists")


def _is_operators(namespace: str, graph: Graph) -> bool:
    return namespace == "kube-system" or any(
        each.text("namespace", "") == namespace for each in graph.all(kinds.HELM_RELEASE)
    )


def _is_own_group(name: Node, graph: Graph) -> bool:
    """A group that two namespaces had in common would let one retailer's team into the other's."""
    text = name.text()
    return text in graph.config.words(PLATFORM_GROUPS) or any(text.startswith(f"{room}-") for room in graph.rooms)


def role(resource: Resource, graph: Graph) -> Iterator[Violation]:
    """A Role at the platform's is about objects by name, and the names are the retailer's own."""
    if resource.namespace != host_of(graph):
        return
    for rule in resource.items("rules"):
        names = rule.words("resourceNames")
        own = all(any(name.startswith(f"{room}-") for room in graph.rooms) for name in names)
        if not names or not own:
            yield Violation(resource, f"{rule.path} is about objects of {resource.namespace} that are not its own")


def entry(resource: Resource, graph: Graph) -> Iterator[Violation]:
    for group in resource.items("kubernetesGroups"):
        if not _is_own_group(group, graph):
            yield Violation(resource, f"hands out group {group.text()}, which is not this stack's")
        elif not graph.contract.owns_cluster and group.text() in graph.config.words(PLATFORM_GROUPS):
            yield Violation(resource, f"hands out {group.text()}, which is the cluster owner's to give")


def entry_policy(resource: Resource, graph: Graph) -> Iterator[Violation]:
    """EKS's own policies (AmazonEKSClusterAdminPolicy) are for the owner of the cluster, or for a namespace."""
    if graph.contract.owns_cluster:
        return
    scope = resource.at("accessScope")
    if scope.text("type") != "namespace" or not {*scope.words("namespaces")} <= {*graph.rooms}:
        yield Violation(resource, "gives rights beyond the stack's own namespaces")
