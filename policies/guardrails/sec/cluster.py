"""The cluster's own locks: Secrets encrypted, audit on, and no pod that gets at its node's role."""

from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

LOGS: Final = ("api", "audit", "authenticator")
EBS: Final = ("ebs.csi.aws.com", "kubernetes.io/aws-ebs")
"""Provisioners whose volumes are as the class says; a file system's encryption is its own."""


@stack_rule(
    "sec-06",
    of=(
        kinds.EKS_CLUSTER,
        kinds.EKS_NODE_GROUP,
        kinds.LAUNCH_TEMPLATE,
        kinds.NODE_CLASS,
        kinds.KMS_KEY,
        kinds.STORAGE_CLASS,
    ),
    severity=Severity.HIGH,
    says="EKS encrypts Secrets with a key that rotates and logs who did what; nodes give their role to no pod, and "
    "disks are encrypted, theirs and those of every StorageClass.",
    why="A pod that reaches the instance metadata has the node's AWS role. EKS's own default for node groups without a "
    "launch template lets one through (two hops). Without audit logs nobody can say who changed what.",
    fix="encryptionConfig with a KMS key for secrets; enabledClusterLogTypes with api, audit and authenticator; "
    "metadataOptions httpTokens required and httpPutResponseHopLimit 1; encrypted: true on volumes and StorageClasses; "
    "enableKeyRotation",
    scenario="A hole in a shop module is used on a Friday night, and it leads no further than the pod.",
    implies=("bk-12", "bk-17", "iso-05"),
)
def locked(resource: Resource, graph: Graph) -> Iterable[Violation]:
    match resource.kind:
        case "Cluster":
            yield from _cluster(resource)
        case "NodeGroup":
            if not resource.has("launchTemplate"):
                yield Violation(resource, "has no launch template: EKS's own lets pods reach the node's role")
            elif not graph.sources(resource, "launchTemplate", kinds.LAUNCH_TEMPLATE):
                yield Violation(resource, "its launch template is not of this program: nobody judges it")
            if resource.has("remoteAccess"):
                yield Violation(resource, "opens SSH to its nodes")
        case "LaunchTemplate":
            yield from _metadata(resource.at("metadataOptions"), resource)
            yield from _disks(resource.items("blockDeviceMappings"), resource)
        case "EC2NodeClass":
            yield from _metadata(resource.at("spec.metadataOptions"), resource)
            yield from _disks(resource.items("spec.blockDeviceMappings"), resource)
        case "StorageClass":
            if resource.text("provisioner", "") in EBS and not resource.flag("parameters.encrypted", False):
                yield Violation(resource, "volumes of this class are not encrypted")
        case "Key":
            symmetric = resource.text("customerMasterKeySpec", "SYMMETRIC_DEFAULT") == "SYMMETRIC_DEFAULT"
            if symmetric and not resource.flag("enableKeyRotation", False):
                yield Violation(resource, "enableKeyRotation is off")
            if not resource.flag("isEnabled", True):
                yield Violation(resource, "is disabled: nothing it encrypted can be read")


def _cluster(cluster: Resource) -> Iterator[Violation]:
    encrypted = cluster.at("encryptionConfig")
    if "secrets" not in encrypted.words("resources") or not encrypted.has("provider.keyArn"):
        yield Violation(cluster, "Secrets are not encrypted with a KMS key")
    if missing := [each for each in LOGS if each not in cluster.words("enabledClusterLogTypes")]:
        yield Violation(cluster, f"does not log {', '.join(missing)}")


def _metadata(options: Node, resource: Resource) -> Iterator[Violation]:
    if options.text("httpEndpoint", "enabled") == "disabled":
        return
    if (tokens := options.text("httpTokens", "optional")) != "required":
        yield Violation(resource, f"instance metadata without a session: httpTokens {tokens}")
    # Karpenter's default is 1, EC2's as well; EKS makes it 2 where no launch template says.
    if (hops := options.number("httpPutResponseHopLimit", 2)) > 1:
        yield Violation(resource, f"instance metadata reaches {hops} hops: into pods")


def _disks(mappings: list[Node], resource: Resource) -> Iterator[Violation]:
    if not mappings:
        yield Violation(resource, "does not say that its disks are encrypted")
    for mapping in mappings:
        if not mapping.flag("ebs.encrypted", False):
            yield Violation(resource, f"disk {mapping.text('deviceName', '')} is not encrypted")
