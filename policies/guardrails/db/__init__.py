"""Rules on the database: connections that add up, commits that survive, and nothing that a season may change."""

from guardrails.db import commits, connections, steadiness, ways

__all__ = ["commits", "connections", "steadiness", "ways"]
