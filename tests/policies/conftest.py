"""`pytest tests/policies --matrix` shows which edits of which stacks each rule caught."""

import pytest

from guardrails.catalogue import RULES
from tests.policies.harness import CAUGHT
from tests.policies.mutations import verdicts
from tests.policies.mutations.survey import LAST
from tests.policies.shipped import STACKS


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--matrix", action="store_true", help="print rules x stacks x mutations at the end")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "whole: every mutation of every stack, with --matrix only (minutes)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--matrix", default=False):
        return
    whole = [item for item in items if item.get_closest_marker("whole")]
    if whole:
        items[:] = [item for item in items if item not in whole]
        config.hook.pytest_deselected(items=whole)


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
    for survey in LAST:
        terminalreporter.section("mutations of every property")
        for line in survey.summary(verdicts.caught(), verdicts.reviewed()):
            write(line)
