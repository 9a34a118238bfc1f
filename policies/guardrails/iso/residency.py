"""Data stays where the contract says: no bucket, key, cache, secret or archive outside its regions."""

from collections.abc import Iterable, Iterator

from guardrails import kinds
from guardrails.aws.buckets import ARN, bucket_named
from guardrails.aws.providers import provider_of
from guardrails.graph import Graph
from guardrails.reading import Node
from guardrails.resource import Resource, family
from guardrails.rule import Protects, Severity, Violation, stack_rule


@stack_rule(
    "iso-11",
    of=(
        kinds.AWS_PROVIDER,
        kinds.BUCKET,
        kinds.BUCKET_REPLICATION,
        kinds.KMS_KEY,
        kinds.KMS_REPLICA_KEY,
        kinds.ELASTICACHE_GROUP,
        kinds.SECRETS_MANAGER_SECRET,
        kinds.SECRET_STORE,
        kinds.OBJECT_STORE,
        kinds.EKS_CLUSTER,
        kinds.VPC,
    ),
    severity=Severity.CRITICAL,
    says="Everything that holds or encrypts data (buckets, copies, keys, secrets, caches, archives) is in the regions "
    "that the contract allows.",
    why="Customers' data in another jurisdiction is a breach from the first object on, and a copy there can't be taken "
    "back: an object lock keeps it for as long as the retention.",
    fix="the region of provider and resource among allowed-regions of the stack; a region is added "
    "there first, by whoever "
    "answers for the data",
    scenario="A retailer in Frankfurt asks for proof that no copy of its customers left the Union.",
    implies=("az-15", "bk-04", "bk-05", "bk-07", "bk-11", "bk-12", "bk-15", "iso-04", "ops-05", "sec-01"),
    protects=Protects.ISOLATION,
)
def where_allowed(resource: Resource, graph: Graph) -> Iterable[Violation]:
    allowed = graph.contract.given.words("regions")
    if not allowed:
        yield Violation(graph.contract.given, "its contract allows no region")
    for region, what in _regions(resource, graph):
        if region not in allowed:
            yield Violation(resource, f"{what} {region}; its contract allows {', '.join(allowed)}")
    yield from _beyond(resource, graph)


def _regions(resource: Resource, graph: Graph) -> Iterator[tuple[str, str]]:
    if resource.family == family(kinds.AWS_PROVIDER):
        yield resource.text("region"), "works in"
    elif resource.family == family(kinds.SECRET_STORE):
        aws = resource.at("spec.provider.aws")
        if aws.has():
            yield aws.text("region"), "reads secrets of"
    elif resource.family == family(kinds.OBJECT_STORE):
        yield from _of_archive(resource)
    else:
        yield resource.text("region", "") or provider_of(resource, graph).text("region"), "is in"
    for replica in resource.items("replicas"):
        yield replica.text("region"), "is copied to"


def _of_archive(store: Resource) -> Iterator[tuple[str, str]]:
    endpoint = store.at("spec.configuration.endpointURL")
    if endpoint.has():
        yield _host_region(endpoint), "archives through"


def _host_region(endpoint: Node) -> str:
    """The region in an endpoint of AWS; the whole of any other."""
    host = endpoint.text().partition("//")[2].partition("/")[0]
    parts = host.split(".")
    return parts[-3] if host.endswith(".amazonaws.com") and len(parts) > 3 else host


def _beyond(resource: Resource, graph: Graph) -> Iterator[Violation]:
    """What leads to where the stack's resources don't tell the region."""
    if resource.family == family(kinds.ELASTICACHE_GROUP) and resource.has("globalReplicationGroupId"):
        yield Violation(resource, "is part of a global group, whose other regions can't be seen")
    if resource.family == family(kinds.BUCKET_REPLICATION):
        for rule in resource.items("rules"):
            target = rule.text("destination.bucket").removeprefix(ARN)
            if bucket_named(target, graph) is None:
                yield Violation(
                    resource, f"copies to {target}, which is no bucket of this stack: its region is not known"
                )
    if resource.family == family(kinds.OBJECT_STORE) and not resource.text(
        "spec.configuration.destinationPath", ""
    ).startswith("s3://"):
        yield Violation(resource, "archives to something else than S3, whose region is not known")
