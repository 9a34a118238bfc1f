"""Where resources say which version of what they run; an upgrade is a change of it."""

from typing import Final

from guardrails import kinds
from guardrails.fingerprints import ANY, Path
from guardrails.resource import family

_IMAGES: Final[tuple[Path, ...]] = tuple(
    ("spec", "template", "spec", containers, ANY, "image") for containers in ("containers", "initContainers")
)

VERSIONS: Final[dict[str, tuple[Path, ...]]] = {
    family(kind): paths
    for kind, paths in {
        kinds.EKS_CLUSTER: (("version",),),
        kinds.EKS_NODE_GROUP: (("version",), ("releaseVersion",), ("amiType",)),
        kinds.EKS_ADDON: (("addonVersion",),),
        kinds.NODE_CLASS: (("spec", "amiSelectorTerms"),),
        kinds.HELM_RELEASE: (("chart",), ("version",)),
        kinds.POSTGRES_CLUSTER: (("spec", "imageName"), ("spec", "imageCatalogRef")),
        kinds.POOLER: _IMAGES,
        kinds.ELASTICACHE_GROUP: (("engine",), ("engineVersion",)),
        kinds.STATEFUL_SET: _IMAGES,
    }.items()
}
"""By family. A retailer's own image is none of them: it is a release, and comes whenever it is ready."""
