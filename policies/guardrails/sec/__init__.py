"""Rules on security: secrets and their rotation, images, the cluster's locks, who may come in, what is supported,
and what the API server holds of all rules against whoever goes around Pulumi."""

from guardrails.sec import (
    access,
    admission,
    cluster,
    database,
    images,
    rights,
    rotation,
    secrets,
    sessions,
    support,
)

__all__ = [
    "access",
    "admission",
    "cluster",
    "database",
    "images",
    "rights",
    "rotation",
    "secrets",
    "sessions",
    "support",
]
