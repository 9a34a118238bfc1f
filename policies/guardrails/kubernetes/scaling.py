"""Who scales which workload, and between which numbers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from guardrails.kinds import HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT
from guardrails.reading import Node
from guardrails.resource import Resource, family

if TYPE_CHECKING:
    from guardrails.graph import Graph


class Scaler:
    """A KEDA ScaledObject or a HorizontalPodAutoscaler."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self._keda = resource.family == family(SCALED_OBJECT)

    @property
    def floor(self) -> int | float:
        """KEDA's own default is 0, the HPA's 1."""
        key, default = ("minReplicaCount", 0) if self._keda else ("minReplicas", 1)
        return self.resource.number(f"spec.{key}", default)

    @property
    def ceiling(self) -> int | float:
        """KEDA's own default is 100; an HPA has none."""
        return (
            self.resource.number("spec.maxReplicaCount", 100)
            if self._keda
            else self.resource.number("spec.maxReplicas")
        )

    @property
    def triggers(self) -> list[Node]:
        return self.resource.items("spec.triggers")


class Scalers:
    """All of a stack, by what they scale."""

    def __init__(self, graph: "Graph") -> None:
        self._by_target: dict[tuple[str, str, str], Scaler] = {}
        for resource in graph.all(SCALED_OBJECT, HORIZONTAL_POD_AUTOSCALER):
            target = resource.at("spec.scaleTargetRef")
            key = (resource.namespace, target.text("kind", "Deployment"), target.text("name", ""))
            self._by_target[key] = Scaler(resource)

    def of(self, workload: Resource) -> Scaler | None:
        """Who scales this workload, by namespace, kind and name; None if its replicas are its own."""
        return self._by_target.get((workload.namespace, workload.kind.removesuffix("Patch"), workload.object_name))

    def __iter__(self) -> Iterator[Scaler]:
        return iter(self._by_target.values())
