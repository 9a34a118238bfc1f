"""Rules on peaks: rehearsed, scaled for in time, with room kept free, and nothing heavy beside the selling."""

from guardrails.peak import batch, priorities, quotas, rehearsals, room, scaling

__all__ = ["batch", "priorities", "quotas", "rehearsals", "room", "scaling"]
