"""S3 buckets with everything that belongs to each, and where and whose they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrails import kinds
from guardrails.aws.providers import account_of, region_of
from guardrails.reading import Node
from guardrails.resource import Resource

if TYPE_CHECKING:
    from guardrails.graph import Graph

ARN = "arn:aws:s3:::"


class Bucket:
    """One bucket of the stack. What belongs to it names it, or was made from it where the name is not known yet."""

    def __init__(self, resource: Resource, graph: "Graph") -> None:
        self.resource, self._graph = resource, graph

    @property
    def name(self) -> str:
        return self.resource.text("bucket")

    @property
    def arn(self) -> str:
        return ARN + self.name

    @property
    def region(self) -> str:
        return region_of(self.resource, self._graph)

    @property
    def account(self) -> str:
        return account_of(self.resource, self._graph)

    def parts(self, *types: str) -> list[Resource]:
        """Resources of these types that are about this bucket."""
        return [each for each in self._graph.all(*types) if self._is_of(each)]

    def one(self, type_token: str) -> Resource | None:
        """The only resource of the type that is about this bucket; Unjudged where several are: the last one wins."""
        found = self.parts(type_token)
        if len(found) > 1:
            raise self.resource.unjudged(f"has {len(found)} {found[0].kind}: each deployment sets the one or the other")
        return found[0] if found else None

    def _is_of(self, part: Resource) -> bool:
        if part.known("bucket"):
            return part.text("bucket", "").removeprefix(ARN) == self.name
        return self.resource in self._graph.sources(part, "bucket", kinds.BUCKET)


def bucket_named(name: str, graph: "Graph") -> Bucket | None:
    """The stack's bucket of that name."""
    return next((Bucket(each, graph) for each in graph.all(kinds.BUCKET) if each.text("bucket") == name), None)


@dataclass(frozen=True)
class Replication:
    """One rule that is on, from `source` to `target`, a bucket of the stack or None where it is none of it."""

    config: Resource
    rule: Node
    source: Bucket
    target: Bucket | None


def replications(bucket: Bucket, graph: "Graph") -> Iterator[Replication]:
    """Where a bucket's objects are copied to, by every rule that is on."""
    config = bucket.one(kinds.BUCKET_REPLICATION)
    for rule in config.items("rules") if config else ():
        if rule.text("status") == "Enabled":
            target = bucket_named(rule.text("destination.bucket").removeprefix(ARN), graph)
            yield Replication(bucket.resource if config is None else config, rule, bucket, target)
