"""Every shipped stack passes every rule, with no waiver, before and after its first deployment."""

import pytest

from tests.policies.harness import MODES, STACKS, bench


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stack", STACKS)
def test_no_rule_is_broken(stack: str, mode: str) -> None:
    assert bench(stack, mode).judge() == []
