"""The pack's configuration: given once, to the policy `mandatory-resource`, and read into one object.

A mistake in it is a violation of its own (`config`), never a rule that quietly runs on defaults.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, Final, TypeVar

from guardrails.baseline import Baseline, read_baseline
from guardrails.emergencies import Emergency, read_emergency
from guardrails.evidence import Evidence, read_evidence
from guardrails.reading import Node, Unjudged
from guardrails.rule import DECLARED, Level
from guardrails.waivers import Waiver, read_waiver
from guardrails.windows import Window, active, moment

T = TypeVar("T")


@dataclass(frozen=True)
class Limit:
    """A figure that a rule holds resources to and users may change. `key` is its name in the configuration."""

    key: str
    default: float | tuple[str, ...]
    says: str

    @property
    def schema(self) -> dict[str, Any]:
        if isinstance(self.default, tuple):
            words = {"type": "array", "items": {"type": "string"}, "default": list(self.default)}
            return {**words, "description": self.says}
        return {"type": "number", "default": self.default, "description": self.says}


LIMITS: Final[dict[str, Limit]] = {}


def limit(key: str, default: float | tuple[str, ...], says: str) -> Limit:
    """Declares a limit, beside the rule that uses it. `says` gives the unit and where the default is from."""
    declared = Limit(key, default, says)
    if LIMITS.setdefault(key, declared) != declared:
        raise ValueError(f"two limits are called {key}")
    return declared


@dataclass(frozen=True)
class Config:
    """How to judge.

    now: the moment that windows, deadlines and waivers are judged at; the real clock's unless configured.
    rehearsal: nothing is released, so freezes don't bind and no release counts (`python -m rehearsal up`).
    levels: rules moved between mandatory and advisory. waivers: every one given, whether it still holds or not.
    emergencies: changes in a freeze, as given; frz-02 and frz-03 judge whether they stand.
    baseline: hashes of the last release's inputs; evidence: what commands collected of backups, drills and releases.
    Both are empty nodes where not given. problems: what is wrong with the configuration itself.
    """

    now: datetime
    rehearsal: bool
    levels: Mapping[str, Level]
    waivers: tuple[Waiver, ...]
    emergencies: Node
    baseline: Node
    evidence: Node
    limits: Mapping[str, float | tuple[str, ...]]
    problems: tuple[str, ...]

    def number(self, limit: Limit) -> float:
        """What a limit of one number is set to."""
        value = self.limits.get(limit.key, limit.default)
        if isinstance(value, tuple):
            raise TypeError(f"{limit.key} is a list")
        return value

    def words(self, limit: Limit) -> tuple[str, ...]:
        """What a limit of several texts is set to."""
        value = self.limits.get(limit.key, limit.default)
        return value if isinstance(value, tuple) else (str(value),)

    def level(self, rule_id: str) -> Level:
        return self.levels.get(rule_id, DECLARED[rule_id].level)

    @cached_property
    def release(self) -> Baseline | None:
        """The last release. Unjudged where the baseline can't be used."""
        return read_baseline(self.baseline)

    @cached_property
    def before(self) -> Baseline | None:
        """The last release, for who compares with it where there is one; in a rehearsal nobody does. One that can't be
        used is frz-01's to tell, once and on any day."""
        if self.rehearsal:
            return None
        try:
            return self.release
        except Unjudged:
            return None

    @cached_property
    def proof(self) -> Evidence | None:
        """What was collected. Unjudged where the evidence can't be used."""
        return read_evidence(self.evidence)

    @cached_property
    def exceptions(self) -> tuple[Waiver | Emergency, ...]:
        """Waivers, and the emergencies that stand."""
        return (*self.waivers, *self._standing())

    def freeze(self, calendar: Iterable[Window]) -> Window | None:
        """The freeze that binds now; none does in a rehearsal. The last release's count as well as the calendar's: who
        takes a freeze out of the calendar while it lasts is bound by it all the same."""
        if self.rehearsal:
            return None
        return active((*calendar, *(self.before.freezes if self.before else ())), self.now)

    def _standing(self) -> tuple[Emergency, ...]:
        try:
            given = self.emergencies.items()
        except Unjudged:
            return ()
        if self.before is None and self.baseline.has():
            return ()  # Nothing tells what they would go back to.
        standing = []
        for node in given:
            try:
                emergency = read_emergency(node)
            except Unjudged:
                continue  # frz-02 says what is wrong with it.
            if not emergency.refusals(self.before, self.now):
                standing.append(emergency)
        return tuple(standing)


def schema() -> dict[str, Any]:
    """JSON schemas of the configuration's keys, as the engine validates them."""
    return {
        "now": {"type": "string", "description": "Judge as of this moment (ISO 8601 with offset), not the clock's."},
        "rehearsal": {
            "type": "boolean",
            "default": False,
            "description": "Nothing is released: freezes don't bind, and nothing is compared with the last release.",
        },
        "levels": {
            "type": "object",
            "default": {},
            "description": "By rule id: {level: mandatory or advisory, reason}. What protects data, isolation or"
            " routing stays mandatory.",
            "propertyNames": {"enum": list(DECLARED)},
            "additionalProperties": {
                "type": "object",
                "properties": {"level": {"enum": [str(level) for level in Level]}, "reason": {"type": "string"}},
                "required": ["level", "reason"],
                "additionalProperties": False,
            },
        },
        "waivers": {
            "type": "array",
            "default": [],
            "description": "Exceptions, each for one rule and one resource, until a day.",
            "items": {
                "type": "object",
                "properties": {key: {"type": "string"} for key in Waiver.KEYS},
                "required": list(Waiver.KEYS),
                "additionalProperties": False,
            },
        },
        "emergencies": {
            "type": "array",
            "default": [],
            "description": "Changes in a freeze that can't wait; frz-02 says what each has to name.",
            "items": {
                "type": "object",
                "properties": {
                    **{key: {"type": "string"} for key in Emergency.KEYS},
                    "resources": {"type": "array", "items": {"type": "string"}},
                },
                "additionalProperties": False,
            },
        },
        "baseline": {"type": "object", "description": "The last release: `python -m rehearsal baseline STACK`."},
        "evidence": {"type": "object", "description": "What was proven: `python -m rehearsal evidence STACK`."},
        **{limit.key: limit.schema for limit in LIMITS.values()},
    }


def read_config(given: Mapping[str, Any], clock: datetime | None = None) -> Config:
    """The configuration out of what the engine hands over. `clock` is now where `given` says nothing."""
    return _Reader(given).config(clock)


class _Reader:
    """Reads what it can, and notes everything that it can't."""

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._root = Node(None, "", dict(given))
        self._problems = [f"{key} is no key of it" for key in given if key not in schema()]

    def config(self, clock: datetime | None) -> Config:
        root = self._root
        now = self._take(lambda: moment(root.at("now")), None) if root.has("now") else clock
        waivers = self._waivers()
        return Config(
            now=now or datetime.now(UTC),
            rehearsal=self._take(lambda: root.flag("rehearsal", False), False),
            levels=self._levels(),
            waivers=waivers,
            emergencies=root.at("emergencies"),
            baseline=root.at("baseline"),
            evidence=root.at("evidence"),
            limits={one.key: self._limit(one) for one in LIMITS.values()},
            problems=tuple(self._problems),
        )

    def _take(self, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except Unjudged as wrong:
            self._problems.append(str(wrong))
            return otherwise

    def _waivers(self) -> tuple[Waiver, ...]:
        nodes: list[Node] = self._take(partial(self._root.items, "waivers"), [])
        given = [waiver for node in nodes if (waiver := self._take(partial(read_waiver, node), None))]
        self._problems += [waiver.refusal for waiver in given if waiver.refusal]
        return tuple(waiver for waiver in given if not waiver.refusal)

    def _levels(self) -> dict[str, Level]:
        given: dict[str, Node] = self._take(partial(self._root.entries, "levels"), {})
        read = {rule_id: self._take(partial(_level, rule_id, node), None) for rule_id, node in given.items()}
        return {rule_id: level for rule_id, level in read.items() if level}

    def _limit(self, one: Limit) -> float | tuple[str, ...]:
        default = one.default
        if isinstance(default, tuple):
            return self._take(lambda: tuple(self._root.words(one.key)), default) if self._root.has(one.key) else default
        return self._take(lambda: self._root.number(one.key, default), default)


def _level(rule_id: str, node: Node) -> Level:
    """Where `node` moves a rule. Unjudged if it can't, or gives no reason."""
    rule = DECLARED.get(rule_id)
    if rule is None:
        raise node.unjudged("is no rule")
    if node.text("level") not in set(Level):
        raise node.at("level").unjudged("must be mandatory or advisory")
    if not node.text("reason").strip():
        raise node.at("reason").unjudged("is empty")
    level = Level(node.text("level"))
    if level is Level.ADVISORY and rule.protects:
        raise node.unjudged(f"stays mandatory: it protects {rule.protects}")
    return level
