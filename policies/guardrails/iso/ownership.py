"""Everything a stack declares, names or lets in is its own: the proof of it, resource by resource."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.iso import aws_names, belongings, places, rights
from guardrails.resource import Resource, family
from guardrails.rule import Protects, Severity, Violation, stack_rule

Proof = Callable[[Resource, Graph], Iterator[Violation]]

KUBERNETES: Final = tuple(
    token for token in vars(kinds).values() if isinstance(token, str) and token.startswith("kubernetes:")
)
"""Every object: where it stands, and what its labels say."""

PROOFS: Final[dict[str, Proof]] = {
    family(token): proof
    for proof, tokens in (
        (places.service, (kinds.SERVICE,)),
        (places.monitor, (kinds.POD_MONITOR,)),
        (places.query, (kinds.SCALED_OBJECT,)),
        (places.workload, (*places.TEMPLATED, kinds.POSTGRES_CLUSTER, kinds.POOLER)),
        (places.claim, (kinds.PERSISTENT_VOLUME_CLAIM,)),
        (belongings.secret_copy, (kinds.EXTERNAL_SECRET,)),
        (belongings.secret_store, (kinds.SECRET_STORE,)),
        (belongings.beyond, (kinds.CLUSTER_SECRET_STORE, kinds.CLUSTER_EXTERNAL_SECRET, kinds.PUSH_SECRET)),
        (belongings.operator, (kinds.HELM_RELEASE,)),
        (belongings.archive, (kinds.OBJECT_STORE,)),
        (belongings.database, (kinds.DATABASE, kinds.DATABASE_ROLE)),
        (rights.binding, (kinds.ROLE_BINDING, kinds.CLUSTER_ROLE_BINDING)),
        (rights.role, (kinds.ROLE,)),
        (rights.entry, (kinds.EKS_ACCESS_ENTRY,)),
        (rights.entry_policy, (kinds.EKS_ACCESS_POLICY_ASSOCIATION,)),
        (aws_names.named, tuple(aws_names.NAMING)),
    )
    for token in tokens
}
"""What each kind of resource has to show beside that."""


@stack_rule(
    "iso-04",
    of=(*KUBERNETES, *aws_names.NAMING, kinds.EKS_ACCESS_ENTRY, kinds.EKS_ACCESS_POLICY_ASSOCIATION),
    severity=Severity.CRITICAL,
    says="Nothing of the stack stands in, selects, reads or lets in what is another retailer's: no "
    "namespace, selector, "
    "Secret, volume, ServiceAccount, bucket, key, database or role.",
    why="Retailers are kept apart by names and labels; each that points elsewhere is a door, and no single resource "
    "shows it. The proof goes over all of them, one by one.",
    fix="the retailer's own namespace, labels retail/tenant and retail/edge of its contract, names that begin with "
    "<retailer>-<environment>, secrets below retail/<retailer>/<environment>/, roles bound to its own accounts",
    scenario="An auditor of one retailer asks what of it the others can see; the answer is a list, and it is empty.",
    implies=(
        "iso-01", "iso-02", "iso-03", "iso-05", "iso-06", "iso-08", "iso-09", "iso-11", "iso-12", "az-02", "az-10",
        "bk-01", "bk-02", "bk-03", "bk-04", "bk-05", "bk-06", "bk-07", "bk-08", "bk-09", "bk-10",
        "bk-11", "bk-15", "db-01", "db-02", "db-03", "db-08", "ing-02", "ing-03", "ing-07", "ing-08", "ing-10",
        "ing-11", "sec-01", "sec-02", "sec-04", "sec-08", "sec-13",
    ),
    protects=Protects.ISOLATION,
)  # fmt: skip
def own_alone(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.is_kubernetes:
        yield from places.standing(resource, graph)
        yield from places.labelled(resource, graph)
    if (proof := PROOFS.get(resource.family)) is not None:
        yield from proof(resource, graph)
