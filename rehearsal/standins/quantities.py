"""Kubernetes quantities ("250m", "1536Mi") as numbers."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import reduce
from typing import Any, NamedTuple

_SUFFIXES = {
    "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3"), "": Decimal(1),
    "k": Decimal(10**3), "M": Decimal(10**6), "G": Decimal(10**9), "T": Decimal(10**12), "P": Decimal(10**15),
    "Ki": Decimal(2**10), "Mi": Decimal(2**20), "Gi": Decimal(2**30), "Ti": Decimal(2**40), "Pi": Decimal(2**50),
}  # fmt: skip


def quantity(text: str | int | float) -> Decimal:
    """The number a quantity stands for (cores, bytes, pieces). Raises ValueError for what is not a quantity."""
    text = str(text)
    number = text.rstrip("numkMGTPi")
    try:
        return Decimal(number) * _SUFFIXES[text[len(number) :]]
    except (ArithmeticError, KeyError):
        raise ValueError(f"{text!r} is not a Kubernetes quantity") from None


class Resources(NamedTuple):
    """What a pod asks for or a node offers: CPU in millicores, memory and ephemeral disk in bytes, number of pods."""

    cpu: int = 0
    memory: int = 0
    disk: int = 0
    pods: int = 0

    def plus(self, other: "Resources") -> "Resources":
        return Resources(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    def less(self, other: "Resources") -> "Resources":
        return Resources(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))

    def within(self, other: "Resources") -> bool:
        return all(mine <= theirs for mine, theirs in zip(self, other, strict=True))


def resources(quantities: Mapping[str, Any]) -> Resources:
    """From a map like a container's `requests` or a node's `allocatable`."""
    return Resources(
        cpu=int(quantity(quantities.get("cpu", 0)) * 1000),
        memory=int(quantity(quantities.get("memory", 0))),
        disk=int(quantity(quantities.get("ephemeral-storage", 0))),
        pods=int(quantities.get("pods", 0)),
    )


def total(parts: Iterable[Resources]) -> Resources:
    return reduce(Resources.plus, parts, Resources())


def pod_requests(spec: Mapping[str, Any]) -> Resources:
    """What the scheduler sets aside for a pod: its containers and sidecars (init containers that keep running)
    together, or the largest of its other init containers, whichever is more; plus the overhead.
    """

    def requested(container: Mapping[str, Any]) -> Resources:
        wanted = container.get("resources") or {}
        # Limits stand for requests that are not given, as the API server's defaulting has it.
        return resources({**(wanted.get("limits") or {}), **(wanted.get("requests") or {})})

    init = spec.get("initContainers") or []
    running = total(requested(container) for container in spec["containers"])
    running = running.plus(total(requested(c) for c in init if c.get("restartPolicy") == "Always"))
    starting = [requested(container) for container in init if container.get("restartPolicy") != "Always"]
    most = Resources(*(max(amounts) for amounts in zip(running, *starting, strict=True)))
    return most.plus(resources(spec.get("overhead") or {})).plus(Resources(pods=1))
