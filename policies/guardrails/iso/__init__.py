"""Rules on isolation, one file per concern."""

from guardrails.iso import accounts, enforcement, matrix, rooms, tiers

__all__ = ["accounts", "enforcement", "matrix", "rooms", "tiers"]
