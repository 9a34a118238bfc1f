"""The only reader of pulumi.Config: a stack's flat configuration into settings, or every mistake in one message."""

import difflib
from collections.abc import Collection, Mapping
from typing import Any

import pulumi
from pulumi.runtime.config import get_config_env, is_config_secret
from pydantic import ValidationError

from retail.contradictions import contradictions
from retail.settings import PROJECT, SECRET_KEYS, Settings, SettingsError, key_of


def read_settings() -> Settings:
    """The current stack's settings. Raises SettingsError with every mistake in its message.

    It reads all configured keys, so that a misspelt one is found: pulumi.Config can only be asked for known ones.
    """
    prefix = f"{PROJECT}:"
    given = {key.removeprefix(prefix): text for key, text in get_config_env().items() if key.startswith(prefix)}
    return parse_settings(given, stack=pulumi.get_stack())


def parse_settings(given: Mapping[str, Any], *, stack: str) -> Settings:
    """Settings out of flat keys, as text or parsed. Raises SettingsError with every mistake in its message.

    Of secret keys only whether they are set matters here; `read_secret` hands out their values.
    """
    secrets = {key for key in SECRET_KEYS if given.get(key)}
    given = {key: value for key, value in given.items() if key not in SECRET_KEYS}
    try:
        settings = Settings.model_validate(dict(given))
        mistakes = [f"{key}: {reason}" for key, reason in contradictions(settings, stack, secrets)]
        if not mistakes:
            return settings
    except ValidationError as error:
        mistakes = [_describe(entry) for entry in error.errors()]
        broken = {key_of(str(entry["loc"][0])) for entry in error.errors()}
        mistakes += _contradictions_beside(given, broken, stack, secrets)
    raise SettingsError(
        "\n".join(
            [
                f"Stack '{stack}' can't be built: {len(mistakes)} mistake(s) in its configuration",
                *(f"  - {m}" for m in mistakes),
            ]
        )
    )


def _contradictions_beside(
    given: Mapping[str, Any], broken: set[str], stack: str, secrets: Collection[str]
) -> list[str]:
    """Contradictions among the keys that are not broken themselves, so that one message tells all."""
    stand_ins = {"retailer": "unset", "domain": "unset.example", "account": "0" * 12, "backup-account": "1" * 12}
    healthy = {key: value for key, value in given.items() if key not in broken}
    draft = Settings.model_validate({**{key: value for key, value in stand_ins.items() if key in broken}, **healthy})
    return [f"{key}: {reason}" for key, reason in contradictions(draft, stack, secrets) if key not in broken]


def read_secret(key: str) -> pulumi.Output[str] | None:
    """A secret of the configuration, never in plain text; None where it isn't set.

    Raises SettingsError, without the value, where it was set as plain text.
    """
    if key not in SECRET_KEYS:
        raise KeyError(key)
    config = pulumi.Config(PROJECT)
    if not config.get(key):
        return None
    if not is_config_secret(config.full_key(key)):
        raise SettingsError(
            f"{key}: is in the configuration as plain text; set it with `pulumi config set --secret {key}`"
        )
    return config.require_secret(key)


def _describe(entry: Any) -> str:
    """One mistake: the key, what is allowed, what was given."""
    key = ".".join([key_of(str(entry["loc"][0])), *(str(part) for part in entry["loc"][1:])])
    if entry["type"] == "extra_forbidden" and len(entry["loc"]) == 1:
        known = [key_of(field) for field in Settings.model_fields] + list(SECRET_KEYS)
        near = difflib.get_close_matches(key, known, 1)
        return f"{key}: no such key{f'; did you mean {near[0]}?' if near else ''}"
    reason = entry["msg"].removeprefix("Value error, ")
    if entry["type"] == "string_pattern_mismatch" and len(entry["loc"]) == 1:
        described = {key_of(name): field.description for name, field in Settings.model_fields.items()}
        reason = f"does not fit: {described[key]}"
    return (
        f"{key}: {reason}"
        if isinstance(entry["input"], dict) or entry["input"] == ""
        else f"{key}: {reason}; given {entry['input']!r}"
    )
