"""What becomes of all mutations of a stack, and what people should look at."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from zlib import crc32

from tests.policies.mutations.graph import Pair, mutations
from tests.policies.mutations.lab import Lab
from tests.policies.mutations.verdicts import Catch, Verdict, verdict_of

LAST: list["Survey"] = []
"""The whole that a test run looked at, for its summary (conftest.py)."""


def _one_of(places: list[str], pair: Pair) -> str:
    """One of them, which is the same in every run."""
    return places[crc32("".join(pair[:2]).encode()) % len(places)]


@dataclass
class Survey:
    """By pair: the rules that caught it, where (stack and role), and where nothing did."""

    rules: dict[Pair, set[str]] = field(default_factory=dict)
    where: dict[Pair, set[str]] = field(default_factory=dict)
    missed: dict[Pair, set[str]] = field(default_factory=dict)
    judged: dict[str, int] = field(default_factory=dict)

    def look(self, stack: str) -> None:
        """Makes every mutation of a stack."""
        lab = Lab(stack)
        for mutation in mutations(lab):
            self.judged[stack] = self.judged.get(stack, 0) + 1
            found = {rule for rule, _ in lab.judge(mutation.make())} if mutation.read else set()
            place = f"{stack}/{mutation.role}"
            if found:
                self.rules.setdefault(mutation.pair, set()).update(found)
                self.where.setdefault(mutation.pair, set()).add(place)
            else:
                self.missed.setdefault(mutation.pair, set()).add(place)

    def add(self, other: "Survey") -> None:
        """What another survey, of other stacks, found as well."""
        for ours, theirs in (
            (self.rules, other.rules),
            (self.where, other.where),
            (self.missed, other.missed),
        ):
            for pair, more in theirs.items():
                ours.setdefault(pair, set()).update(more)
        self.judged.update(other.judged)

    @property
    def catches(self) -> dict[Pair, Catch]:
        return {
            pair: Catch(frozenset(rules), _one_of(sorted(self.where[pair]), pair)) for pair, rules in self.rules.items()
        }

    @property
    def survivors(self) -> list[Pair]:
        """What no rule catches in any stack or role."""
        return sorted(self.missed.keys() - self.rules.keys())

    def summary(self, expected: Mapping[Pair, Catch], verdicts: Iterable[Verdict]) -> Iterator[str]:
        """How many there were, and those that survive although they should not."""
        verdicts = list(verdicts)
        judged = ", ".join(f"{count} in {stack}" for stack, count in sorted(self.judged.items()))
        yield f"{sum(self.judged.values())} mutations ({judged}): {len(self.rules)} pairs caught"
        if fresh := self.rules.keys() - expected.keys():
            yield f"{len(fresh)} of them caught.txt does not hold yet: --write"
        by_kind: dict[str, list[Pair]] = {}
        for pair in self.survivors:
            if verdict := verdict_of(pair, verdicts):
                by_kind.setdefault(verdict.kind, []).append(pair)
        yield ", ".join(f"{len(pairs)} {kind}" for kind, pairs in sorted(by_kind.items()))
        yield from (f"survives: {' | '.join(pair)}" for pair in by_kind.get("survivor", []))

    def complaints(self, expected: Mapping[Pair, Catch], verdicts: Iterable[Verdict]) -> Iterator[str]:
        """What differs from what people decided."""
        verdicts = list(verdicts)
        used = set()
        for pair in self.survivors:
            verdict = verdict_of(pair, verdicts)
            if pair in expected:
                rules = ", ".join(sorted(expected[pair].rules))
                yield f"{' | '.join(pair)}: was caught by {rules}, and is by nothing now"
            elif verdict is None:
                where = ", ".join(sorted(self.missed[pair])[:3])
                yield f"{' | '.join(pair)}: nothing catches it ({where}), and nobody has said why that is right"
            used.add(verdict)
        yield from (f"verdicts.yaml: {each} covers nothing" for each in verdicts if each not in used)
