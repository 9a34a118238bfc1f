"""Sizing: what must hold for every retailer, not for one."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from retail.connection_budget import EXPORTER_CONNECTIONS, KEDA_CONNECTIONS, RESERVED_CONNECTIONS, pooled_slice
from retail.database_sizing import CONNECTIONS_AT_MOST
from retail.instances import instance_type
from retail.naming import Pool
from retail.plan import Plan
from retail.settings import Settings, SettingsError
from retail.sizing import make_plan, survive_zone_loss
from retail.tiers import DatabasePath, Tier

MakeSettings = Callable[..., Settings]

LOAD_KEYS = (
    "stores",
    "pos_terminals",
    "back_office_users",
    "storefront_requests_per_second",
    "orders_per_hour",
    "database_gib",
)
loads = st.fixed_dictionaries(
    {
        "stores": st.integers(0, 300),
        "pos_terminals": st.integers(0, 1500),
        "back_office_users": st.integers(0, 600),
        "storefront_requests_per_second": st.integers(0, 60),
        "orders_per_hour": st.integers(0, 10_000),
        "database_gib": st.integers(1, 500),
        "objective_class": st.sampled_from(["gold", "silver", "bronze"]),
        "surge_percent": st.integers(100, 250),
        "peaks": st.lists(st.floats(1.1, 3), max_size=2).map(
            lambda factors: [
                {"name": f"peak-{n}", "start": f"2026-1{n}-01T00:00", "end": f"2026-1{n}-02T00:00", "factor": factor}
                for n, factor in enumerate(factors)
            ]
        ),
    }
)


def plan_or_refusal(settings: Settings) -> Plan | None:
    """The plan, or None where no database of the instance table carries the load."""
    try:
        return make_plan(settings)
    except SettingsError:
        return None


def capacity(plan: Plan) -> dict[str, float]:
    """Everything that must never shrink when the load grows."""
    assert plan.database
    database = plan.database
    return {
        **{f"{tier}.floor": sized.floor for tier, sized in plan.tiers.items()},
        **{f"{tier}.ceiling": sized.ceiling for tier, sized in plan.tiers.items()},
        **{f"{pool}.cpu": sized.cpu_limit for pool, sized in plan.pools.items()},
        "max_connections": database.budget.max_connections,
        "client_limit": database.budget.client_limit,
        "database.vcpus": instance_type(database.instance_type).vcpus,
        "storage": database.storage_gib,
        "wal": database.wal_storage_gib,
        "iops": database.iops,
    }


@given(load=loads, key=st.sampled_from(LOAD_KEYS), more=st.integers(1, 500))
def test_more_load_never_yields_less_capacity(
    settings: MakeSettings, load: dict[str, Any], key: str, more: int
) -> None:
    less, greater = plan_or_refusal(settings(**load)), plan_or_refusal(settings(**{**load, key: load[key] + more}))
    if greater is None:
        return  # refused: not less, but nothing
    assert less is not None, "a smaller load was refused where a larger one is not"
    before, after = capacity(less), capacity(greater)
    assert {name: (before[name], after[name]) for name in before if after[name] < before[name]} == {}


@given(load=loads, season=st.sampled_from(["normal", "peak"]))
def test_the_loss_of_a_zone_leaves_the_need(settings: MakeSettings, load: dict[str, Any], season: str) -> None:
    assume(load["objective_class"] != "bronze" and (season == "normal" or load["peaks"]))
    plan = plan_or_refusal(settings(**load, season=season))
    assume(plan is not None)
    assert plan
    for sized in plan.tiers.values():
        if sized.profile.scaled:
            fullest_zone = -(-sized.floor // 3)  # maxSkew 1 over three zones
            assert sized.floor - fullest_zone >= sized.need, sized.tier
            assert sized.floor >= 3, sized.tier


@given(load=loads)
def test_connections_always_fit(settings: MakeSettings, load: dict[str, Any]) -> None:
    plan = plan_or_refusal(settings(**load))
    assume(plan is not None)
    assert plan
    assert plan.database
    database, budget = plan.database, plan.database.budget
    assert budget.total <= budget.max_connections
    poolers = {True: database.integration, False: database.pooler}
    assert budget.pooled == sum(each.instances * each.pool_size * 2 for each in poolers.values())
    assert all(each.database_limit == each.pool_size for each in poolers.values()), "two login roles, twice the pools"
    for integration, pooler in poolers.items():
        worst = sum(
            sized.ceiling * (sized.profile.processes + 1) * sized.profile.db_maxconn
            for tier, sized in plan.tiers.items()
            if sized.profile.path is DatabasePath.POOLED and (tier is Tier.INTEGRATION) is integration
        )
        assert worst <= pooler.max_client_conn * max(1, pooler.instances - 1)
    others = budget.max_connections - budget.login
    assert others >= RESERVED_CONNECTIONS + KEDA_CONNECTIONS + EXPORTER_CONNECTIONS, "one login role can take them all"


@given(load=loads)
def test_the_season_changes_stateless_numbers_only(settings: MakeSettings, load: dict[str, Any]) -> None:
    assume(load["peaks"])
    normal = plan_or_refusal(settings(**load, season="normal"))
    assume(normal is not None)
    peak = plan_or_refusal(settings(**load, season="peak"))
    assert normal
    assert peak, "peak is refused where the normal season is not, though the database is sized for peak in both"
    assert normal.database == peak.database
    assert normal.tiers.keys() == peak.tiers.keys()
    assert normal.pools.keys() == peak.pools.keys()
    for tier in Tier:
        assert peak.tiers[tier].floor >= normal.tiers[tier].floor
        assert peak.tiers[tier].peak_ceiling == normal.tiers[tier].peak_ceiling


@given(load=loads)
def test_pools_hold_the_ceilings(settings: MakeSettings, load: dict[str, Any]) -> None:
    plan = plan_or_refusal(settings(**load))
    assume(plan is not None)
    assert plan
    for pool in (Pool.WEB, Pool.INTEGRATION, Pool.JOBS):
        members = [sized for sized in plan.tiers.values() if sized.profile.pool is pool]
        cores = sum(sized.ceiling * sized.cpu_request_millis for sized in members) / 1000
        gib = sum(sized.ceiling * sized.memory_request_mib for sized in members) / 1024
        limits = plan.pools[pool]
        assert limits.cpu_limit * 2 / 3 >= cores, pool
        assert limits.memory_limit_gib * 2 / 3 >= gib, pool
        for name in limits.instance_types:
            machine = instance_type(name)
            machines = limits.cpu_limit // machine.vcpus
            assert machines * machine.memory_gib <= limits.memory_limit_gib, f"memory stops {name} before its cores do"


@given(load=loads)
def test_floors_at_peaks_stay_between_floor_and_ceiling(settings: MakeSettings, load: dict[str, Any]) -> None:
    plan = plan_or_refusal(settings(**load))
    assume(plan is not None)
    assert plan
    for sized in plan.tiers.values():
        assert all(sized.floor <= pods <= sized.ceiling for pods in sized.floors_at_peaks.values())


def test_a_peak_of_the_calendar_is_held_in_the_normal_season_too(settings: MakeSettings) -> None:
    """The surge alone (twice the load) would cut a peak of three times it."""
    sales = {"name": "sales", "start": "2026-11-26T18:00", "end": "2026-11-30T00:00", "factor": 3}
    load = {"storefront_requests_per_second": 40, "objective_class": "silver", "peaks": [sales]}
    normal, peak = (make_plan(settings(**load, season=season)) for season in ("normal", "peak"))
    assert normal.tiers[Tier.STOREFRONT].floors_at_peaks["sales"] == peak.tiers[Tier.STOREFRONT].floor


@given(load=loads)
def test_results_are_deterministic(settings: MakeSettings, load: dict[str, Any]) -> None:
    assert plan_or_refusal(settings(**load)) == plan_or_refusal(settings(**load))


@given(need=st.integers(1, 1000), zones=st.integers(2, 6))
def test_survive_zone_loss_leaves_the_need_and_wastes_less_than_a_zone(need: int, zones: int) -> None:
    pods = survive_zone_loss(need, zones)
    assert pods - -(-pods // zones) >= need
    assert pods <= max(zones, need * zones / (zones - 1) + 1)


def test_explain_shows_every_tier_and_the_connection_sum(settings: MakeSettings) -> None:
    plan = make_plan(settings(stores=10, orders_per_hour=500, back_office_users=30))
    text = plan.explain()
    for tier in Tier:
        if plan.tiers[tier].profile.scaled:
            assert f"{tier} floor" in text
    assert plan.database
    assert f"pooled {plan.database.budget.pooled}" in text


def test_a_load_no_database_carries_is_refused_with_the_arithmetic(settings: MakeSettings) -> None:
    with pytest.raises(SettingsError, match=r"needs a database of \d+ cores .* the largest here is r7i\.16xlarge"):
        make_plan(settings(storefront_requests_per_second=5000))


def test_ceilings_that_no_database_bears_are_refused_with_the_arithmetic(settings: MakeSettings) -> None:
    light = {"pos_requests_per_terminal_per_minute": 1, "pos_service_time_ms": 5, "surge_percent": 1000}
    with pytest.raises(SettingsError) as refused:
        make_plan(settings(pos_terminals=50_000, **light))
    found = re.search(
        r"need (\d+) database connections \(pooled (\d+) \+ direct (\d+) \+ overhead (\d+) \+ reserved (\d+)\), "
        rf"one PostgreSQL bears {CONNECTIONS_AT_MOST}",
        str(refused.value),
    )
    assert found, refused.value
    needed, *terms = map(int, found.groups())
    assert sum(terms) <= needed < sum(terms) + 10
    assert needed > CONNECTIONS_AT_MOST


@given(retailers=st.integers(1, 60), each=st.integers(20, 300), objective_class=st.sampled_from(["silver", "bronze"]))
def test_a_platform_holds_every_slice_it_promises(
    settings: MakeSettings, retailers: int, each: int, objective_class: str
) -> None:
    plan = plan_or_refusal(
        settings(
            hosting="platform",
            retailer="test",
            max_retailers=retailers,
            connections_per_retailer=each,
            objective_class=objective_class,
        )
    )
    assume(plan is not None)
    assert plan and plan.database
    database, budget = plan.database, plan.database.budget
    pools = sum(pooler.instances * pooler.pool_size * 2 for pooler in (database.pooler, database.integration))
    assert pools <= pooled_slice(plan.settings), "a retailer's pools are larger than its slice"
    assert budget.direct + retailers * pools <= budget.max_connections - budget.overhead - budget.reserved
    assert budget.login == each


def test_a_platform_whose_slices_are_too_small_for_its_poolers_says_so(settings: MakeSettings) -> None:
    with pytest.raises(SettingsError, match=r"connections-per-retailer: 30 leave 12 to the poolers; .* At least 45"):
        make_plan(settings(hosting="platform", retailer="test", connections_per_retailer=30, objective_class="silver"))


def test_a_shared_slice_that_is_too_small_is_refused_with_the_arithmetic(settings: MakeSettings) -> None:
    hosted = {"hosting": "shared", "platform_stack": "organization/odoo-retail/platform"}
    with pytest.raises(SettingsError, match=r"connections-per-retailer: 30 leave 18 .* they need \d+"):
        make_plan(settings(**hosted, connections_per_retailer=30))
    fitted = make_plan(settings(**hosted, connections_per_retailer=60, pos_terminals=900))
    assert fitted.tiers[Tier.WEBSOCKET].ceiling < make_plan(settings(pos_terminals=900)).tiers[Tier.WEBSOCKET].ceiling
