"""Rules on security: secrets and their rotation, images, the cluster's locks, who may come in, what is supported."""

from guardrails.sec import access, cluster, images, rotation, secrets, support

__all__ = ["access", "cluster", "images", "rotation", "secrets", "support"]
