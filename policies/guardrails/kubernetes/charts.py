"""Helm charts among the stack's Releases, by name: whatever registry or repository they come from."""

from typing import TYPE_CHECKING

from guardrails import kinds
from guardrails.resource import Resource

if TYPE_CHECKING:
    from guardrails.graph import Graph


def chart_of(release: Resource) -> str:
    """The last part of its reference: `karpenter` of oci://public.ecr.aws/karpenter/karpenter."""
    return release.text("chart").rpartition("/")[2]


def charts(graph: "Graph", name: str) -> list[Resource]:
    """The Releases of a chart."""
    return [each for each in graph.all(kinds.HELM_RELEASE) if chart_of(each) == name]
