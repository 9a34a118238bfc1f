"""The last release: a hash of every input, so that a freeze, or the other season, shows what differs.

`python -m rehearsal baseline STACK` writes it through this module. What only a deployment tells, and what is secret, is
left open: such places are taken out of both sides before they are compared.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from guardrails.config import Config
from guardrails.reading import UNKNOWN, Node, whole
from guardrails.resource import Resource

OPEN: Final = "<open>"
"""Stands for what was unknown or secret when the baseline was written."""

_MARKS: Final = ("$unknown", "$secret")
"""Keys of the mappings that say so in what `written` is given."""

Step = str | int


@dataclass(frozen=True)
class Baseline:
    """What was released: season, and by URN the hashes of inputs."""

    season: str
    resources: Mapping[str, Node]

    def changed(self, resource: Resource) -> list[str]:
        """Inputs of `resource` that are not what they were; none of one that is new."""
        if resource.urn not in self.resources:
            return []
        before = self.resources[resource.urn].entries("inputs")
        after = resource.entries()
        gone_or_new = before.keys() ^ after.keys()
        other = {key for key in before.keys() & after.keys() if not _same(before[key], after[key])}
        return sorted(gone_or_new | other)


def of(config: Config) -> Baseline | None:
    """The baseline of the configuration. Unjudged if somebody changed it since it was written."""
    given = config.baseline
    if not given.has():
        return None
    content = {key: value for key, value in given.plain().items() if key != "digest"}
    if given.text("digest") != digest(content):
        raise given.unjudged("was changed after it was written: write it again with `python -m rehearsal baseline`")
    return Baseline(given.text("season"), given.entries("resources"))


def written(release: Mapping[str, Any]) -> dict[str, Any]:
    """A baseline out of a release: `stack`, `season`, `made`, and `resources` with `urn`, `type`, `protect`, `inputs`;
    `months`, what it costs, where that is known (bill.py).

    Inputs have `{"$unknown": true}` and `{"$secret": true}` where nothing is to be kept.
    """
    resources = {
        each["urn"]: {
            "type": each["type"],
            "protect": each["protect"],
            "inputs": {key: _hashed(value) for key, value in each["inputs"].items()},
        }
        for each in release["resources"]
    }
    content = {
        **{key: release[key] for key in ("stack", "season", "made")},
        "months": release.get("months", {}),
        "resources": resources,
    }
    return {**content, "digest": digest(content)}


def digest(value: Any) -> str:
    """Of any plain value; whole numbers are the same however they are written."""
    text = json.dumps(_canonical(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _hashed(value: Any) -> dict[str, Any]:
    return {"hash": digest(value), "open": [list(path) for path in _open(value)]}


def _open(value: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[Step, ...]]:
    if isinstance(value, dict):
        if any(mark in value for mark in _MARKS):
            yield path
            return
        for key, item in value.items():
            yield from _open(item, (*path, key))
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _open(item, (*path, index))


def _same(before: Node, after: Node) -> bool:
    places = [tuple(step for step in place.plain()) for place in before.items("open")]
    value = after.raw
    for place in places:
        value = _without(value, place)
    return before.text("hash") == digest(value)


def _without(value: Any, place: tuple[Any, ...]) -> Any:
    """`value` with OPEN at `place`; as it is where there is no such place."""
    if not place:
        return OPEN
    step, *rest = place
    if isinstance(value, dict) and step in value:
        return {**value, step: _without(value[step], tuple(rest))}
    if isinstance(value, list) and isinstance(step, int | float) and int(step) < len(value):
        index = int(step)
        return [*value[:index], _without(value[index], tuple(rest)), *value[index + 1 :]]
    return value


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return OPEN if any(mark in value for mark in _MARKS) else {key: _canonical(value[key]) for key in value}
    if isinstance(value, list | tuple):
        return [_canonical(item) for item in value]
    if isinstance(value, float):
        return whole(value)
    return "<unknown>" if value is UNKNOWN else value
