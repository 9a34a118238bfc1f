"""What holds data is protected from deletion, and from being taken for something else."""

from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.config import Config
from guardrails.graph import Graph
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, resource_rule, stack_rule

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
    says="Everything that holds data, or the key to it, is protected; so is the namespace that a database is in, and "
    "in production the cluster itself, also from whoever goes around Pulumi.",
    why="A renamed component is a delete and a create to Pulumi, and a namespace takes its database along; EKS deletes "
    "a cluster for whoever asks in the console. A pack sees `protect` and not `retain_on_delete`: the program's own "
    "tests assert that.",
    fix="pulumi.ResourceOptions(protect=True, retain_on_delete=True) on the resource; deletionProtection on an EKS "
    "cluster",
    scenario="A colleague tidies up the names of components on a Thursday; the update stops and asks.",
    implies=("bk-04", "frz-01", "frz-04"),
    protects=Protects.DATA,
)
def protected(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.type == kinds.EKS_CLUSTER and graph.contract.production:
        yield from _locked(resource)
    if resource.protect:
        return
    if resource.kind != "Namespace":
        yield Violation(resource, "is not protected: what it holds goes with it")
        return
    inside = graph.within(resource.object_name, *INSIDE)
    if inside:
        names = ", ".join(each.where for each in inside)
        yield Violation(resource, f"is not protected, and would take {names} along")


def _locked(cluster: Resource) -> Iterable[Violation]:
    """EKS's own lock, which is off unless asked for (its user guide, "Deletion protection")."""
    if not cluster.flag("deletionProtection", False):
        yield Violation(cluster, "deletionProtection is off: one command deletes it, with all that is in it")


@resource_rule(
    "ops-04",
    of=kinds.KUBERNETES_PROVIDER,
    severity=Severity.CRITICAL,
    says="Every Kubernetes provider names the cluster that it is for.",
    why="Without clusterIdentifier Pulumi guesses from the kubeconfig: a new endpoint or certificate looks like "
    "another cluster, and every object is deleted and made anew, databases included.",
    fix="clusterIdentifier: the cluster's name, which never changes",
    scenario="The cluster's certificate is renewed in October; the next preview shows nothing to do.",
    protects=Protects.DATA,
)
def names_its_cluster(provider: Resource, _: Config) -> Iterable[Violation]:
    if not provider.known("clusterIdentifier"):
        return  # the name of a cluster that is made first, in this stack or its platform's
    if not provider.text("clusterIdentifier", ""):
        yield Violation(provider, "has no clusterIdentifier: what it makes is tied to its kubeconfig")
