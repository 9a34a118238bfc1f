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


def region_of(resource: Resource, graph: "Graph") -> str:
    """Its own, else its provider's."""
    return resource.text("region", None) or provider_of(resource, graph).text("region")


def account_of(resource: Resource, graph: "Graph") -> str:
    """The one account that its provider may work in. Unjudged where that is not one."""
    node = provider_of(resource, graph).document("allowedAccountIds")
    accounts = node.words()
    if len(accounts) != 1:
        raise node.unjudged("must name one account, so that it is sure whose this is")
    return accounts[0]


def arn_of(resource: Resource, service: str, graph: "Graph") -> str:
    """The ARN that it has by its name, which must be literal: of a queue, of a topic."""
    return f"arn:aws:{service}:{region_of(resource, graph)}:{account_of(resource, graph)}:{resource.text('name')}"


def workload_provider(graph: "Graph") -> Resource:
    """The aws provider of the account that the contract names for the workload."""
    account = graph.contract.given.text("account")
    for provider in graph.all(kinds.AWS_PROVIDER):
        if provider.document("allowedAccountIds").words() == [account] and provider.has("region"):
            return provider
    raise graph.contract.given.unjudged(f"has no aws provider of account {account}")
