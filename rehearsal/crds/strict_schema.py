"""Holding a manifest against a JSON schema, with answers a person can act on.

What the library reports is turned into `Problem`s: where, what was given, what is allowed. Values inside `Secret` are
checked but never shown, and `UNKNOWN` (what only a deployment would tell) is accepted anywhere.
"""

import difflib
import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import jsonschema
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from referencing import Registry
from referencing.jsonschema import EMPTY_REGISTRY, Schema

from rehearsal.engine.model import UNKNOWN, Secret

Path = tuple[str | int, ...]
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong at `path` (such as `spec.containers[0].image`); empty for the object as a whole."""

    path: str
    message: str


class StrictSchema:
    """One compiled schema. Compiling is cheap; what costs is reading the schema, so keep these."""

    def __init__(self, schema: Mapping[str, Any], registry: "Registry[Schema]" = EMPTY_REGISTRY) -> None:
        self._validator = _Validator(schema, registry=registry, format_checker=_FORMATS)

    def problems(self, manifest: Any) -> list[Problem]:
        """Everything wrong with `manifest`, which may hold `Secret` and `UNKNOWN`."""
        secrets: set[Path] = set()
        plain = _plain(manifest, (), secrets)
        found = [
            Problem(path_text(error.absolute_path), _message(error, secrets))
            for error in self._validator.iter_errors(plain)
            if not _only_unknown(error)
        ]
        return sorted(dict.fromkeys(found), key=lambda problem: problem.path)


def path_text(path: Iterable[str | int]) -> str:
    """A path as people write it: `spec.ports[0].name`, `metadata.labels["retail/tier"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z_$][\w-]*", part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def _plain(value: Any, path: Path, secrets: set[Path]) -> Any:
    """`value` without Secret wrappers; where they were is put into `secrets`."""
    if isinstance(value, Secret):
        secrets.add(path)
        return _plain(value.value, path, secrets)
    if isinstance(value, dict):
        return {key: _plain(item, (*path, key), secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, (*path, index), secrets) for index, item in enumerate(value)]
    return value


def _only_unknown(error: ValidationError) -> bool:
    """Whether the error is about unknown values alone: one itself, or an alternative that fails only there."""
    if error.instance is UNKNOWN:
        return True
    alternatives: dict[Any, list[ValidationError]] = {}
    for cause in error.context or ():
        alternatives.setdefault(cause.relative_schema_path[0], []).append(cause)
    return any(all(_only_unknown(cause) for cause in causes) for causes in alternatives.values())


def _message(error: ValidationError, secrets: set[Path]) -> str:
    path = tuple(error.absolute_path)
    hidden = any(path[: len(secret)] == secret for secret in secrets)
    rule, limit = str(error.validator), error.validator_value
    if rule == "required":
        missing = [name for name in limit if name not in error.instance]
        return f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
    if rule == "additionalProperties":
        return _unknown_fields(error, hidden)
    if rule == "x-kubernetes-list-type":
        return str(error.message)
    given = "[secret]" if hidden else _given(error.instance)
    return f"{given} is given, allowed: {_allowed(rule, limit, error.schema)}"


def _allowed(rule: str, limit: Any, schema: Mapping[str, Any]) -> str:
    match rule:
        case "type":
            kinds = [kind for kind in ([limit] if isinstance(limit, str) else limit) if kind != "null"]
            return " or ".join(_KINDS.get(kind, kind) for kind in kinds)
        case "enum":
            return ", ".join(str(word) for word in limit if word is not None)
        case "pattern":
            return str(schema.get("x-allowed") or f"what matches {limit}")
        case "format":
            return f"a valid {limit}"
        case _ if rule in _BOUNDS:
            return _BOUNDS[rule].format(limit)
        case _:
            return f"what {rule} of its schema says"


_KINDS = {
    "object": "an object", "array": "a list", "string": "a text", "integer": "a whole number",
    "number": "a number", "boolean": "true or false",
}  # fmt: skip
_BOUNDS = {
    "minimum": "{} or more", "maximum": "{} or less", "minLength": "at least {} characters",
    "maxLength": "at most {} characters", "minItems": "at least {} entries", "maxItems": "at most {} entries",
    "minProperties": "at least {} keys", "maxProperties": "at most {} keys",
}  # fmt: skip


def _given(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None or isinstance(value, (bool, int, float, str)):
        text = json.dumps(value, ensure_ascii=False)
        return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}... ({len(text)} characters)"
    return f"a {type(value).__name__}"


def _unknown_fields(error: ValidationError, hidden: bool) -> str:
    known = error.schema.get("properties", {})
    unknown = [key for key in error.instance if key not in known]
    if hidden:
        return "has fields that are not known"
    near = {key: difflib.get_close_matches(key, known, n=1) for key in unknown}
    words = [f"{key} (did you mean {close[0]}?)" if (close := near[key]) else key for key in unknown]
    if not any(near.values()) and known:
        words[-1] += f"; known: {', '.join(sorted(known)[:20])}{', ...' if len(known) > 20 else ''}"
    return f"unknown field{'s' if len(unknown) > 1 else ''} {', '.join(words)}"


def _list_type(_validator: Any, list_type: str, instance: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """Lists that Kubernetes treats as sets or maps have no duplicates: server-side apply refuses them."""
    if list_type not in ("map", "set") or not isinstance(instance, list):
        return
    keys = schema.get("x-kubernetes-list-map-keys", ())
    seen: set[str] = set()
    for item in instance:
        identity = [item.get(key) for key in keys] if list_type == "map" and isinstance(item, dict) else [item]
        if any(part is UNKNOWN for part in identity):
            continue
        text = json.dumps(identity, default=repr)
        if text in seen:
            what = ", ".join(f"{key} {value}" for key, value in zip(keys, identity, strict=False)) or "the same entry"
            yield ValidationError(f"{what} is listed twice")
        seen.add(text)


_Validator: Any = jsonschema.validators.extend(Draft202012Validator, {"x-kubernetes-list-type": _list_type})
_FORMATS = FormatChecker(formats=())


def _is_int(bits: int, value: object) -> bool:
    limit = 1 << (bits - 1)
    return not isinstance(value, (int, float)) or -limit <= value < limit


def _is_date_time(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return datetime.fromisoformat(value).tzinfo is not None and "T" in value.upper()


def _is_base64(value: object) -> bool:
    if not isinstance(value, str):
        return True
    return re.fullmatch(r"(?:[A-Za-z0-9+/\s]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?\s*", value) is not None


def _is_address(value: object) -> bool:
    return not isinstance(value, str) or bool(ipaddress.ip_address(value))


def _is_cidr(value: object) -> bool:
    return not isinstance(value, str) or bool(ipaddress.ip_network(value))


_FORMATS.checks("int32")(lambda value: _is_int(32, value))
_FORMATS.checks("int64")(lambda value: _is_int(64, value))
_FORMATS.checks("date-time", raises=ValueError)(_is_date_time)
_FORMATS.checks("byte")(_is_base64)
_FORMATS.checks("ip", raises=ValueError)(_is_address)
_FORMATS.checks("cidr", raises=ValueError)(_is_cidr)
