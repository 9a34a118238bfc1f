"""The `config` block of Pulumi.yaml, computed from Settings: the pulumi CLI and the program know the same keys.

`python -m retail.schema` prints the block as YAML; a test holds Pulumi.yaml equal to it.
"""

import json
from typing import Any

import yaml

from retail.settings import SECRET_KEYS, Settings

PULUMI_TYPES = {"integer": "integer", "boolean": "boolean", "array": "array", "string": "string"}


def config_block() -> dict[str, dict[str, Any]]:
    """Each key's `type`, `description` and `default`, as Pulumi's project file spells them."""
    schema = Settings.model_json_schema(by_alias=True)
    block = {key: _entry(prop, schema.get("$defs", {})) for key, prop in schema["properties"].items()}
    # Not `secret: true`: the CLI then wants a `secure:` value in every stack (sdk/go/common/workspace/config.go checks
    # the default as well). The program itself refuses a value that was not set as a secret.
    secrets = {key: {"type": "string", "description": text, "default": ""} for key, text in SECRET_KEYS.items()}
    return block | secrets


def _entry(prop: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "anyOf" in prop:  # a day, or none: an empty text to Pulumi, which has no null
        return {"type": "string", "description": prop["description"], "default": ""}
    target = _resolved(prop, definitions)
    kind = PULUMI_TYPES[target["type"]]
    entry: dict[str, Any] = {"type": kind, "description": _description(prop, target)}
    if kind == "array":
        entry["items"] = {"type": _resolved(target["items"], definitions)["type"]}
    return {**entry, "default": prop["default"]}


def _resolved(prop: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """The definition that a property refers to, or itself."""
    target: dict[str, Any] = definitions[prop["$ref"].rsplit("/", 1)[1]] if "$ref" in prop else prop
    return target


def _description(prop: dict[str, Any], target: dict[str, Any]) -> str:
    """The field's own words, and the values to choose from where it is a choice."""
    text: str = prop["description"]
    return f"{text} One of {', '.join(target['enum'])}." if "enum" in target else text


if __name__ == "__main__":
    block = json.loads(json.dumps(config_block()))
    print(yaml.safe_dump({"config": block}, sort_keys=False, width=118, allow_unicode=True), end="")
