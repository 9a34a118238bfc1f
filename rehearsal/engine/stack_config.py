"""The configuration of one stack: Pulumi.<stack>.yaml, what `-c key=value` overrides, and the schema's defaults."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from rehearsal.engine import yaml_file
from rehearsal.engine.config_types import ConfigType, WrongTypeError, as_text
from rehearsal.engine.project import PROJECT_FILE, Project, suggestion
from rehearsal.errors import UserError

SECRET_NAME: Final = re.compile(
    r"(^|[-_.:])(password|passphrase|secret|token|(private|api|access)-?key)$", re.IGNORECASE
)
"""Keys whose value is secret whatever the schema says. The schema can't mark an optional one: to the CLI a key with
`secret: true` is required, and may have no default."""


@dataclass(frozen=True)
class StackConfig:
    """`values`: full key -> text, defaults included, sorted by key. `secret_keys`: those never to be shown.

    `mistakes` are sentences, `mistaken` the short names of their keys; such keys have their defaults in `values`.
    """

    stack: str
    values: dict[str, str] = field(repr=False)
    secret_keys: frozenset[str]
    mistakes: tuple[str, ...] = ()
    mistaken: frozenset[str] = frozenset()

    def refusal(self, program_says: str = "") -> UserError:
        """One error of all mistakes: these, and what the program says of the other keys (a line each, "  - key: ...").

        The program reads what is left of the configuration, so that its mistakes don't wait for the next attempt.
        """
        said = [line.removeprefix("  - ") for line in program_says.splitlines() if line.startswith("  - ")]
        others = [line for line in said if line.partition(":")[0].partition(".")[0] not in self.mistaken]
        return UserError.of(f"The configuration of stack '{self.stack}' can't be used:", [*self.mistakes, *others])


def read_stack_config(project: Project, stack: str, overrides: Mapping[str, str]) -> StackConfig:
    """What the program of `stack` will find. `overrides` are by key, as after `-c`; arrays and objects in JSON or YAML.

    Raises UserError for an unknown stack or a file that is not YAML; other mistakes, in its file and in the overrides,
    are in the answer. Values of secret keys are never quoted.
    """
    return _Reader(project, stack, overrides).read()


class _Reader:
    def __init__(self, project: Project, stack: str, overrides: Mapping[str, str]) -> None:
        self.project = project
        self.stack = stack
        self.file = project.stack_file(stack)
        self.overrides = {project.full_key(key): text for key, text in overrides.items()}
        self.values: dict[str, str] = {}
        self.secret_keys: set[str] = set()
        self.mistakes: list[str] = []
        self.mistaken: set[str] = set()

    def read(self) -> StackConfig:
        nodes = self._file_nodes()
        for key, node in nodes.items():
            self._take_node(key, node)
        for key, text in self.overrides.items():
            self._take_override(key, text)
        given = nodes.keys() | self.overrides.keys()
        for key, declaration in self.project.schema.items():
            if key in self.values:
                continue
            if declaration.default is not None:
                self.values[key] = declaration.default
            elif key not in given:
                kind = f" ({declaration.type})" if declaration.type else ""
                about = f": {declaration.description}" if declaration.description else ""
                self._mistake(key, f"{self.file.name}: '{declaration.name}'{kind} is missing{about}")
            if self._is_secret(key):
                self.secret_keys.add(key)
        return StackConfig(
            self.stack,
            dict(sorted(self.values.items())),
            frozenset(self.secret_keys),
            tuple(self.mistakes),
            frozenset(self.mistaken),
        )

    def _mistake(self, key: str, sentence: str) -> None:
        self.mistaken.add(self.project.short_key(key))
        self.mistakes.append(sentence)

    def _file_nodes(self) -> dict[str, yaml.Node]:
        root = yaml_file.entries(yaml_file.read(self.file), self.file.name)
        if "environment" in root:
            at = yaml_file.line(root["environment"])
            self.mistakes.append(
                f"{self.file.name}:{at}: ESC environments can't be opened here; pass their values with -c"
            )
        config = root.get("config")
        if config is None or (isinstance(config, yaml.ScalarNode) and not config.value):
            return {}
        nodes: dict[str, yaml.Node] = {}
        for key, node in yaml_file.entries(config, self.file.name).items():
            full = self.project.full_key(key)
            if full in nodes:
                short = self.project.short_key(full)
                self._mistake(full, f"{self.file.name}:{yaml_file.line(node)}: '{short}' is given twice")
            nodes[full] = node
        return nodes

    def _take_node(self, key: str, node: yaml.Node) -> None:
        place = f"{self.file.name}:{yaml_file.line(node)}"
        if not self._known(key, place):
            return
        if self._is_secret(key):
            self.secret_keys.add(key)
        try:
            value = node.value if isinstance(node, yaml.ScalarNode) else yaml_file.value(node, self.file.name)
        except UserError as error:
            self._mistake(key, str(error))
            return
        encrypted = _has_encrypted(value)
        if encrypted:
            self.secret_keys.add(key)
        if key in self.overrides:
            return
        short = self.project.short_key(key)
        if encrypted:
            self._mistake(
                key, f"{place}: '{short}' is encrypted (secure:) and can't be decrypted here; pass it with -c"
            )
        elif key in self.project.schema and self.project.schema[key].secret:
            self._mistake(key, f"{place}: '{short}' is secret, not to be given in plain text; pass it with -c")
        else:
            self._store(key, value, place)

    def _take_override(self, key: str, text: str) -> None:
        place = f"-c {self.project.short_key(key)}"
        if not self._known(key, place):
            return
        if self._is_secret(key):
            self.secret_keys.add(key)
        declared = self._type(key)
        if declared is None or declared.scalar:
            self._store(key, text, place)
            return
        try:
            node = yaml_file.parse(text, place)
            self._store(key, None if node is None else yaml_file.value(node, place), place)
        except UserError as error:
            self._mistake(key, str(error))

    def _known(self, key: str, place: str) -> bool:
        if key in self.project.schema or not key.startswith(f"{self.project.name}:"):
            return True
        names = [declaration.name for declaration in self.project.schema.values()]
        short = self.project.short_key(key)
        hint = suggestion(short, names) or f"; {PROJECT_FILE} declares the keys there are"
        self._mistake(key, f"{place}: unknown key '{short}'{hint}")
        return False

    def _store(self, key: str, value: Any, place: str) -> None:
        declared = self._type(key)
        try:
            self.values[key] = declared.text(value) if declared else as_text(value)
        except WrongTypeError as error:
            shown = "" if key in self.secret_keys or not isinstance(value, str) else f", not '{value}'"
            self._mistake(key, f"{place}: '{self.project.short_key(key)}' {error}{shown}")

    def _type(self, key: str) -> ConfigType | None:
        declaration = self.project.schema.get(key)
        return declaration.type if declaration else None

    def _is_secret(self, key: str) -> bool:
        declaration = self.project.schema.get(key)
        return bool(SECRET_NAME.search(key)) or (declaration is not None and declaration.secret)


def _has_encrypted(value: Any) -> bool:
    if isinstance(value, dict):
        return value.keys() == {"secure"} or any(_has_encrypted(item) for item in value.values())
    return isinstance(value, list) and any(_has_encrypted(item) for item in value)
