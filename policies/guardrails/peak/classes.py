"""Who gives way to whom: PriorityClasses by name, and the class that each tier should have."""

from typing import TYPE_CHECKING, Final

from guardrails.kinds import PRIORITY_CLASS

if TYPE_CHECKING:
    from guardrails.graph import Graph

CRITICAL, IMPORTANT, DEFERRABLE, HEADROOM = "critical", "important", "deferrable", "headroom"

ORDER: Final = (HEADROOM, DEFERRABLE, IMPORTANT, CRITICAL)
"""From who gives way first."""

SELLING: Final = ("storefront", "backoffice", "pos")
WORKING: Final = ("integration", "background", "jobrunner", "scheduled", "websocket")
"""Tiers by what they do for the shop (label retail/tier)."""


def priority(name: str, graph: "Graph") -> int | float | None:
    """Value of a PriorityClass; None where this stack doesn't declare it (the platform does)."""
    found = graph.named(PRIORITY_CLASS, "", name)
    return found.number("value", 0) if found else None
