"""The project as the pulumi CLI sees it: Pulumi.yaml with its configuration schema, and which stacks there are."""

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from rehearsal.engine import yaml_file
from rehearsal.engine.config_types import NAMES, ConfigType, WrongTypeError, as_text
from rehearsal.errors import UserError

PROJECT_FILE: Final = "Pulumi.yaml"
ORGANIZATION: Final = "organization"
"""The organization of every stack outside Pulumi Cloud."""


@dataclass(frozen=True)
class Declaration:
    """One key of the schema. `key` is full (`odoo-retail:stores`); `type` is None where the short form gives none;
    `default` is the text the program sees if the stack says nothing, None if the key is required."""

    key: str
    name: str
    type: ConfigType | None
    default: str | None
    secret: bool
    description: str


@dataclass(frozen=True)
class Project:
    """A folder with a Pulumi.yaml. `schema` is by full key."""

    folder: Path
    name: str
    schema: dict[str, Declaration]

    def full_key(self, key: str) -> str:
        """`key` with its namespace: the project's where it has none."""
        return key if ":" in key else f"{self.name}:{key}"

    def short_key(self, key: str) -> str:
        """A full key as users write it: without the project's own namespace."""
        return key.removeprefix(f"{self.name}:")

    def stacks(self) -> list[str]:
        """The names of the stacks that have a file, sorted."""
        files = self.folder.glob("Pulumi.*.yaml")
        return sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in files)

    def stack_file(self, stack: str) -> Path:
        """The file of `stack`. Raises UserError, naming the stacks there are, if it has none."""
        stacks = self.stacks()
        if stack not in stacks:
            near = suggestion(stack, stacks)
            known = ", ".join(stacks) or "none"
            raise UserError(f"There is no stack '{stack}'{near}. Stacks of {self.name}: {known}.")
        return self.folder / f"Pulumi.{stack}.yaml"


def suggestion(word: str, known: list[str]) -> str:
    """`; did you mean 'x'?` for the nearest known word, or nothing."""
    near = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean '{near[0]}'?" if near else ""


def read_project(folder: Path) -> Project:
    """The project in `folder`. Raises UserError with every mistake in its Pulumi.yaml."""
    folder = folder.resolve()
    file = folder / PROJECT_FILE
    if not file.is_file():
        raise UserError(f"There is no {PROJECT_FILE} in {folder}.")
    root = yaml_file.entries(yaml_file.read(file), PROJECT_FILE)
    name = root["name"].value if "name" in root else None
    if not isinstance(name, str) or not name:
        raise UserError(f"{PROJECT_FILE}: 'name' is missing.")

    schema: dict[str, Declaration] = {}
    mistakes = []
    for key, node in _config_block(root).items():
        try:
            declaration = _declaration(key, name, node)
            schema[declaration.key] = declaration
        except UserError as error:
            mistakes.append(str(error))
        except WrongTypeError as error:
            mistakes.append(f"{PROJECT_FILE}:{yaml_file.line(node)}: {key}: {error}")
    if mistakes:
        raise UserError.of(f"{PROJECT_FILE} can't be used:", mistakes)
    return Project(folder, name, schema)


def _config_block(root: dict[str, yaml.Node]) -> dict[str, yaml.Node]:
    node = root.get("config")
    if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
        return {}
    return yaml_file.entries(node, PROJECT_FILE)


def _declaration(key: str, project: str, node: yaml.Node) -> Declaration:
    own = ":" not in key or key.startswith(f"{project}:")
    full = key if ":" in key else f"{project}:{key}"
    short = full.removeprefix(f"{project}:")
    given = yaml_file.value(node, PROJECT_FILE)
    if not isinstance(given, dict):
        return Declaration(full, short, None, as_text(given), secret=False, description="")
    if not own:
        if "type" in given or "default" in given:
            raise WrongTypeError("a key of another namespace takes a 'value', neither 'type' nor 'default'")
        value = given.get("value")
        return Declaration(full, short, None, None if value is None else as_text(value), False, "")
    return _typed(full, short, given)


def _typed(full: str, short: str, given: dict[str, Any]) -> Declaration:
    declared = _type(given)
    default = given.get("default", given.get("value"))
    secret = given.get("secret") is True
    if secret and default is not None:
        # Measured upstream with 3.244: the CLI refuses the stack, "must be encrypted as it's secret".
        raise WrongTypeError("a secret can't have a default in plain text")
    if default is None:
        text = None
    else:
        try:
            text = declared.text(default) if declared else as_text(default)
        except WrongTypeError as error:
            raise WrongTypeError(f"the default {error}") from None
    return Declaration(full, short, declared, text, secret, str(given.get("description") or ""))


def _type(given: dict[str, Any]) -> ConfigType | None:
    if "type" not in given:
        return None
    name = given["type"]
    if name not in NAMES:
        raise WrongTypeError(f"'type' must be one of {', '.join(NAMES)}, not {name!r}")
    if name != "array":
        return ConfigType(name)
    items = given.get("items")
    if not isinstance(items, dict) or "type" not in items:
        raise WrongTypeError("an array must give the type of its 'items'")
    return ConfigType(name, _type(items))
