"""What should become of each mutation, as people have decided.

caught.txt has every pair that rules catch, with the rules and a place where they do: written by `python -m
tests.policies.mutations --write`, read by people as a diff. verdicts.yaml has those that nothing catches: why that
does no harm, or why it survives although it should not. A pair with neither fails the tests.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import yaml

from tests.policies.mutations.graph import Pair

FOLDER: Final = Path(__file__).parent
CAUGHT: Final = FOLDER / "caught.txt"
REVIEWED: Final = FOLDER / "verdicts.yaml"
TOLERATED: Final = FOLDER / "tolerated.yaml"
"""Where odd input trips nothing (test_hostile.py)."""
KINDS: Final = ("harmless", "survivor")


@dataclass(frozen=True)
class Catch:
    """Which rules catch a pair in any stack, and one place where they do: stack and role, `peak/TIER`."""

    rules: frozenset[str]
    where: str


@dataclass(frozen=True)
class Verdict:
    """Why pairs are caught by nothing: `harmless`, or a `survivor`.

    `of` and `at` are globs, `by` lists operators.
    """

    of: str
    at: str
    by: frozenset[str]
    kind: str
    why: str

    def covers(self, pair: Pair) -> bool:
        kind, pattern, operator = pair
        return (not self.by or operator in self.by) and bool(self._of.fullmatch(kind) and self._at.fullmatch(pattern))

    @cached_property
    def _of(self) -> re.Pattern[str]:
        return _glob(self.of)

    @cached_property
    def _at(self) -> re.Pattern[str]:
        return _glob(self.at)

    def __str__(self) -> str:
        return f"{self.of} {self.at} {' '.join(sorted(self.by))}".strip()


def _glob(text: str) -> re.Pattern[str]:
    """Globs with `*` and `|` between alternatives; brackets are what patterns have for items."""
    escaped = (re.escape(each.strip()).replace(r"\*", ".*") for each in text.split("|"))
    return re.compile("|".join(escaped))


def reviewed(file: Path = REVIEWED) -> list[Verdict]:
    """Verdicts in order: the first that covers a pair is its own."""
    listed = []
    for entry in yaml.safe_load(file.read_text("utf-8")):
        [kind] = [each for each in KINDS if each in entry]
        unknown = entry.keys() - {"of", "at", "by", kind}
        if unknown:
            raise ValueError(f"{file.name}: {sorted(unknown)} in {entry}")
        by = frozenset(entry.get("by", "").split())
        listed.append(Verdict(entry.get("of", "*"), entry.get("at", "*"), by, kind, entry[kind]))
    return listed


def caught() -> dict[Pair, Catch]:
    """The pairs of caught.txt."""
    found: dict[Pair, Catch] = {}
    kind = ""
    for line in CAUGHT.read_text("utf-8").splitlines():
        if not line.startswith(" "):
            kind = line
            continue
        pattern, operators, rules, where = line.strip().split("  ")
        catch = Catch(frozenset(rules.split(",")), where)
        found.update({(kind, pattern, operator): catch for operator in operators.split(",")})
    return found


def write(catches: Mapping[Pair, Catch]) -> None:
    """caught.txt anew, one line for all operators of a place that the same rules catch."""
    lines: dict[tuple[str, str, str, str], list[str]] = {}
    for (kind, pattern, operator), catch in catches.items():
        key = kind, pattern, ",".join(sorted(catch.rules)), catch.where
        lines.setdefault(key, []).append(operator)
    text = []
    last = ""
    for kind, pattern, rules, where in sorted(lines):
        if kind != last:
            text.append(kind)
            last = kind
        text.append(f"  {pattern}  {','.join(sorted(lines[kind, pattern, rules, where]))}  {rules}  {where}")
    CAUGHT.write_text("\n".join(text) + "\n", "utf-8")


def verdict_of(pair: Pair, verdicts: Iterable[Verdict]) -> Verdict | None:
    return next((each for each in verdicts if each.covers(pair)), None)
