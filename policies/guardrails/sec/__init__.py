"""Rules on security: secrets and their rotation, images, the cluster's locks, who may come in, what is supported."""

from guardrails.sec import access, cluster, database, images, rights, rotation, secrets, sessions, support

__all__ = ["access", "cluster", "database", "images", "rights", "rotation", "secrets", "sessions", "support"]
