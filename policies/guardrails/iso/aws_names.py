"""Names in AWS say whose a thing is: policies, prefixes and people go by them."""

from collections.abc import Iterator
from typing import Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.resource import Resource, family
from guardrails.rule import Violation

NAMING: Final = {
    kinds.BUCKET: "bucket",
    kinds.SECRETS_MANAGER_SECRET: "name",
    kinds.KMS_ALIAS: "name",
    kinds.IAM_ROLE: "name",
    kinds.ELASTICACHE_GROUP: "replicationGroupId",
}
"""What holds data or rights, and the input that names it."""


def names_of(graph: Graph) -> str:
    """How the names of the stack's things begin: its retailer and environment."""
    return f"{graph.contract.retailer}-{graph.contract.given.text('environment')}"


def secrets_of(graph: Graph) -> str:
    """The folder of the stack's secrets in Secrets Manager."""
    return f"retail/{graph.contract.retailer}/{graph.contract.given.text('environment')}"


def named(resource: Resource, graph: Graph) -> Iterator[Violation]:
    """A name is the stack's own."""
    key = next(path for token, path in NAMING.items() if resource.family == family(token))
    name = resource.text(key)
    own, folder = names_of(graph), secrets_of(graph)
    words = name.removeprefix("alias/")
    if words in (own, folder) or words.startswith((f"{own}-", f"{folder}/")):
        return
    if name.startswith("alias/") and (
        own in name.split("/") or any(part.startswith(f"{own}-") for part in name.split("/"))
    ):
        return
    yield Violation(resource, f"is called {name}; what is the stack's begins with {own} or {folder}")
