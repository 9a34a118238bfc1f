"""EC2 machines by the name of their type: how many vCPUs and how much memory they have, and whose processors."""

import re
from typing import Final

from guardrails.reading import Node

_NAMED: Final = {"nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4}
_SIZE: Final = re.compile(r"[a-z][a-z0-9-]*\.(?:(nano|micro|small|medium|large|xlarge)|([1-9][0-9]*)xlarge)")

_GRAVITON: Final = re.compile(r"(a1|[a-z]+[0-9]+[a-z]*g[a-z-]*)\..*")


def architecture(instance_type: str) -> str:
    """What Kubernetes calls its processors: a `g` behind the generation is AWS' own (m7g, c6gn, x2gd)."""
    return "arm64" if _GRAVITON.fullmatch(instance_type) else "amd64"


_GIB: Final = {"c": 2, "m": 4, "r": 8}
"""Of memory to a vCPU, by the letter that a family's name begins with."""


def gib_per_vcpu(instance_type: str) -> int | None:
    """Memory to a vCPU; None for families of other letters, which differ among themselves."""
    found = re.match(r"([cmr])[0-9]", instance_type)
    return _GIB[found[1]] if found else None


def vcpus(node: Node) -> int:
    """vCPUs of the type at `node`: a large has 2, an xlarge 4, an Nxlarge 4 N (EC2's instance types, all families that
    run pods). Unjudged for what has no such size, as `metal`."""
    found = _SIZE.fullmatch(node.text())
    if not found:
        raise node.unjudged("must be an instance type of a known size, as m7i.xlarge")
    return _NAMED[found[1]] if found[1] else 4 * int(found[2])
