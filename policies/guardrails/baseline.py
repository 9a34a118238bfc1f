"""The last release, as `python -m rehearsal baseline STACK` wrote it: a freeze, or the other season, shows what
differs.

It holds no value but the calendar: inputs are fingerprints (fingerprints.py). Its digest shows a later change by hand.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from guardrails.contract import TYPES
from guardrails.fingerprints import Path, at, differences, digest, fingerprint
from guardrails.reading import Node
from guardrails.resource import Resource, family
from guardrails.versions import VERSIONS
from guardrails.windows import Window, moment, window

_KEYS: Final = ("stack", "season", "made", "commit")


@dataclass(frozen=True)
class Released:
    """One resource of the release. provider: digest of its URN; empty for a default one. since: when its version was
    first released; None where that is not known."""

    urn: str
    type: str
    protect: bool
    provider: str
    inputs: Mapping[str, Any]
    since: datetime | None

    @property
    def ghost(self) -> Resource:
        """It, for messages about what is gone."""
        return Resource(self.urn, self.type, self.urn.rpartition("::")[2], {}, protect=self.protect)

    def changed(self, resource: Resource, aside: Mapping[str, Any]) -> list[Path]:
        """Places where the inputs of `resource` are not what they were. What `aside` holds is taken as not given."""
        return list(differences(self.inputs, _without(resource.raw, aside, self.inputs)))


@dataclass(frozen=True)
class Baseline:
    """What was released: of which stack, in which season, when, from which commit (empty: from none that has a name).

    freezes: those of its calendar. emergencies: what changed in a freeze since, and was closed. digest: of all of it.
    """

    stack: str
    season: str
    made: datetime
    commit: str
    freezes: tuple[Window, ...]
    emergencies: tuple[Node, ...]
    resources: Mapping[str, Released]
    digest: str

    def changed(self, resource: Resource) -> list[Path]:
        """Inputs of `resource` that are not what they were; none of one that is new."""
        before = self.resources.get(resource.urn)
        return before.changed(resource, {}) if before else []


def read_baseline(given: Node) -> Baseline | None:
    """The baseline of the configuration. Unjudged if somebody changed it since it was written."""
    if not given.has():
        return None
    content = {key: value for key, value in given.plain().items() if key != "digest"}
    if given.text("digest") != digest(content):
        raise given.unjudged("was changed after it was written: write it again with `python -m rehearsal baseline`")
    return Baseline(
        stack=given.text("stack"),
        season=given.text("season"),
        made=moment(given.at("made")),
        commit=given.text("commit", ""),
        freezes=tuple(_freezes(given.at("calendar"))),
        emergencies=tuple(given.items("emergencies")),
        resources={urn: _released(urn, each) for urn, each in given.entries("resources").items()},
        digest=given.text("digest"),
    )


def written(release: Mapping[str, Any], previous: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A baseline out of a release: `stack`, `season`, `made`, `commit`, `emergencies`, and `resources` with `urn`,
    `type`, `protect`, `provider`, `inputs`; `months`, what it costs, where that is known (bill.py).

    Inputs have `{"$unknown": true}` and `{"$secret": true}` where nothing is to be kept. `previous` is the baseline
    before it: a version that was in it already is as old as it says there.
    """
    before = (previous or {}).get("resources", {})
    content = {
        **{key: release.get(key, "") for key in _KEYS},
        "calendar": _calendar(release),
        "emergencies": list(release.get("emergencies", ())),
        "months": release.get("months", {}),
        "resources": {
            each["urn"]: _kept(each, release["made"], before.get(each["urn"]) or {})
            for each in release["resources"]
            if counts(each["type"])
        },
    }
    return {**content, "digest": digest(content)}


def counts(type_token: str) -> bool:
    """Whether resources of a type are compared: components deploy nothing, so of them only the contract is."""
    return type_token in TYPES or not type_token.startswith(("retail:", "pulumi:pulumi:"))


def _kept(each: Mapping[str, Any], made: str, before: Mapping[str, Any]) -> dict[str, Any]:
    kept = {
        "type": each["type"],
        "protect": each["protect"],
        "provider": digest(each["provider"]) if each["provider"] else "",
        "inputs": {key: fingerprint(value) for key, value in each["inputs"].items() if value is not None},
    }
    versions = VERSIONS.get(family(each["type"]), ())
    if not versions or not before:
        return kept
    same = all(at(before["inputs"], path) == at(kept["inputs"], path) for path in versions)
    since = before.get("since") if same else made
    return {**kept, "since": since} if since else kept


def _calendar(release: Mapping[str, Any]) -> dict[str, Any]:
    """Freezes of the contract, in clear: who takes one out of the calendar is bound by it all the same."""
    for carrier in TYPES:
        for each in release["resources"]:
            if each["type"] == carrier and "freezes" in each["inputs"]:
                return {key: each["inputs"].get(key) for key in ("timeZone", "freezes")}
    return {}


def _freezes(calendar: Node) -> Iterator[Window]:
    if not calendar.has("freezes"):
        return
    zone = calendar.at("timeZone")
    try:
        local = ZoneInfo(zone.text())
    except (ZoneInfoNotFoundError, ValueError):
        raise zone.unjudged("must be a time zone, as Europe/Paris") from None
    yield from (window(each, local) for each in calendar.items("freezes"))


def _released(urn: str, node: Node) -> Released:
    return Released(
        urn=urn,
        type=node.text("type"),
        protect=node.flag("protect", False),
        provider=node.text("provider", ""),
        inputs=node.plain("inputs") or {},
        since=moment(node.at("since")) if node.has("since") else None,
    )


def _without(inputs: Any, aside: Mapping[str, Any], before: Mapping[str, Any]) -> Any:
    """`inputs` without what providers add: keys of `aside` with that value (or any: None), unless given before."""
    if not isinstance(inputs, dict) or not aside:
        return inputs
    kept = {}
    for key, value in inputs.items():
        if key not in aside:
            kept[key] = value
        elif isinstance(aside[key], dict) and isinstance(value, dict):
            inner = before.get(key)
            rest = {
                name: item
                for name, item in value.items()
                if name not in aside[key] or item != aside[key][name] or (isinstance(inner, dict) and name in inner)
            }
            if rest or key in before:
                kept[key] = rest
        elif key in before or (aside[key] is not None and aside[key] != value):
            kept[key] = value
    return kept
