"""Server-wide, after session_redis: what Odoo 18 and 19 ask of a session store for the list of a user's devices.

Without it a revoked device stays logged in. Of the commits in the Dockerfile 18's has neither method (camptocamp/
odoo-cloud-platform issue 525), and 19's looks under a key that no session has (pull request 530).

A device is known by the first 42 characters of its session's id (odoo/http.py).
"""

import importlib
from collections.abc import Iterable
from typing import Any

IDENTIFIER_LENGTH = 42
SCAN_COUNT = 1000
"""Keys that Redis looks at in one step: few round trips, and no step that others would notice."""


def keys_by_identifier(store: Any) -> dict[str, list[bytes]]:
    """Every session in Redis under its device's identifier; one pass, however many devices are asked for."""
    start = len(store.build_key(""))
    found: dict[str, list[bytes]] = {}
    for key in store.redis.scan_iter(match=store.build_key("*"), count=SCAN_COUNT):
        found.setdefault(key.decode()[start : start + IDENTIFIER_LENGTH], []).append(key)
    return found


def get_missing_session_identifiers(store: Any, identifiers: Iterable[str]) -> set[str]:
    """Those of the devices that have no session any more."""
    return set(identifiers) - keys_by_identifier(store).keys()


def delete_from_identifiers(store: Any, identifiers: Iterable[str]) -> None:
    """End the sessions of the devices. Raises ValueError where one is no identifier: a part of one would end others."""
    wanted = set(identifiers)
    if any(len(identifier) != IDENTIFIER_LENGTH for identifier in wanted):
        raise ValueError(f"a device is known by {IDENTIFIER_LENGTH} characters of its session's id")
    found = keys_by_identifier(store)
    if keys := [key for identifier in wanted for key in found.get(identifier, [])]:
        store.redis.delete(*keys)


store_class: Any = importlib.import_module("odoo.addons.session_redis.session").RedisSessionStore
store_class.get_missing_session_identifiers = get_missing_session_identifiers
store_class.delete_from_identifiers = delete_from_identifiers
