"""Rules on cost: what a month costs, whose it is, and that savings never cost redundancy."""

from guardrails.cost import budgets, seasons, tags

__all__ = ["budgets", "seasons", "tags"]
