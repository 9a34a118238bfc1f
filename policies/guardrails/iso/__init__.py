"""Rules on isolation, one file per concern."""

from guardrails.iso import matrix, rooms

__all__ = ["matrix", "rooms"]
