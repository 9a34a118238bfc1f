"""What a stack would change of the last release: new, gone, different; and what of it destroys."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from guardrails import kinds
from guardrails.baseline import Baseline, Released, counts
from guardrails.fingerprints import Path, digest, listed, within
from guardrails.resource import Resource, family

if TYPE_CHECKING:
    from guardrails.graph import Graph

METADATA: Final[tuple[Path, ...]] = (("metadata", "name"), ("metadata", "namespace"))
"""Of every Kubernetes object: another name is another object (pulumi-kubernetes, `forcenew.go`)."""


def _paths(*texts: str) -> tuple[Path, ...]:
    return tuple(tuple(text.split(".")) for text in texts)


REPLACED_BY: Final[dict[str, tuple[Path, ...]]] = {
    family(kind): paths
    for kind, paths in {
        # Kubernetes: what the API server refuses to change, so that Pulumi makes the object anew (pulumi-kubernetes,
        # forcenew.go); of CloudNativePG what its webhook refuses, or what drops what it stands for (its API reference).
        kinds.NAMESPACE: (),
        kinds.STATEFUL_SET: _paths(
            "spec.podManagementPolicy",
            "spec.revisionHistoryLimit",
            "spec.selector",
            "spec.serviceName",
            "spec.volumeClaimTemplates",
        ),
        kinds.PERSISTENT_VOLUME_CLAIM: _paths(
            "spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName", "spec.dataSource"
        ),
        kinds.POSTGRES_CLUSTER: _paths(
            "spec.bootstrap",
            "spec.storage.storageClass",
            "spec.walStorage.storageClass",
            "spec.tablespaces",
            "spec.replica",
            "spec.postgresUID",
            "spec.postgresGID",
        ),
        kinds.DATABASE: _paths("spec.name", "spec.cluster", "spec.ensure", "spec.databaseReclaimPolicy"),
        kinds.DATABASE_ROLE: _paths("spec.name", "spec.cluster", "spec.ensure"),
        # AWS: "Forces new resource" (the provider's registry pages of each type).
        kinds.BUCKET: _paths("bucket", "bucketPrefix", "objectLockEnabled", "region"),
        kinds.KMS_KEY: _paths("customerMasterKeySpec", "keyUsage", "multiRegion", "customKeyStoreId", "region"),
        kinds.KMS_REPLICA_KEY: _paths("primaryKeyArn", "region"),
        kinds.SECRETS_MANAGER_SECRET: _paths("name", "namePrefix", "region"),
        kinds.ELASTICACHE_GROUP: _paths(
            "replicationGroupId",
            "subnetGroupName",
            "port",
            "atRestEncryptionEnabled",
            "kmsKeyId",
            "dataTieringEnabled",
            "networkType",
            "securityGroupNames",
            "snapshotArns",
            "snapshotName",
            "region",
        ),
        kinds.EKS_CLUSTER: _paths(
            "name",
            "roleArn",
            "encryptionConfig",
            "kubernetesNetworkConfig.serviceIpv4Cidr",
            "kubernetesNetworkConfig.ipFamily",
            "bootstrapSelfManagedAddons",
            "accessConfig.bootstrapClusterCreatorAdminPermissions",
            "outpostConfig",
            "region",
        ),
        # What the data lives in: without its subnet or node group a database has nowhere to be.
        kinds.EKS_NODE_GROUP: _paths(
            "nodeGroupName",
            "nodeGroupNamePrefix",
            "clusterName",
            "nodeRoleArn",
            "subnetIds",
            "amiType",
            "capacityType",
            "diskSize",
            "instanceTypes",
            "remoteAccess",
            "launchTemplate.id",
            "launchTemplate.name",
            "region",
        ),
        kinds.VPC: _paths("cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "region"),
        kinds.SUBNET: _paths("vpcId", "availabilityZone", "availabilityZoneId", "cidrBlock", "ipv6Native", "region"),
        # A provider of another region or account finds none of its resources, and makes them all there.
        kinds.AWS_PROVIDER: _paths("region", "assumeRoles", "allowedAccountIds", "forbiddenAccountIds"),
        kinds.KUBERNETES_PROVIDER: _paths("clusterIdentifier", "kubeconfig", "context", "cluster"),
        # A password is made anew by any change of how it is made (pulumi-random).
        kinds.RANDOM_PASSWORD: _paths("*"),
    }.items()
}
"""By family of what holds data or carries it, the inputs that can't change in place."""

COMPUTED: Final[dict[str, tuple[str, ...]]] = {
    # pulumi-kubernetes, helm_release.go: setDefaults and setComputedInputs.
    family(kinds.HELM_RELEASE): ("checksum", "resourceNames", "timeout", "compat", "namespace", "name"),
}
"""By family, inputs that a provider's Check adds, so that an engine shows them and the program does not have them."""


@dataclass(frozen=True)
class Change:
    """One resource that is not as it was released. `destroys`: data, or what carries it, is lost with it."""

    resource: Resource
    what: str
    paths: tuple[Path, ...] = ()
    destroys: bool = False


def changes(graph: "Graph", release: Baseline) -> Iterator[Change]:
    """Everything that is not as it was released."""
    for urn, before in release.resources.items():
        if (resource := graph.resources.get(urn)) is None:
            yield Change(before.ghost, "is deleted", destroys=holds(before))
        else:
            yield from _of(resource, before, graph)
    for urn, resource in graph.resources.items():
        if urn not in release.resources and counts(resource.type):
            yield Change(resource, "is new")


def holds(before: Released) -> bool:
    """Whether a resource holds data or carries it: by its type, or since the program protected it."""
    return before.protect or family(before.type) in REPLACED_BY


def _of(resource: Resource, before: Released, graph: "Graph") -> Iterator[Change]:
    if before.protect and not resource.protect:
        yield Change(resource, "is protected no more", destroys=True)
    # A default provider has no URN that a program knows.
    if before.provider and resource.provider and before.provider != digest(resource.provider):
        yield Change(resource, "goes to another provider, which makes it anew", destroys=holds(before))
    paths = before.changed(resource, _added(resource, graph))
    forced = REPLACED_BY.get(resource.family, ())
    if resource.is_kubernetes:
        forced = (*forced, *METADATA)
    remade = [path for path in paths if within(path, forced) or _holds_one(path, forced)]
    if remade and holds(before):
        yield Change(resource, f"is made anew: {listed(remade)} can't change in place", destroys=True)
    elif paths:
        yield Change(resource, f"{listed(paths)} {'differs' if len(paths) == 1 else 'differ'}", tuple(paths))


def _holds_one(path: Path, patterns: tuple[Path, ...]) -> bool:
    """Whether one of the patterns lies inside `path`, which is gone or not known as a whole."""
    return any(pattern[: len(path)] == path for pattern in patterns)


def _added(resource: Resource, graph: "Graph") -> Mapping[str, Any]:
    """What a provider's Check adds to the inputs: an engine shows it, the program does not have it."""
    if computed := COMPUTED.get(resource.family):
        return dict.fromkeys(computed)
    provider = graph.resources.get(resource.provider)
    if provider is None or provider.type != kinds.AWS_PROVIDER:
        return {}
    tags = provider.document("defaultTags").at("tags").raw if provider.known("defaultTags") else None
    return {"region": provider.raw.get("region"), "tags": tags if isinstance(tags, dict) else {}}
