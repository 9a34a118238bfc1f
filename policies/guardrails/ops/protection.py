"""What holds data is protected from deletion."""

from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, stack_rule

STATEFUL: Final = (
    kinds.EKS_CLUSTER,
    kinds.KMS_KEY,
    kinds.KMS_REPLICA_KEY,
    kinds.BUCKET,
    kinds.SECRETS_MANAGER_SECRET,
    kinds.ELASTICACHE_GROUP,
    kinds.EBS_VOLUME,
    kinds.EFS_FILE_SYSTEM,
    kinds.RDS_INSTANCE,
    kinds.RDS_CLUSTER,
    kinds.DYNAMODB_TABLE,
    kinds.POSTGRES_CLUSTER,
    kinds.DATABASE,
    kinds.DATABASE_ROLE,
    kinds.PERSISTENT_VOLUME_CLAIM,
)
"""Types whose deletion loses data, or the key to it. An EKS cluster takes all that is in it along."""

INSIDE: Final = (kinds.POSTGRES_CLUSTER, kinds.PERSISTENT_VOLUME_CLAIM)
"""What Kubernetes deletes together with its namespace, protected or not."""


@stack_rule(
    "ops-02",
    of=(*STATEFUL, kinds.NAMESPACE),
    severity=Severity.CRITICAL,
    says="Everything that holds data, or the key to it, is protected; so is the namespace that a database is in.",
    why="A renamed component is a delete and a create to Pulumi, and a namespace takes its database along. A pack sees "
    "`protect` and not `retain_on_delete`: the program's own tests assert that.",
    fix="pulumi.ResourceOptions(protect=True, retain_on_delete=True) on the resource",
    scenario="A colleague tidies up the names of components on a Thursday; the update stops and asks.",
    implies=("bk-04", "frz-01", "frz-04"),
    protects=Protects.DATA,
)
def protected(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.protect:
        return
    if resource.kind != "Namespace":
        yield Violation(resource, "is not protected: what it holds goes with it")
        return
    inside = graph.within(resource.object_name, *INSIDE)
    if inside:
        names = ", ".join(each.where for each in inside)
        yield Violation(resource, f"is not protected, and would take {names} along")
