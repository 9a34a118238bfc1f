"""What must be unique across all stacks, which no single stack can show: names in AWS, objects of a shared cluster,
public hosts, and the folders that databases archive into."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import UNKNOWN, Evaluation, reveal

_HOST: Final = re.compile(r"Host(?:SNI)?\(([^)]*)\)")
_QUOTED: Final = re.compile(r"[`\"']([^`\"']+)[`\"']")


@dataclass(frozen=True, order=True)
class Clash:
    """One thing that several stacks claim."""

    what: str
    name: str
    stacks: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.what} {self.name} is claimed by {' and '.join(self.stacks)}"


def clashes(evaluations: Iterable[Evaluation]) -> list[Clash]:
    """Everything that more than one of `evaluations` (in up mode, so that names in AWS are known) claims."""
    claimed: dict[tuple[str, str], set[str]] = {}
    for evaluation in evaluations:
        for claim in _claims(evaluation):
            claimed.setdefault(claim, set()).add(evaluation.stack)
    return sorted(
        Clash(what, name, tuple(sorted(stacks))) for (what, name), stacks in claimed.items() if len(stacks) > 1
    )


def _claims(evaluation: Evaluation) -> Iterator[tuple[str, str]]:
    for resource in evaluation.resources.values():
        arn = resource.outputs.get("arn")
        if resource.type.startswith("aws:") and isinstance(arn, str):
            yield "AWS resource", arn
    cluster = next((name.rpartition("/")[2] for name in evaluation.references), evaluation.stack)
    for item in kubernetes_objects(evaluation):
        place = f"{item.namespace}/{item.name}" if item.namespace else item.name
        yield f"{item.kind} on the cluster of {cluster}", place
        yield from _inside(item.kind, reveal(item.manifest).get("spec"), f"{cluster}/{item.namespace}")


def _inside(kind: str, spec: Any, place: str) -> Iterator[tuple[str, str]]:
    """What a custom resource claims beside its own name."""
    if not isinstance(spec, dict):
        return
    if kind == "IngressRoute":
        for route in spec.get("routes") or ():
            for hosts in _HOST.findall(str(route.get("match"))):
                for host in _QUOTED.findall(hosts):
                    yield "host", host.lower()
    if kind in ("Database", "DatabaseRole"):
        yield f"{kind} in PostgreSQL {place}/{(spec.get('cluster') or {}).get('name')}", str(spec.get("name"))
    if kind == "ObjectStore":
        path = (spec.get("configuration") or {}).get("destinationPath")
        if path is not UNKNOWN:
            yield "archive", str(path)
