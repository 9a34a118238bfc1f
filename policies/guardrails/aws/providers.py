"""Whose account and which region something is made in: what its provider says."""

from typing import TYPE_CHECKING

from guardrails import kinds
from guardrails.resource import Resource

if TYPE_CHECKING:
    from guardrails.graph import Graph


def provider_of(resource: Resource, graph: "Graph") -> Resource:
    """The provider that a resource is made by. Unjudged where it is a default one, which says nothing."""
    provider = graph.resources.get(resource.provider)
    if provider is None:
        raise resource.unjudged("has no provider of this stack: account and region are not known")
    return provider


def workload_provider(graph: "Graph") -> Resource:
    """The aws provider of the account that the contract names for the workload."""
    account = graph.contract.given.text("account")
    for provider in graph.all(kinds.AWS_PROVIDER):
        if provider.document("allowedAccountIds").words() == [account] and provider.has("region"):
            return provider
    raise graph.contract.given.unjudged(f"has no aws provider of account {account}")
