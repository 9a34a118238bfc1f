"""EC2 machines by the name of their type: how many vCPUs a quota counts them for."""

import re
from typing import Final

from guardrails.reading import Node

_NAMED: Final = {"nano": 2, "micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4}
_SIZE: Final = re.compile(r"[a-z][a-z0-9-]*\.(?:(nano|micro|small|medium|large|xlarge)|([1-9][0-9]*)xlarge)")


def vcpus(node: Node) -> int:
    """vCPUs of the type at `node`: a large has 2, an xlarge 4, an Nxlarge 4 N (EC2's instance types, all families that
    run pods). Unjudged for what has no such size, as `metal`."""
    found = _SIZE.fullmatch(node.text())
    if not found:
        raise node.unjudged("must be an instance type of a known size, as m7i.xlarge")
    return _NAMED[found[1]] if found[1] else 4 * int(found[2])
