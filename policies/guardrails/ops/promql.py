"""As much of PromQL as it takes to say what an alert is about, and whether it can ever fire."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
_NUMBER: Final = r"[+-]?(?:Inf|NaN|[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)"
_COMPARED: Final = re.compile(rf"(?:>=|<=|==|!=|>|<)\s*(?:bool\s+)?({_NUMBER})\s*(?![0-9.*/]|\s*[*/])")
_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_JOINS: Final = ("and", "or", "unless")


@dataclass(frozen=True)
class Clause:
    """A part between `and`, `or` and `unless`: its text, and the same with recorded series written out."""

    text: str
    whole: str

    @property
    def thresholds(self) -> list[float]:
        """Numbers that something is compared with."""
        return [float(each) for each in _COMPARED.findall(_STRING.sub('""', self.text))]

    @property
    def asks_for_absence(self) -> bool:
        return "absent(" in self.text or "absent_over_time(" in self.text


def clauses(expression: str, recorded: Mapping[str, str]) -> list[Clause]:
    """The clauses of an expression. `recorded`: expressions by the name of the series that they are recorded as."""
    return [Clause(each, _written_out(each, recorded)) for each in _split(expression)]


def constant(expression: str) -> bool:
    """Whether a constant decides it: `vector(0)` fires always or never, but for `or vector(0)`, which stands for what
    is not there."""
    return re.search(r"(?<!or )\bvector\(", " ".join(expression.split())) is not None


def _split(expression: str) -> Iterator[str]:
    depth, start, blank = 0, 0, _STRING.sub(lambda found: "." * len(found[0]), expression)
    for found in re.finditer(r"[({\[]|[)}\]]|\b[a-z]+\b", blank):
        part = found[0]
        if part in "({[":
            depth += 1
        elif part in ")}]":
            depth -= 1
        elif depth == 0 and part in _JOINS:
            yield expression[start : found.start()]
            start = found.end()
    yield expression[start:]


def _written_out(text: str, recorded: Mapping[str, str]) -> str:
    return _NAME.sub(lambda found: f"({recorded[found[0]]})" if found[0] in recorded else found[0], text)
