"""The pack's configuration, made whole as the engine does it (pulumi/pulumi, pkg/resource/analyzer/config.go)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from jsonschema import Draft202012Validator
from pulumi.runtime.proto import analyzer_pb2

from rehearsal.engine import wire
from rehearsal.errors import UserError
from rehearsal.paths import PROJECT_DIR

CONFIGURED: Final = "mandatory-resource"
"""The policy that takes the configuration of the whole pack."""


def configuration_file(stack: str, project_dir: Path = PROJECT_DIR) -> Path:
    """Where a stack's guardrails are configured, waivers, emergencies, baseline and evidence among it."""
    return project_dir / "guardrails" / f"{stack}.json"


def read_configuration(file: Path) -> dict[str, Any]:
    """The pack's configuration out of a file as the pulumi CLI's `--policy-pack-config` takes it, by policy.

    Raises UserError for a file that can't be used.
    """
    try:
        content = json.loads(file.read_text())
    except OSError as error:
        raise UserError(f"The guardrails' configuration {file} can't be read: {error.strerror}.") from None
    except ValueError as error:
        raise UserError(f"The guardrails' configuration {file} is no JSON: {error}.") from None
    given = content.get(CONFIGURED) if isinstance(content, dict) and set(content) == {CONFIGURED} else None
    if not isinstance(given, dict):
        raise UserError(f"The guardrails' configuration {file} must be a mapping with one key, {CONFIGURED}.")
    return given


def write_configuration(file: Path, given: Mapping[str, Any]) -> None:
    """The other way round. Each resource of the baseline is one line, so that a diff shows what a release changed.

    Raises UserError for a file that can't be written.
    """
    baseline = given.get("baseline") or {}
    resources = baseline.get("resources") or {}
    blank = {**given, "baseline": {**baseline, "resources": dict.fromkeys(resources)}} if resources else given
    text = json.dumps({CONFIGURED: blank}, indent=1)
    for urn, resource in resources.items():
        line = json.dumps(resource, separators=(",", ":"))
        text = text.replace(f"{json.dumps(urn)}: null", f"{json.dumps(urn)}: {line}", 1)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")
    except OSError as error:
        raise UserError(f"The guardrails' configuration {file} can't be written: {error.strerror}.") from None


def reconciled(info: Any, given: Mapping[str, Any]) -> analyzer_pb2.ConfigureAnalyzerRequest:
    """`given` for the pack that answered `info`: defaults of its schema merged in, then held against the schema.

    Raises UserError with every mistake.
    """
    mistakes: list[str] = []
    configs = {}
    for policy in info.policies:
        schema = {key: MessageToDict(value) for key, value in policy.configSchema.properties.items()}
        properties = {key: one["default"] for key, one in schema.items() if "default" in one}
        if policy.name == CONFIGURED:
            properties |= given
        validator = Draft202012Validator({"type": "object", "properties": schema})
        mistakes += [f"{error.json_path}: {error.message}" for error in validator.iter_errors(properties)]
        configs[policy.name] = analyzer_pb2.PolicyConfig(
            # Always set: left out it would be 0, which is advisory.
            enforcementLevel=policy.enforcementLevel,
            properties=wire.to_struct(properties),
        )
    if mistakes:
        raise UserError.of("The guardrails' configuration can't be used:", mistakes)
    return analyzer_pb2.ConfigureAnalyzerRequest(policyConfig=configs)
