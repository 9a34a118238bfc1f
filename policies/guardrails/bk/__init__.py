"""Rules on backup, one file per concern."""

from guardrails.bk import access, archive, buckets, copies, drills, keys, operators, promises, regions, volumes

__all__ = ["access", "archive", "buckets", "copies", "drills", "keys", "operators", "promises", "regions", "volumes"]
