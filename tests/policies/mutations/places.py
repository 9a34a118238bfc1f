"""Where in a stack something can be changed: every property, inside JSON documents, arguments and odoo.conf too.

A place is a path from a resource's inputs down: keys, indexes, and `Document` where a text is opened as what it holds.
Its pattern names it without what differs from stack to stack (`spec.containers[odoo].args[--workers]`), so that places
of one meaning in many stacks, tiers and resources have one name and one verdict.
"""

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Document:
    """How a text is opened, and closed again."""

    name: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]

    def __repr__(self) -> str:
        return self.name


Step = str | int | Document
Path = tuple[Step, ...]

GONE: Final = object()
"""What `put` takes for a value that is to go away."""


def _argument(text: str) -> dict[str, Any]:
    name, _, value = text.partition("=")
    return {name: value}


JSON: Final = Document("json", json.loads, json.dumps)
ARGUMENT: Final = Document("=", _argument, lambda value: "=".join(*value.items()) if value else "")
SETTINGS: Final = Document(
    "lines",
    lambda text: {line.partition(" = ")[0]: line.partition(" = ")[2] for line in text.splitlines()},
    lambda lines: "\n".join(f"{key} = {value}" if value else key for key, value in lines.items()),
)
"""odoo.conf: a line for each option. What is no option stands there as a key without a value."""


def document_of(text: str) -> Document | None:
    """What a text can be opened as."""
    if text.startswith(("{", "[")) and text.endswith(("}", "]")) and not text.startswith("{{"):
        try:
            json.loads(text)
        except ValueError:
            return None
        return JSON
    if re.fullmatch(r"--[\w.-]+=\S.*", text):
        return ARGUMENT
    if text.startswith("[options]"):
        return SETTINGS
    return None


def places(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every place inside `value` with what stands there, the outermost first."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield (*path, key), item
            yield from places(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield (*path, index), item
            yield from places(item, (*path, index))
    elif isinstance(value, str) and (document := document_of(value)):
        yield from places(document.read(value), (*path, document))


def put(value: Any, path: Path, new: Any) -> Any:
    """A copy of `value` with `new` at `path`, or without what is there if `new` is GONE."""
    step, *rest = path
    if isinstance(step, Document):
        return step.write(put(step.read(value), tuple(rest), new))
    changed = copy.copy(value)
    if rest:
        changed[step] = put(value[step], tuple(rest), new)
    elif new is GONE:
        del changed[step]
    else:
        changed[step] = new
    return changed


def at(value: Any, path: Path) -> Any:
    """What stands at `path`."""
    for step in path:
        value = step.read(value) if isinstance(step, Document) else value[step]
    return value


class Names:
    """What is called after the retailer, the stack, a region, a zone or a digest, without that."""

    def __init__(self, stack: str, retailer: str, tiers: tuple[str, ...]) -> None:
        own = sorted({retailer, retailer.replace("-", "_"), stack} - {""}, key=len, reverse=True)
        self._own = re.compile(rf"(?<![a-z0-9])(?:{'|'.join(re.escape(each) for each in own)})(?![a-zA-Z0-9])")
        self._tier = re.compile(rf"(?<![a-z])(?:{'|'.join(tiers)})(?![a-z])")
        self._zone = re.compile(r"\b[a-z]{2}-[a-z]+-[0-9][a-f]?\b")
        self._digest = re.compile(r"\b[0-9a-f]{8,}\b")

    def role(self, name: str) -> str:
        """What a resource is for: its name without whose it is."""
        return self._tier.sub("TIER", self._whose(name))

    def pattern(self, inputs: Any, path: Path) -> str:
        """The pattern of a place; see the module."""
        text, value = "", inputs
        for step in path:
            if isinstance(step, Document):
                text, value = f"{text}<{step}>", step.read(value)
                continue
            value = value[step]
            if isinstance(step, int):
                text += f"[{self._item(value)}]"
            else:
                name = self._whose(step)
                text += f".{name}" if text else name
        return text

    def _item(self, item: Any) -> str:
        if isinstance(item, Mapping):
            for key in ("name", "Sid", "sid", "key", "type", "topologyKey", "mountPath", "deviceName", "alert"):
                if isinstance(found := item.get(key), str) and len(found) < 60:
                    return self.role(found)
        if isinstance(item, str) and (found := re.match(r"--?[\w.-]+", item)):
            return self._whose(found[0])
        return "*"

    def _whose(self, text: str) -> str:
        text = self._digest.sub("DIGEST", self._zone.sub("ZONE", self._own.sub("", text)))
        return re.sub(r"-{2,}", "-", text).strip("-") or "own"
