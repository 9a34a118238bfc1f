"""What an evaluation of the program yields: its resources, its stack outputs, and the values inside them.

Values are plain Python (None, bool, int, float, str, list, dict) with four additions: `Secret` around what is secret,
`UNKNOWN` for what only a deployment would tell, `ResourceReference` and `Asset`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Literal


@dataclass(frozen=True, repr=False)
class Secret:
    """A secret value. Neither `repr` nor `str` shows it."""

    value: Any

    def __repr__(self) -> str:
        return "[secret]"


class Unknown:
    """The type of `UNKNOWN`. There is one instance, copies included, so `is UNKNOWN` always works."""

    _instance: "Unknown | None" = None

    def __new__(cls) -> "Unknown":
        if cls._instance is None:
            cls._instance = super().__new__(cls)
        return cls._instance

    def __repr__(self) -> str:
        return "<unknown>"

    def __copy__(self) -> "Unknown":
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> "Unknown":
        return self

    def __reduce__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


@dataclass(frozen=True)
class ResourceReference:
    """A resource passed as a value. `id` is empty for components and, in a preview, for what has none yet."""

    urn: str
    id: str = ""


@dataclass(frozen=True)
class Asset:
    """A file, text or archive passed as a value; `fields` are the wire's own (`text`, `path`, `uri`, `assets`)."""

    kind: Literal["asset", "archive"]
    fields: dict[str, Any]


@dataclass
class Resource:
    """One registered resource: what the program asked for, and what it got.

    `urn` is the key everywhere; `parent` and `provider` are URNs. `parent` is empty for the stack itself, `provider`
    for components and for resources under a default provider. `id` is empty for components and, in a preview, for what
    has none yet. Secrets in `inputs` and `outputs` are wrapped in `Secret`.
    """

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    id: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    delete_before_replace: bool = False
    provider: str = ""
    dependencies: tuple[str, ...] = ()
    property_dependencies: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ignore_changes: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    additional_secret_outputs: tuple[str, ...] = ()


@dataclass
class Evaluation:
    """One run of the program for one stack.

    `config` holds full keys (`odoo-retail:stores`) and the text the program saw; `secret_keys` are those whose text
    must never be shown. `resources` are by URN, each after what it needs. `references` are the evaluations of the
    stacks read through StackReference, by full name `organization/project/stack`. `warnings` are what the program said
    through `pulumi.warn` and `pulumi.error`.
    """

    project: str
    stack: str
    preview: bool
    config: dict[str, str] = field(repr=False)
    secret_keys: frozenset[str]
    resources: dict[str, Resource]
    outputs: dict[str, Any]
    references: "dict[str, Evaluation]"
    warnings: list[str] = field(default_factory=list)


def reveal(value: Any) -> Any:
    """`value` without its `Secret` wrappers, at any depth. For what must hold the real value; never for showing."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, dict):
        return {key: reveal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [reveal(item) for item in value]
    return value


def contains(value: Any, predicate: Callable[[Any], bool]) -> bool:
    """Whether `predicate` holds for `value` or for anything inside it, secrets included."""
    if predicate(value):
        return True
    if isinstance(value, Secret):
        return contains(value.value, predicate)
    if isinstance(value, dict):
        return any(contains(item, predicate) for item in value.values())
    if isinstance(value, list):
        return any(contains(item, predicate) for item in value)
    return False


def secret_texts(value: Any, *, inside_secret: bool = False) -> Iterator[str]:
    """Every text inside a `Secret`, at any depth of `value`: what must be found nowhere in plain text."""
    if isinstance(value, Secret):
        yield from secret_texts(value.value, inside_secret=True)
    elif isinstance(value, dict):
        for item in value.values():
            yield from secret_texts(item, inside_secret=inside_secret)
    elif isinstance(value, list):
        for item in value:
            yield from secret_texts(item, inside_secret=inside_secret)
    elif inside_secret and isinstance(value, str):
        yield value
