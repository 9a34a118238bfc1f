"""Rules on cost: what a month costs, whose it is, and that savings never cost redundancy."""

from guardrails.cost import budgets, hours, seasons, tags

__all__ = ["budgets", "hours", "seasons", "tags"]
