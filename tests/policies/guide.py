"""docs/guardrails.md: the catalogue for people. `make docs` writes it, test_guide.py holds it true.

It stands with the tests, since a rule's example is the message that its own first violating edit provokes.
"""

import importlib
import sys
from collections.abc import Iterator, Mapping
from typing import Final

from guardrails.catalogue import RULES
from guardrails.rule import AREAS, Level, Rule
from tests.policies.bench import bench
from tests.policies.harness import RuleTests, cases
from tests.policies.shipped import STACKS

PREFERRED: Final = ("peak", *STACKS)
"""Examples are of the largest stack that a rule applies to."""

_INTRODUCTION: Final = """\
# The guardrails

What the policy pack in `policies/` holds a stack to. Mandatory rules stop `pulumi up` and `python -m rehearsal up`;
advisory ones are shown. [architecture.md](architecture.md#choices) has the pack's choices,
`policies/guardrails/__init__.py` says how it works and how a rule is written, [rehearsal.md](rehearsal.md) how it is
configured: levels, waivers, limits.

```sh
python -m rehearsal check peak                 # violations of a stack; --json, --sarif FILE
python -m rehearsal check --all                # every stack file, and what must be unique across them
python -m rehearsal check --rule db-04         # one rule, as below
pulumi preview --policy-pack policies          # the same pack, in the Pulumi CLI
make test-guardrails                           # what each rule catches: rules x stacks x mutations
```

`make docs` writes this page from the catalogue; each example is what the pack says of a shipped stack after the first
edit with which its tests break the rule.
"""


def guide() -> str:
    """The whole page, in Markdown."""
    return "\n".join([_INTRODUCTION, *_overview(), *(line for area in AREAS for line in _chapter(area))])


def _overview() -> Iterator[str]:
    mandatory = sum(rule.level is Level.MANDATORY for rule in RULES.values())
    yield f"{len(RULES)} rules, of which {mandatory} are mandatory.\n"
    yield "| rule | severity | what it says |"
    yield "|---|---|---|"
    for rule in RULES.values():
        yield f"| [{rule.id}](#{rule.id}) | {rule.severity} | {_cell(rule.says)} |"
    yield ""


def _chapter(area: str) -> Iterator[str]:
    rules = [rule for rule in RULES.values() if rule.area == area]
    if rules:
        yield f"## {AREAS[area].capitalize()}\n"
    for rule in rules:
        yield f"### {rule.id}\n"
        yield f"**{rule.says}** ({rule.severity}, {rule.level})\n"
        yield f"{rule.why} *{rule.scenario}*\n"
        yield f"Fix: {rule.fix}.\n"
        if notes := list(_notes(rule)):
            yield " ".join(notes) + "\n"
        yield f"```text\n{example(rule)}\n```\n"


def _notes(rule: Rule) -> Iterator[str]:
    if rule.protects:
        when = " in a freeze" if rule.protects == "routing" else ""
        yield f"No waiver opens it{when}: it protects {rule.protects}."
    if rule.implies:
        links = ", ".join(f"[{other}](#{other})" for other in rule.implies)
        yield f"The same mistake may break {links}."


def example(rule: Rule) -> str:
    """What the pack says of a shipped stack after the first edit that breaks the rule."""
    tests: Mapping[str, RuleTests] = importlib.import_module(f"tests.policies.test_{rule.area}").TESTS
    for case in cases({rule.id: tests[rule.id]}):
        for stack in PREFERRED:
            if case.kind == "violating" and stack in case.on:
                told = bench(stack, "preview").changes(case.edit) or []
                return next(message for rule_id, message in told if rule_id == rule.id)
    raise ValueError(f"{rule.id} has no violating edit")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    sys.stdout.write(guide())
