"""Inputs as hashes, so that what was released can be kept in a file that shows no value, and compared path by path.

A fingerprint has the shape of what it was taken of: mappings as mappings, lists as lists (as mappings where each item
has a `name`, so that one more item shifts no other), and a hash for every value in them. `OPEN` stands where there was
something secret, or what only a deployment tells.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from guardrails.reading import UNKNOWN, whole

OPEN: Final = "?"
"""Nothing was kept of what is here: it is the same whatever it is."""

MARKS: Final = ("$unknown", "$secret")
"""Keys of the mappings that stand for such a value in what a baseline is made of."""

ANY: Final = "*"
"""In a pattern, any one step."""

_DEFAULTS: Final = "__defaults"
"""Under this key bridged providers list what they filled in by themselves (pulumi-terraform-bridge, `defaultsKey`)."""

_HASH_LENGTH: Final = 12
"""Hexadecimal digits of a value's hash: enough that no change is missed; the whole has a full digest."""

_ENCODE: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

Step = str | int
Path = tuple[Step, ...]


def digest(value: Any) -> str:
    """Of any plain value; whole numbers are the same however they are written."""
    text = _ENCODE(_canonical(value))
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(value: Any) -> Any:
    """Of plain values with MARKS in them."""
    if isinstance(value, dict):
        if any(mark in value for mark in MARKS):
            return OPEN
        if value:
            return {key: fingerprint(item) for key, item in value.items() if item is not None}
    if isinstance(value, list) and value:
        named = _by_name(value)
        if named is None:
            return [fingerprint(item) for item in value]
        return {_key(name): fingerprint(item) for name, item in named.items()}
    return digest(value)[:_HASH_LENGTH]


def differences(before: Any, value: Any, path: Path = ()) -> Iterator[Path]:
    """Where `value`, plain but for UNKNOWN, is not what the fingerprint `before` was taken of; outermost places."""
    if before == OPEN:
        return
    if isinstance(before, dict):
        named = _by_name(value) if isinstance(value, list) else None
        steps = {_key(name): f"[{name}]" for name in named or ()}
        after = _given(value) if isinstance(value, dict) else {_key(name): item for name, item in (named or {}).items()}
        if not after and not isinstance(value, dict):
            yield path
            return
        for key in sorted(before.keys() | after.keys()):
            step = steps.get(key, key)
            if key in before and key in after:
                yield from differences(before[key], after[key], (*path, step))
            else:
                yield (*path, step)
    elif isinstance(before, list):
        if not isinstance(value, list) or len(value) != len(before):
            yield path
            return
        for index, (one, item) in enumerate(zip(before, value, strict=True)):
            yield from differences(one, item, (*path, index))
    elif value is UNKNOWN or before != digest(value)[:_HASH_LENGTH]:
        yield path


def at(before: Any, pattern: Path) -> Any:
    """What a fingerprint has at `pattern`, by path; for comparing two of them."""
    if not pattern:
        return before
    step, *rest = pattern
    if isinstance(before, dict):
        return {key: at(item, tuple(rest)) for key, item in before.items() if step in (key, ANY)}
    if isinstance(before, list) and step == ANY:
        return [at(item, tuple(rest)) for item in before]
    return None


def within(path: Path, patterns: Iterable[Path]) -> bool:
    """Whether `path` is what one of `patterns` names, or lies inside it."""
    return any(
        len(path) >= len(pattern) and all(step in (ANY, has) for step, has in zip(pattern, path, strict=False))
        for pattern in patterns
    )


def shown(path: Path) -> str:
    """As people write it: `spec.containers[odoo].image`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else step if step.startswith("[") else f".{step}"
    return text.removeprefix(".")


def listed(paths: Sequence[Path], most: int = 4) -> str:
    """Some of `paths`, and how many more there are."""
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(shown(path) for path in paths[:most]) + more


def _given(value: dict[str, Any]) -> dict[str, Any]:
    """Without nulls, which are absent, and without what a provider filled in."""
    filled = value.get(_DEFAULTS)
    aside = {_DEFAULTS, *(filled if isinstance(filled, list) else ())} if _DEFAULTS in value else ()
    return {key: item for key, item in value.items() if item is not None and key not in aside}


def _by_name(items: list[Any]) -> dict[str, Any] | None:
    """Items by name; None where they don't have names of their own."""
    named = {item["name"]: item for item in items if isinstance(item, dict) and isinstance(item.get("name"), str)}
    return named if len(named) == len(items) else None


def _key(name: str) -> str:
    """Of a named item in a fingerprint: names are values as well."""
    return f"[{digest(name)[:_HASH_LENGTH]}]"


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _canonical(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, float):
        return whole(value)
    return "<unknown>" if value is UNKNOWN else value
