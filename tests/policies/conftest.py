"""`pytest tests/policies --matrix` shows which edits of which stacks each rule caught."""

import pytest

from guardrails.catalogue import RULES
from tests.policies.harness import CAUGHT, STACKS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--matrix", action="store_true", help="print rules x stacks x mutations at the end")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--matrix", default=False):
        return
    write = terminalreporter.write_line
    terminalreporter.section("mutations caught, by rule and stack")
    write(f"{'rule':8}" + "".join(f"{stack:>10}" for stack in STACKS) + f"{'in all':>10}  says")
    for rule_id, rule in RULES.items():
        counts = [len(CAUGHT.get(rule_id, {}).get(stack, ())) for stack in STACKS]
        cells = "".join(f"{count or '.':>10}" for count in counts)
        write(f"{rule_id:8}{cells}{sum(counts):>10}  {rule.says}")
    silent = [rule_id for rule_id in RULES if rule_id not in CAUGHT]
    total = sum(len(edits) for stacks in CAUGHT.values() for edits in stacks.values())
    write(f"{len(RULES)} rules, {total} mutations caught; rules that caught none: {', '.join(silent) or 'none'}")
