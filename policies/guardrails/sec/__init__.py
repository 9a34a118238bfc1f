"""Rules on security: secrets and their rotation, images, the cluster's locks, who may come in, what is supported,
what is written down, and what the API server holds of all rules against whoever goes around Pulumi."""

from guardrails.sec import (
    access,
    admission,
    cluster,
    database,
    images,
    powers,
    rights,
    rotation,
    secrets,
    sessions,
    support,
    trails,
)

__all__ = [
    "access",
    "admission",
    "cluster",
    "database",
    "images",
    "powers",
    "rights",
    "rotation",
    "secrets",
    "sessions",
    "support",
    "trails",
]
