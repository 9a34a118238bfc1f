"""Rules on operations: who is called, what can't be deleted by mistake, and processes that fit in their pods."""

from guardrails.ops import alerts, processes, protection

__all__ = ["alerts", "processes", "protection"]
