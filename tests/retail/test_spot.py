from collections.abc import Callable

import pytest

from retail.naming import Pool
from retail.settings import Settings, SettingsError
from retail.sizing import make_plan
from retail.spot import refusal
from retail.tiers import PROFILES

MakeSettings = Callable[..., Settings]


def test_no_pool_with_a_critical_tier_may_run_on_spot() -> None:
    critical = {profile.pool for profile in PROFILES.values() if profile.workload_class == "critical"}
    assert {pool for pool in Pool if refusal(pool)} == {*critical, Pool.DATA, Pool.SYSTEM}


@pytest.mark.parametrize("season", ["normal", "peak"])
def test_spot_is_bought_where_it_was_asked_for_and_on_demand_where_there_is_none(
    settings: MakeSettings, season: str
) -> None:
    peak = {"name": "sales", "start": "2026-11-27T00:00", "end": "2026-11-28T00:00", "factor": 2}
    plan = make_plan(settings(spot_pools=["jobs"], peaks=[peak], season=season))
    bought = {pool: plan.pools[pool].capacity_types for pool in (Pool.WEB, Pool.INTEGRATION, Pool.JOBS)}
    assert bought == {
        Pool.WEB: ("on-demand",),
        Pool.INTEGRATION: ("on-demand",),
        Pool.JOBS: ("spot", "on-demand"),
    }
    families = {name.partition(".")[0] for name in plan.pools[Pool.JOBS].instance_types}
    assert len(families) > 1, "EC2 takes back all machines of one type at once"


def test_spot_for_critical_tiers_is_refused_with_the_arithmetic(settings: MakeSettings) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(spot_pools=["web", "data", "jobs"])
    message = str(refused.value)
    assert "web holds storefront, backoffice, pos, which are critical: a spot machine goes 120 s after" in message
    assert "the next one takes 150 to 300 s, so selling would be short of pods for 30 to 180 s" in message
    assert "data holds PostgreSQL's volumes and quorum" in message
    assert "jobs holds" not in message


def test_who_owns_no_nodes_can_not_say_what_they_are(settings: MakeSettings) -> None:
    hosted = {"hosting": "shared", "platform_stack": "organization/odoo-retail/platform"}
    with pytest.raises(SettingsError, match=r"(?s)spot-pools: must be left out.*avoid-zone: must be left out"):
        settings(**hosted, spot_pools=["jobs"], avoid_zone="eu-central-1a")
