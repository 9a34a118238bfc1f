"""The resources of an evaluation, and of the stacks it refers to, the way a picture asks for them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import UNKNOWN, Evaluation, Resource, Secret


@dataclass(frozen=True)
class Item:
    """A Kubernetes object; `borrowed` where another stack declares it."""

    namespace: str
    name: str
    manifest: dict[str, Any]
    borrowed: bool

    @property
    def key(self) -> tuple[str, str]:
        return self.namespace, self.name

    @property
    def labels(self) -> dict[str, str]:
        return self.manifest["metadata"].get("labels") or {}

    @property
    def spec(self) -> dict[str, Any]:
        return self.manifest.get("spec") or {}

    @property
    def pod(self) -> dict[str, Any]:
        """The pod template of a Deployment, a StatefulSet or a CronJob."""
        job = self.spec.get("jobTemplate")
        template: dict[str, Any] = (job["spec"] if job else self.spec)["template"]
        return template


class Graph:
    """Own resources come before those of referenced stacks, each in the order of registration."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._items: dict[str, list[Item]] = {}
        self._resources: dict[str, list[tuple[Resource, bool]]] = {}
        for source, borrowed in [(evaluation, False), *((other, True) for other in evaluation.references.values())]:
            for resource in source.resources.values():
                self._resources.setdefault(resource.type, []).append((resource, borrowed))
            for found in kubernetes_objects(source):
                item = Item(found.namespace or "", found.name, showable(found.manifest), borrowed)
                self._items.setdefault(f"{found.api_version.rpartition('/')[0]}/{found.kind}", []).append(item)

    def objects(self, *kinds: str, own: bool = False) -> Iterator[Item]:
        """Objects by `group/Kind` (the core group is empty: `/Service`)."""
        for kind in kinds:
            yield from (item for item in self._items.get(kind, ()) if not (own and item.borrowed))

    def find(self, kind: str, key: tuple[str, str]) -> Item | None:
        """The object of that kind in a namespace of that name, if it is declared."""
        return next((item for item in self.objects(kind) if item.key == key), None)

    def resources(self, kind: str) -> Iterator[tuple[Resource, bool]]:
        """Resources by Pulumi type, with whether another stack declares them."""
        yield from self._resources.get(kind, ())


def showable(value: Any) -> Any:
    """`value` with nothing in it that is secret or unknown: None stands in its place."""
    if isinstance(value, Secret) or value is UNKNOWN:
        return None
    if isinstance(value, dict):
        return {key: showable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [showable(item) for item in value]
    return value
