"""The list of a user's devices with sessions in Redis, against a store that keeps its keys like session_redis."""

import fnmatch
import importlib.util
import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ADDON = Path(__file__).parents[2] / "image" / "addons" / "session_redis_devices" / "__init__.py"
PHONE, LAPTOP, GONE = "p" * 42, "l" * 42, "g" * 42


class Redis:
    def __init__(self, *keys: str) -> None:
        self.keys = {key.encode() for key in keys}
        self.scans = 0

    def scan_iter(self, match: str, count: int) -> Iterator[bytes]:
        assert count >= 100
        self.scans += 1
        yield from [key for key in self.keys if fnmatch.fnmatchcase(key.decode(), match)]

    def delete(self, *keys: bytes) -> None:
        self.keys -= set(keys)


@pytest.fixture()
def store(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A store with the addon's methods, one device with two sessions, one with one, and a neighbour's."""

    class RedisSessionStore:
        def __init__(self, redis: Redis) -> None:
            self.redis = redis

        def build_key(self, sid: str) -> str:
            return f"session:acme-production:{sid}"

    module = types.ModuleType("odoo.addons.session_redis.session")
    module.RedisSessionStore = RedisSessionStore  # type: ignore[attr-defined]  # what the addon imports
    for name in ("odoo", "odoo.addons", "odoo.addons.session_redis"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    spec = importlib.util.spec_from_file_location("session_redis_devices", ADDON)
    assert spec and spec.loader
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    ours = [f"session:acme-production:{sid}" for sid in (f"{PHONE}1", f"{PHONE}2", f"{LAPTOP}1")]
    return RedisSessionStore(Redis(*ours, f"session:other-production:{GONE}1"))


def test_devices_without_a_session_are_missing(store: Any) -> None:
    assert store.get_missing_session_identifiers([PHONE, LAPTOP, GONE]) == {GONE}
    assert store.redis.scans == 1, "one pass, whatever is asked for"


def test_a_revoked_device_is_logged_out_everywhere_and_no_other(store: Any) -> None:
    store.delete_from_identifiers([PHONE, GONE])
    assert store.get_missing_session_identifiers([PHONE, LAPTOP]) == {PHONE}
    assert f"session:other-production:{GONE}1".encode() in store.redis.keys


@pytest.mark.parametrize("part", ["", "*", "p" * 41, PHONE + "1"])
def test_a_part_of_an_identifier_ends_nothing(store: Any, part: str) -> None:
    with pytest.raises(ValueError, match="42 characters"):
        store.delete_from_identifiers([part])
    assert store.get_missing_session_identifiers([PHONE, LAPTOP]) == set()
