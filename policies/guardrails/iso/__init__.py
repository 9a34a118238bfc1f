"""Rules on isolation, one file per concern."""

from guardrails.iso import rooms

__all__ = ["rooms"]
