"""The types that Pulumi.yaml's `config` block knows, and the text the CLI makes of their values."""

import json
import re
from dataclasses import dataclass
from typing import Any, Final

NAMES: Final = ("string", "integer", "boolean", "array", "object")


class WrongTypeError(ValueError):
    """A value does not fit its declared type. The message does not quote the value."""


@dataclass(frozen=True)
class ConfigType:
    """A declared type: one of `NAMES`, and for arrays the type of their items (None where Pulumi.yaml gives none)."""

    name: str
    items: "ConfigType | None" = None

    def __str__(self) -> str:
        return f"array of {self.items}" if self.items else self.name

    @property
    def scalar(self) -> bool:
        return self.name not in ("array", "object")

    def text(self, value: Any) -> str:
        """The text under which the program finds `value`. Raises WrongTypeError if it is not of this type."""
        self.check(value)
        match self.name:
            case "string":
                return str(value)
            case "integer":
                return str(int(value.partition(".")[0] if isinstance(value, str) else value))
            case "boolean":
                return str(value).lower()
            case _:
                return as_json(value)

    def check(self, value: Any) -> None:
        """Raises WrongTypeError unless `value` is of this type: as the CLI does, text that reads as a number or boolean
        is one, and an object is any mapping."""
        if not self._fits(value):
            raise WrongTypeError(f"must be {_article(self.name)} {self}")
        if self.items:
            for position, item in enumerate(value):
                try:
                    self.items.check(item)
                except WrongTypeError as error:
                    raise WrongTypeError(f"[{position}] {error}") from None

    def _fits(self, value: Any) -> bool:
        match self.name:
            case "string":
                return isinstance(value, str)
            case "integer":
                return _is_integer(value)
            case "boolean":
                return isinstance(value, bool) or (isinstance(value, str) and value.lower() in ("true", "false"))
            case "array":
                return isinstance(value, list)
            case _:
                return isinstance(value, dict)


def as_text(value: Any) -> str:
    """What the CLI makes of a value without a declared type."""
    return value if isinstance(value, str) else as_json(value)


def as_json(value: Any) -> str:
    """Objects, arrays, numbers and booleans as the CLI stores them: compact JSON with sorted keys, and Go's numbers."""
    return json.dumps(_go_numbers(value), separators=(",", ":"), sort_keys=True, ensure_ascii=False)


def _go_numbers(value: Any) -> Any:
    """Go writes a float that is whole without a point, up to 1e21 (seen with the CLI, 3.260: 1.0 is 1, 1e3 is 1000)."""
    if isinstance(value, dict):
        return {key: _go_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_go_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e21 else value


def _is_integer(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    if isinstance(value, str):
        return re.fullmatch(r"[-+]?[0-9]+(\.0*)?", value) is not None
    return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


def _article(noun: str) -> str:
    return "an" if noun[0] in "aeio" else "a"
