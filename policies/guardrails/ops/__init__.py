"""Rules on operations: who is called, what can't be deleted by mistake, and processes that fit in their pods."""

from guardrails.ops import alerts, delivery, processes, protection

__all__ = ["alerts", "delivery", "processes", "protection"]
