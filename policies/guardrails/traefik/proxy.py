"""Traefik's own pods: the flags they run with, their entry points, and the load balancer in front."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from guardrails import kinds
from guardrails.kubernetes.durations import seconds
from guardrails.kubernetes.workloads import Workload
from guardrails.reading import Node
from guardrails.resource import Resource

if TYPE_CHECKING:
    from guardrails.graph import Graph

_IMAGE: Final = re.compile(r"(^|/)traefik([:@]|$)")
_ANNOTATION: Final = "service.beta.kubernetes.io/aws-load-balancer-"


class Traefik:
    """A workload that runs Traefik. Flags are as on its command line: case does not matter, nor `--a=b` or `--a b`."""

    def __init__(self, workload: Workload, container: Node, graph: "Graph") -> None:
        self.workload, self.container, self._graph = workload, container, graph

    @property
    def resource(self) -> Resource:
        return self.workload.resource

    @cached_property
    def flags(self) -> dict[str, list[str]]:
        """Every value that a flag is given. Unjudged where a file or the environment configures it instead."""
        words = [*self.container.words("command"), *self.container.words("args")]
        found: dict[str, list[str]] = {}
        for index, word in enumerate(words):
            if not word.startswith("-") or len(word.lstrip("-")) == 0:
                continue
            name, equals, value = word.lstrip("-").partition("=")
            after = words[index + 1] if index + 1 < len(words) else ""
            if not equals:
                value = after if after and not after.startswith("-") else "true"
            found.setdefault(name.lower(), []).append(value)
        if not found or "configfile" in found or self._has_file:
            raise self.container.unjudged("runs Traefik with a configuration that is not on its command line")
        return found

    @property
    def _has_file(self) -> bool:
        return any(mount.text("mountPath").startswith("/etc/traefik") for mount in self.container.items("volumeMounts"))

    def flag(self, name: str, default: str = "") -> str:
        """The value of a flag. Unjudged where it is given twice with different ones."""
        values = self.flags.get(name, [])
        if len(set(values)) > 1:
            raise self.container.unjudged(f"runs Traefik with --{name} given twice")
        return values[0] if values else default

    def on(self, name: str, default: bool = False) -> bool:
        """A flag of true or false; what is neither counts as given."""
        return self.flag(name, str(default)).lower() not in ("false", "0", "f")

    def listed(self, name: str) -> list[str]:
        """A flag of several values: with commas, or given several times."""
        return [item.strip() for value in self.flags.get(name, []) for item in value.split(",") if item.strip()]

    def under(self, prefix: str) -> dict[str, list[str]]:
        """The flags that begin with `prefix`, without it."""
        return {name.removeprefix(prefix): values for name, values in self.flags.items() if name.startswith(prefix)}

    def duration(self, name: str, default: str) -> int | float:
        """A flag of a time, in seconds; a bare number counts seconds."""
        text = self.flag(name, default)
        return seconds(Node(self.resource, name, text if not text.isdigit() else f"{text}s"))

    @property
    def replicas(self) -> int | float:
        """Pods at most: what counts by pod is let in that often."""
        return self.workload.ceiling

    @cached_property
    def entry_points(self) -> dict[str, int]:
        """Port by name of entry point."""
        found = {}
        for name, values in self.under("entrypoints.").items():
            point, dot, key = name.partition(".")
            if dot and key == "address":
                port = values[0].partition("/")[0].rpartition(":")[2]
                if not port.isdigit():
                    raise self.container.unjudged(f"runs Traefik with an entry point {point} of no port")
                found[point] = int(port)
        return found

    @cached_property
    def load_balancers(self) -> list["LoadBalancer"]:
        """Services of type LoadBalancer that lead to its pods."""
        return [each for each in load_balancers(self._graph) if each.leads_to(self.workload)]

    @cached_property
    def public(self) -> set[str]:
        """Entry points that a load balancer of its leads to."""
        ports = {port for each in self.load_balancers for port in each.target_ports(self.container)}
        return {name for name, port in self.entry_points.items() if port in ports}


@dataclass(frozen=True)
class LoadBalancer:
    """A Service of type LoadBalancer, and what its annotations say to AWS's controller."""

    service: Resource

    def leads_to(self, workload: Workload) -> bool:
        selector = self.service.texts("spec.selector")
        return (
            bool(selector)
            and self.service.namespace == workload.namespace
            and selector.items() <= workload.labels.items()
        )

    def annotation(self, name: str, default: str = "") -> str:
        return self.service.annotations.get(f"{_ANNOTATION}{name}", default)

    def attributes(self, name: str) -> dict[str, str]:
        """An annotation that lists `key=value` with commas."""
        pairs = (each.partition("=") for each in self.annotation(name).split(",") if each.strip())
        return {key.strip(): value.strip() for key, _, value in pairs}

    @property
    def is_public(self) -> bool:
        """Whether the internet reaches it. AWS's controller makes it internal where nothing is said, the one in
        Kubernetes itself makes it public: so only `internal` is."""
        return self.annotation("scheme") != "internal" and self.annotation("internal") not in ("true", "0.0.0.0/0")

    @property
    def deregistration_seconds(self) -> int:
        """How long AWS goes on with what it has sent to a target that leaves; 300 s where nothing is said."""
        text = self.attributes("target-group-attributes").get("deregistration_delay.timeout_seconds", "300")
        if not text.isdigit():
            raise self.service.at("metadata.annotations").unjudged("has a deregistration delay that is no number")
        return int(text)

    def target_ports(self, container: Node) -> set[int]:
        """Ports of the container that it leads to."""
        return {
            number
            for port in self.service.items("spec.ports")
            if (number := container_port(port, container)) is not None
        }


def container_port(port: Node, container: Node) -> int | None:
    """The number behind a Service's port, by the name that the container gives it; None if it has none of it."""
    target = port.text("targetPort", "") or port.text("port")
    if target.isdigit():
        return int(target)
    named = (each for each in container.items("ports") if each.text("name", "") == target)
    return next((int(each.number("containerPort")) for each in named), None)


def load_balancers(graph: "Graph") -> list[LoadBalancer]:
    """Every Service of type LoadBalancer."""
    return [LoadBalancer(each) for each in graph.all(kinds.SERVICE) if each.text("spec.type", "") == "LoadBalancer"]


def traefiks(graph: "Graph") -> list[Traefik]:
    """Every Traefik that the stack runs."""
    found = []
    for workload in graph.workloads:
        if not (workload.is_database or workload.is_pooler or not workload.stays):
            found += [Traefik(workload, each, graph) for each in workload.containers if _runs_traefik(each)]
    return found


def _runs_traefik(container: Node) -> bool:
    if container.known("image") and _IMAGE.search(container.text("image", "")):
        return True
    words = [item.text() for key in ("command", "args") for item in container.items(key) if item.known()]
    return any(word.lower().startswith(("--entrypoints.", "--providers.kubernetescrd")) for word in words)
