"""Which nodes a workload may run on: managed node groups and Karpenter's pools, by labels and taints."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

from guardrails.kinds import NODE_POOL
from guardrails.kubernetes.selectors import tolerates
from guardrails.kubernetes.workloads import Workload
from guardrails.reading import Node
from guardrails.resource import Resource, family

INSTANCE_TYPE: Final = "node.kubernetes.io/instance-type"

_EFFECTS: Final = {"NO_SCHEDULE": "NoSchedule", "NO_EXECUTE": "NoExecute", "PREFER_NO_SCHEDULE": "PreferNoSchedule"}
"""EKS writes effects in its own way."""


class NodeSet:
    """A managed node group or a Karpenter NodePool: nodes with the same labels and taints."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self.karpenter = resource.family == family(NODE_POOL)
        self._template = resource.at("spec.template") if self.karpenter else resource.at()

    @cached_property
    def labels(self) -> Mapping[str, str]:
        return self._template.texts("metadata.labels" if self.karpenter else "labels")

    @cached_property
    def taints(self) -> list[tuple[str, str, str]]:
        """Key, value and effect, as Kubernetes writes it."""
        listed = self._template.items("spec.taints" if self.karpenter else "taints")
        return [(each.text("key"), each.text("value", ""), _effect(each.text("effect"))) for each in listed]

    def takes(self, workload: Workload) -> bool:
        """Whether the workload's pods may run here: selected by label, and every hard taint tolerated."""
        if not workload.node_selector.items() <= self.labels.items():
            return False
        hard = [taint for taint in self.taints if taint[2] != "PreferNoSchedule"]
        return all(tolerates(workload.tolerations, *taint) for taint in hard)

    def requirement(self, key: str) -> list[str] | None:
        """Values that a NodePool takes of a node label (`karpenter.sh/capacity-type`); None where it does not say."""
        for each in self._template.items("spec.requirements") if self.karpenter else ():
            if each.text("key") == key and each.text("operator") == "In":
                return each.words("values")
        return None

    def allowed(self, key: str, values: Iterable[str]) -> set[str]:
        """Of these values of a label that every node has, those that all of a NodePool's requirements take."""
        left = set(values)
        for each in self._template.items("spec.requirements") if self.karpenter else ():
            if each.text("key") == key:
                left = {value for value in left if _takes(each, value)}
        return left

    @property
    def limits(self) -> Node:
        return self.resource.at("spec.limits")


def _takes(requirement: Node, value: str) -> bool:
    match requirement.text("operator"):
        case "In":
            return value in requirement.words("values")
        case "NotIn":
            return value not in requirement.words("values")
        case "Exists":
            return True
        case "DoesNotExist":
            return False
        case _:
            raise requirement.at("operator").unjudged("must be In, NotIn, Exists or DoesNotExist")


def _effect(text: str) -> str:
    return _EFFECTS.get(text, text)
