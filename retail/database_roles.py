"""The PostgreSQL roles of one retailer, by what they are for.

All names are plain identifiers (no quoting), at most 63 bytes, and differ where the retailers differ: PostgreSQL cuts
longer ones off in silence, and two roles would be one.
"""

import hashlib
from typing import Literal

from retail.naming import Identity

IDENTIFIER_LIMIT = 63
"""PostgreSQL's NAMEDATALEN - 1, in bytes."""

Slot = Literal["a", "b"]
"""One of the two login roles that take turns: while one is in use, the other one's password is replaced."""

SLOTS: tuple[Slot, Slot] = ("a", "b")


def owner_role(identity: Identity) -> str:
    """Owns the database and all in it. Named after it; where the retailer has its own cluster nobody logs in as it."""
    return identity.database


def login_role(identity: Identity, slot: Slot) -> str:
    """What Odoo logs in as; every session acts as the owner, so both roles see and change the same objects."""
    return _with_suffix(identity, slot)


def readonly_role(identity: Identity) -> str:
    """Reads everything: reports on the standbys."""
    return _with_suffix(identity, "readonly")


def keda_role(identity: Identity) -> str:
    """Counts queued jobs for the autoscaler, and reads nothing else."""
    return _with_suffix(identity, "keda")


def _with_suffix(identity: Identity, suffix: str) -> str:
    name = f"{identity.database}_{suffix}"
    if len(name) <= IDENTIFIER_LIMIT:
        return name
    digest = hashlib.sha256(f"{identity.retailer}/{identity.environment}".encode()).hexdigest()[:8]
    head = identity.database[: IDENTIFIER_LIMIT - len(digest) - len(suffix) - 2].rstrip("_")
    return f"{head}_{digest}_{suffix}"
