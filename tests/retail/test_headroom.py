"""Headroom: one zone's worth of what sells, no more and no less."""

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from retail.naming import Pool
from retail.objectives import WorkloadClass
from retail.settings import Settings
from retail.sizing import make_plan

MakeSettings = Callable[..., Settings]
SALES = {"name": "sales", "start": "2026-11-27T00:00", "end": "2026-11-28T00:00", "factor": 2.5}
loads = st.fixed_dictionaries(
    {
        "pos_terminals": st.integers(0, 1500),
        "back_office_users": st.integers(0, 600),
        "storefront_requests_per_second": st.integers(0, 40),
        "objective_class": st.sampled_from(["gold", "silver"]),
        "season": st.sampled_from(["normal", "peak"]),
    }
)


@given(load=loads)
def test_it_holds_the_critical_pods_of_the_fullest_zone(settings: MakeSettings, load: dict[str, Any]) -> None:
    plan = make_plan(settings(**load, peaks=[SALES]))
    critical = [each for each in plan.tiers.values() if each.profile.workload_class is WorkloadClass.CRITICAL]
    assert {each.profile.pool for each in critical} == set(plan.headroom) == {Pool.WEB}
    headroom = plan.headroom[Pool.WEB]
    assert headroom.pods == sum(-(-each.floor // 3) for each in critical)
    for each in critical:
        assert headroom.cpu_request_millis >= each.cpu_request_millis
        assert headroom.memory_request_mib >= each.memory_request_mib


@given(load=loads)
def test_the_season_changes_its_number_and_not_that_it_is_there(settings: MakeSettings, load: dict[str, Any]) -> None:
    normal, peak = (make_plan(settings(**{**load, "season": each}, peaks=[SALES])) for each in ("normal", "peak"))
    assert normal.headroom.keys() == peak.headroom.keys()
    for pool, headroom in normal.headroom.items():
        assert headroom.pods <= headroom.peak_pods == peak.headroom[pool].peak_pods == peak.headroom[pool].pods


@given(load=loads)
def test_two_zones_hold_the_ceilings_and_the_headroom(settings: MakeSettings, load: dict[str, Any]) -> None:
    plan = make_plan(settings(**load, peaks=[SALES]))
    pool, headroom = plan.pools[Pool.WEB], plan.headroom[Pool.WEB]
    members = [each for each in plan.tiers.values() if each.profile.pool is Pool.WEB]
    millis = sum(each.ceiling * each.cpu_request_millis for each in members) + (
        headroom.pods * headroom.cpu_request_millis
    )
    mib = sum(each.ceiling * each.memory_request_mib for each in members) + headroom.pods * headroom.memory_request_mib
    assert pool.cpu_limit * 2 / 3 >= millis / 1000
    assert pool.memory_limit_gib * 2 / 3 >= mib / 1024


def test_bronze_and_hosted_retailers_have_none_and_a_platform_has_a_pod_for_each_of_its_retailers(
    settings: MakeSettings,
) -> None:
    hosted = {"hosting": "shared", "platform_stack": "organization/odoo-retail/platform"}
    assert make_plan(settings(objective_class="bronze")).headroom == {}
    assert make_plan(settings(**hosted, objective_class="silver", connections_per_retailer=200)).headroom == {}
    platform = settings(retailer="test", hosting="platform", objective_class="silver", max_retailers=8)
    assert make_plan(platform).headroom[Pool.WEB].pods == 8
