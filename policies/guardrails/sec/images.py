"""What runs: images by digest, charts and node images by version, from places that are known."""

import fnmatch
import re
from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.workloads import Workload, runs_pods
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

REGISTRIES = limit(
    "allowed-images",
    (
        "docker.io/library/*",
        "docker.io/valkey/*",
        "ghcr.io/cloudnative-pg/*",
        "registry.k8s.io/*",
        "{account}.dkr.ecr.*.amazonaws.com/*",
    ),
    "Images that may run, as patterns; {account} is the contract's own.",
)
CHARTS = limit(
    "allowed-charts",
    (
        "https://aws.github.io/eks-charts",
        "https://charts.external-secrets.io",
        "https://cloudnative-pg.github.io/charts",
        "https://kedacore.github.io/charts",
        "https://prometheus-community.github.io/helm-charts",
        "https://stakater.github.io/stakater-charts",
        "https://traefik.github.io/charts",
        "oci://public.ecr.aws/karpenter/*",
        "oci://quay.io/jetstack/charts/*",
    ),
    "Where charts may come from, as patterns.",
)

_DIGEST: Final = re.compile(r"@sha256:[0-9a-f]{64}$")
_VERSION: Final = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?")
_NODE_IMAGE: Final = re.compile(r"[a-z0-9]+@v[0-9]{8}")
_REFUSED: Final = ("bitnami", "bitnamilegacy")


@stack_rule(
    "sec-05",
    of=(
        kinds.DEPLOYMENT,
        kinds.STATEFUL_SET,
        kinds.DAEMON_SET,
        kinds.REPLICA_SET,
        kinds.JOB,
        kinds.CRON_JOB,
        kinds.POD,
        kinds.POOLER,
        kinds.POSTGRES_CLUSTER,
        kinds.HELM_RELEASE,
        kinds.NODE_CLASS,
    ),
    severity=Severity.HIGH,
    says="Every image is named by digest and of an allowed registry, every chart and node image by its exact version.",
    why="A tag may be another image tomorrow: the node that a peak adds would run what nobody tested. Bitnami's images "
    "were moved and are no longer mended.",
    fix="image@sha256:<digest> from a registry of `allowed-images`; an exact chart version; an alias with a release",
    scenario="Sunday of the sales: forty pods start on new nodes, and all run what was tested in October.",
    implies=("ops-03", "frz-01", "sec-09", "iso-13"),
)
def pinned(resource: Resource, graph: Graph) -> Iterable[Violation]:
    for image in _images(resource, graph):
        yield from _image(image, graph)
    if resource.kind == "Release":
        yield from _chart(resource, graph)
    if resource.kind == "EC2NodeClass":
        yield from _node_image(resource)


def _images(resource: Resource, graph: Graph) -> Iterator[Node]:
    if resource.kind == "Cluster":
        if resource.has("spec.imageCatalogRef") and not resource.has("spec.imageName"):
            raise resource.at("spec.imageCatalogRef").unjudged("names its image elsewhere; name it by digest here")
        yield resource.at("spec.imageName")
        for source in resource.items("spec.postgresql.extensions"):
            yield source.at("image.reference")
        return
    if resource.kind == "Pooler":
        for container in resource.items("spec.template.spec.containers"):
            if container.has("image"):
                yield container.at("image")
        named = any(each.has("image") for each in resource.items("spec.template.spec.containers"))
        if resource.has("spec.pgbouncer.image") or not named:
            yield resource.at("spec.pgbouncer.image")
        return
    if not runs_pods(resource):
        return
    workload = Workload(resource, graph)
    for container in (*workload.containers, *workload.init_containers, *workload.spec.items("ephemeralContainers")):
        yield container.at("image")
    for volume in workload.spec.items("volumes"):
        if volume.has("image"):
            yield volume.at("image.reference")


def _image(node: Node, graph: Graph) -> Iterator[Violation]:
    text = node.text()
    name = text.partition("@")[0]
    if not _DIGEST.search(text):
        yield Violation(node.owner, f"{name} is not named by digest")
    if any(f"/{refused}/" in f"/{name}" for refused in _REFUSED):
        yield Violation(node.owner, f"{name} is Bitnami's")
    full = _full(name)
    account = graph.contract.given.text("account", "")
    patterns = [each.replace("{account}", account) for each in graph.config.words(REGISTRIES)]
    if not any(fnmatch.fnmatchcase(full, pattern) for pattern in patterns):
        yield Violation(node.owner, f"{name} is of no allowed registry")


def _full(name: str) -> str:
    """The name with what Docker adds: `postgres` is docker.io/library/postgres."""
    first, slash, _ = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return name
    return f"docker.io/{name}" if slash else f"docker.io/library/{name}"


def _chart(release: Resource, graph: Graph) -> Iterator[Violation]:
    version = release.text("version", "")
    if not _VERSION.fullmatch(version):
        yield Violation(release, f"chart version is {version or 'not set'}, not an exact one")
    chart = release.text("chart")
    source = chart if "://" in chart else release.text("repositoryOpts.repo", "").rstrip("/")
    if any(refused in source for refused in _REFUSED):
        yield Violation(release, "its chart is Bitnami's")
    if not any(fnmatch.fnmatchcase(source, pattern) for pattern in graph.config.words(CHARTS)):
        yield Violation(release, f"its chart is from {source or 'nowhere known'}")
    yield from _chart_images(release.at("values"), "values")


def _chart_images(node: Node, path: str) -> Iterator[Violation]:
    """Tags that move, and Bitnami's images, in a chart's values."""
    value = node.raw
    if isinstance(value, dict):
        for key, child in node.entries().items():
            text = child.raw
            if key in ("tag", "image", "imageTag") and isinstance(text, str) and re.search(r"(^|:)latest$", text):
                yield Violation(node.owner, f"{path}.{key} is latest")
            elif isinstance(text, str) and any(f"{refused}/" in text for refused in _REFUSED):
                yield Violation(node.owner, f"{path}.{key} is Bitnami's")
            yield from _chart_images(child, f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for index, child in enumerate(node.items()):
            yield from _chart_images(child, f"{path}[{index}]")


def _node_image(node_class: Resource) -> Iterator[Violation]:
    terms = node_class.items("spec.amiSelectorTerms")
    if not terms:
        yield Violation(node_class, "names no node image")
    for term in terms:
        alias = term.text("alias", "")
        if alias and not _NODE_IMAGE.fullmatch(alias):
            yield Violation(node_class, f"node image {alias} is of no fixed release")
        if not alias and not term.text("id", ""):
            yield Violation(node_class, "chooses node images by tags or names: the newest that fits")
