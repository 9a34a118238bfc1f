"""Every shipped stack passes every rule, with no waiver, before and after its first deployment."""

import pytest

from tests.policies.bench import bench
from tests.policies.shipped import MODES, STACKS


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stack", STACKS)
def test_no_rule_is_broken(stack: str, mode: str) -> None:
    assert bench(stack, mode).judge() == []
