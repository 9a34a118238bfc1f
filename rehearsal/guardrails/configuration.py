"""The pack's configuration, made whole as the engine does it (pulumi/pulumi, pkg/resource/analyzer/config.go)."""

from collections.abc import Mapping
from typing import Any, Final

from google.protobuf.json_format import MessageToDict
from jsonschema import Draft202012Validator
from pulumi.runtime.proto import analyzer_pb2

from rehearsal.engine import wire
from rehearsal.errors import UserError

CONFIGURED: Final = "mandatory-resource"
"""The policy that takes the configuration of the whole pack."""


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
