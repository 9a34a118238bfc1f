"""Rules on freezes: what may change, who opens one in an emergency, upgrades before it, nodes and evidence in it."""

from guardrails.frz import changes, emergency, nodes, proof, upgrades

__all__ = ["changes", "emergency", "nodes", "proof", "upgrades"]
