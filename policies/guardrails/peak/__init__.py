"""Rules on peaks: rehearsed, scaled for in time and with the load, room kept free, nothing heavy beside the selling."""

from guardrails.peak import batch, priorities, quotas, rehearsals, room, scaling, signals

__all__ = ["batch", "priorities", "quotas", "rehearsals", "room", "scaling", "signals"]
