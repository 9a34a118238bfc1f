"""Rules on isolation, one file per concern."""

from guardrails.iso import (
    accounts,
    databases,
    enforcement,
    matrix,
    nodes,
    ownership,
    pods,
    residency,
    roles,
    rooms,
    tiers,
)

__all__ = [
    "accounts",
    "databases",
    "enforcement",
    "matrix",
    "nodes",
    "ownership",
    "pods",
    "residency",
    "roles",
    "rooms",
    "tiers",
]
