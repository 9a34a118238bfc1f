"""Rules on the database: connections and memory that add up, commits that survive, nothing that a season changes."""

from guardrails.db import ceilings, commits, connections, memory, steadiness, ways

__all__ = ["ceilings", "commits", "connections", "memory", "steadiness", "ways"]
