"""YAML as the pulumi CLI reads it, with the line of every value.

The CLI uses go-yaml v3: YAML 1.2, in which `10:30`, `on` and `no` are text. PyYAML alone follows YAML 1.1 and would
read them as 630, True and False, so its resolver is replaced here and only its parser used.
"""

import datetime
import re
from pathlib import Path
from typing import Any, Final

import yaml

from rehearsal.errors import UserError

_PLAIN: Final = "tag:rehearsal,2026:plain"
_TAG: Final = "tag:yaml.org,2002:"
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER: Final = re.compile(r"[-+]?(0x[0-9a-fA-F_]+|0o?[0-7_]*|0b[01_]+|[1-9][0-9_]*)")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MOMENT: Final = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{1,2}-[0-9]{1,2})"
    r"( (?P<plain>[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]+)?)"
    r"|[Tt](?P<zoned>[0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(\.[0-9]+)?)(?P<offset>Z|[-+][0-9]{2}:[0-9]{2}))?"
)
"""The layouts of go-yaml's timestamps. `2026-11-26T18:00`, without seconds and offset, is none: it is text."""


class _Loader(yaml.SafeLoader):
    """Marks plain scalars instead of resolving them."""

    def resolve(self, kind: type[yaml.Node], _value: Any, implicit: Any) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _TAG + "str"
        return _TAG + ("map" if kind is yaml.MappingNode else "seq")


def read(path: Path) -> yaml.Node:
    """The document in the file `path`. Raises UserError if it is empty, not UTF-8 or not YAML, with the line."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path.name} is not UTF-8 text (byte {error.start}).") from None
    except OSError as error:
        raise UserError(f"{path.name} can't be read: {error.strerror}.") from None
    node = parse(text, path.name)
    if node is None:
        raise UserError(f"{path.name} is empty.")
    return node


def parse(text: str, source: str) -> yaml.Node | None:
    """The document in `text`, None if there is none. Raises UserError naming `source`, never quoting `text`."""
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{source}{line}: not valid YAML: {error.problem}.") from None
    except yaml.YAMLError:
        raise UserError(f"{source}: not valid YAML: it holds a character that YAML does not allow.") from None
    return node


def line(node: yaml.Node) -> int:
    """The line on which `node` begins, counted from 1."""
    return int(node.start_mark.line) + 1


def entries(node: yaml.Node, source: str) -> dict[str, yaml.Node]:
    """The entries of a mapping. Raises UserError if it is none, or if a key is given twice or is not text."""
    if not isinstance(node, yaml.MappingNode):
        raise UserError(f"{source}:{line(node)}: a mapping (`key: value`) is wanted here.")
    found: dict[str, yaml.Node] = {}
    mistakes = []
    for key, item in node.value:
        if not isinstance(key, yaml.ScalarNode):
            mistakes.append(f"{source}:{line(key)}: a key must be plain text")
        elif key.value in found:
            mistakes.append(f"{source}:{line(key)}: '{key.value}' is given twice")
        else:
            found[key.value] = item
    if mistakes:
        raise UserError.of(f"{source} can't be used:", mistakes)
    return found


def value(node: yaml.Node, source: str) -> Any:
    """`node` as plain Python: None, bool, int, float, str, list or dict."""
    if isinstance(node, yaml.MappingNode):
        return {key: value(item, source) for key, item in entries(node, source).items()}
    if isinstance(node, yaml.SequenceNode):
        return [value(item, source) for item in node.value]
    match node.tag:
        case "tag:rehearsal,2026:plain":
            return _resolve(node.value)
        case "tag:yaml.org,2002:str":
            return node.value
        case _:
            raise UserError(f"{source}:{line(node)}: the YAML tag {node.tag} is not supported.")


def _resolve(text: str) -> Any:
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if _INTEGER.fullmatch(text):
        octal = re.sub(r"^([-+]?)0o?(?=[0-7])", r"\g<1>0o", text.replace("_", ""))
        return int(octal, 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if moment := _MOMENT.fullmatch(text):
        return _timestamp(text, moment)
    return text


def _timestamp(text: str, moment: re.Match[str]) -> str:
    """Go's own rendering of a time, which is what the program gets (seen with the CLI, 3.260): an unquoted 2026-11-07
    is `2026-11-07 00:00:00 +0000 UTC`. A day that doesn't exist stays text."""
    day, time, offset = moment["day"], moment["plain"] or moment["zoned"] or "0:0:0", moment["offset"] or "Z"
    try:
        whole = datetime.datetime.strptime(f"{day} {time.partition('.')[0]}", "%Y-%m-%d %H:%M:%S")
    except ValueError:
        return text
    fraction = time.partition(".")[2].rstrip("0")
    zone = "+0000 UTC" if offset == "Z" else " ".join([offset.replace(":", "")] * 2)
    return f"{whole:%Y-%m-%d %H:%M:%S}{'.' + fraction if fraction else ''} {zone}"
