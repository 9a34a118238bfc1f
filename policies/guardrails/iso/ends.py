"""The two ends of a connection, as a peer of a network policy names them."""

from dataclasses import dataclass
from typing import Final

from guardrails.kubernetes.network import Network, private_part
from guardrails.kubernetes.selectors import pinned
from guardrails.parties import Party
from guardrails.reading import Node

AGENT: Final = "169.254.170.23/32"
"""The Pod Identity agent of the node: the only link-local address that a pod has business with, on port 80."""

NAMESPACE_NAME, EDGE = "kubernetes.io/metadata.name", "retail/edge"

NAME: Final = "app.kubernetes.io/name"

OPERATORS: Final = {
    "dns": ("kube-system", "k8s-app", "kube-dns"),
    "cnpg": ("cnpg-system", NAME, "cloudnative-pg"),
    "keda": ("keda", "app", "keda-operator"),
    "prometheus": ("observability", NAME, "prometheus"),
}
"""Pods of the cluster's operators that have business with a retailer's: namespace, label and value."""


@dataclass(frozen=True)
class Far:
    """Pods of another namespace: those that `pods` takes there."""

    namespace: str
    pods: Node
    edge: str = ""

    def are(self, operator: str) -> bool:
        namespace, key, value = OPERATORS[operator]
        return self.namespace == namespace and self.pin(key) == frozenset({value})

    def pin(self, key: str) -> frozenset[str] | None:
        return pinned(self.pods, key)

    def __str__(self) -> str:
        where = f"namespaces of edge {self.edge}" if self.edge else f"namespace {self.namespace}"
        asked = {*self.pods.texts("matchLabels"), *(each.text("key") for each in self.pods.items("matchExpressions"))}
        return f"pods in {where}" + (f" by {', '.join(sorted(asked))}" if asked else ", every one")


@dataclass(frozen=True)
class Block:
    """Addresses."""

    addresses: Network
    spared: tuple[Network, ...]

    def __str__(self) -> str:
        holes = private_part(self.addresses, [*self.spared])
        inside = f" with private {', '.join(map(str, holes))} in it" if holes else ""
        return f"{self.addresses}{inside}"


@dataclass(frozen=True)
class Anybody:
    """Whoever there is."""

    why: str

    def __str__(self) -> str:
        return f"anybody ({self.why})"


End = Party | Far | Block | Anybody
