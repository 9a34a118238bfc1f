"""Where the numbers come from: the same plan as the program's, without evaluating it."""

import json

import pytest

from rehearsal.errors import UserError
from rehearsal.explain import explain, plan_of
from rehearsal.paths import PROJECT_DIR
from retail.naming import Pool
from retail.tiers import Tier

STACKS = sorted(file.name.split(".")[1] for file in PROJECT_DIR.glob("Pulumi.*.yaml"))


@pytest.mark.parametrize("stack", STACKS)
def test_every_stack_explains_itself(stack: str, capsys: pytest.CaptureFixture[str]) -> None:
    explain(stack, {}, as_json=True)
    reasons = json.loads(capsys.readouterr().out)
    assert [tuple(reason.values()) for reason in reasons] == [tuple(reason) for reason in plan_of(stack, {}).reasons]
    assert all(reason["what"] and reason["value"] and reason["formula"] and reason["source"] for reason in reasons)


def test_the_table_shows_every_result(capsys: pytest.CaptureFixture[str]) -> None:
    explain("peak", {}, as_json=False)
    shown = "".join(capsys.readouterr().out.split())
    for reason in plan_of("peak", {}).reasons:
        assert "".join(reason.what.split()) in shown


def test_overrides_change_the_plan() -> None:
    normal, peak = plan_of("peak", {"season": "normal"}), plan_of("peak", {})
    assert peak.tiers[Tier.STOREFRONT].ceiling > normal.tiers[Tier.STOREFRONT].ceiling
    assert peak.pools[Pool.WEB].cpu_limit > normal.pools[Pool.WEB].cpu_limit
    assert peak.database == normal.database


def test_a_secret_is_no_part_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    relay = {"smtp-host": "mail.example.com", "smtp-user": "shop", "smtp-password": "canary-3e1f"}
    explain("dev", relay, as_json=True)
    assert "canary" not in capsys.readouterr().out


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(UserError) as raised:
        plan_of("dev", {"stores": "-1", "recovery-region": "eu-central-1"})
    assert "stores" in str(raised.value) and "recovery-region" in str(raised.value)
