"""Rules on zones: what must go on when one of three is lost, and what a drained zone must not be held up by."""

from guardrails.az import budgets, controllers, nodes, replicas, stores, zones

__all__ = ["budgets", "controllers", "nodes", "replicas", "stores", "zones"]
