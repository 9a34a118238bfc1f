"""Rules on zones: what must go on when one of three is lost, and what a drained zone must not be held up by."""

from guardrails.az import budgets, controllers, interruptions, nodes, operators, pools, replicas, stores, zones

__all__ = ["budgets", "controllers", "interruptions", "nodes", "operators", "pools", "replicas", "stores", "zones"]
