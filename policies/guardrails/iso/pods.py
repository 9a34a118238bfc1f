"""What keeps a container from the node that it runs on, and so from everybody else there."""

from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.iso.places import TEMPLATED
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, stack_rule

ADDABLE: Final = ("NET_BIND_SERVICE",)
"""Capabilities that Pod Security `restricted` lets a container add."""


@stack_rule(
    "iso-13",
    of=(*TEMPLATED, kinds.POOLER),
    severity=Severity.CRITICAL,
    says="Every pod is what Pod Security `restricted` admits, and can't write to its own image.",
    why="A namespace that enforces `restricted` refuses any other pod, and the rollout stops half-way; one that does "
    "not lets it reach the node. What can't write to its image can't keep what an attacker brought along.",
    fix="runAsNonRoot, seccompProfile RuntimeDefault, allowPrivilegeEscalation false, capabilities drop [ALL], "
    "readOnlyRootFilesystem true with emptyDirs; nothing of the host",
    scenario="An exploited report plugin tries to install a tool; there is nowhere to write it, and no "
    "right to run it.",
    implies=("iso-01", "iso-02", "iso-04", "ing-09"),
    protects=Protects.ISOLATION,
)
def restricted(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.namespace not in graph.rooms:
        return
    workload = graph.workload(resource)
    spec = workload.spec
    for option in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.flag(option, False):
            yield Violation(resource, f"{option}: it shares the node's own")
    if spec.items("securityContext.sysctls"):
        yield Violation(resource, "sets sysctls of the kernel that all share")
    pod = spec.at("securityContext")
    operators = workload.is_pooler  # CloudNativePG sets for its pods what their template leaves out.
    for container in [*workload.containers, *workload.init_containers, *spec.items("ephemeralContainers")]:
        for told in _container(container, pod, operators):
            yield Violation(resource, f"container {container.text('name')} {told}")


def _container(container: Node, pod: Node, operators: bool) -> Iterator[str]:
    own = container.at("securityContext")
    if own.flag("privileged", False):
        yield "is privileged: it is root on the node"
    if own.flag("allowPrivilegeEscalation", not operators):
        yield "may gain more rights than its parent: allowPrivilegeEscalation is not false"
    if not own.flag("runAsNonRoot", pod.flag("runAsNonRoot", operators)):
        yield "may run as root: runAsNonRoot is not true"
    if own.number("runAsUser", pod.number("runAsUser", 1)) == 0:
        yield "runs as user 0, root"
    profile = own.text("seccompProfile.type", pod.text("seccompProfile.type", "RuntimeDefault" if operators else ""))
    if profile not in ("RuntimeDefault", "Localhost"):
        yield f"has {'the seccomp profile ' + profile if profile else 'no seccomp profile'}"
    if not operators or own.has("capabilities"):
        if "ALL" not in own.words("capabilities.drop"):
            yield "keeps capabilities: it drops not ALL"
        for added in own.words("capabilities.add"):
            if added not in ADDABLE:
                yield f"adds capability {added}"
    if own.text("procMount", "Default") != "Default":
        yield "sees the node's /proc"
    if not own.flag("readOnlyRootFilesystem", operators):
        yield "may write to its own image: readOnlyRootFilesystem is not true"
    for port in container.items("ports"):
        if port.number("hostPort", 0):
            yield f"takes port {port.number('hostPort')} of the node"
