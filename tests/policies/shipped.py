"""The shipped stacks as tests of rules see them, and the time that is."""

from datetime import UTC, datetime
from functools import cache
from typing import Final

from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import Evaluation
from rehearsal.engine.project import read_project
from rehearsal.paths import PROJECT_DIR

STACKS: Final = tuple(read_project(PROJECT_DIR).stacks())
MODES: Final = ("preview", "up")

OWNERS: Final = {"dev", "outlet", "peak", "platform"}
"""With PostgreSQL, nodes and an edge of their own."""
OWN_DATABASE: Final = {"dev", "outlet", "peak"}
"""Owners that serve a retailer themselves."""
SERVING: Final = {"dev", "outlet", "peak", "training"}
"""Serve a retailer: run Odoo, and have routes."""
CLUSTERS: Final = {"dev", "peak", "platform"}
"""With an EKS cluster of their own."""
PRODUCTION: Final = {"outlet", "peak", "platform"}
"""Gold and silver: the loss of a zone must not stop them."""
SELLING: Final = {"outlet", "peak"}
"""Production that serves a retailer itself."""

CLOCK: Final = datetime(2026, 11, 20, 12, tzinfo=UTC)
"""When tests judge, unless they say otherwise: before the freeze of the peak stack, which begins on 2026-11-23."""


@cache
def shipped(stack: str, mode: str) -> Evaluation:
    """A shipped stack, evaluated once in a session."""
    return evaluate(PROJECT_DIR, stack, preview=mode == "preview")
