"""What KEDA is told: bounds, signals, the calendar, and what it does when it knows nothing."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.autoscaling import Autoscaling, AutoscalingArgs
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import reveal
from retail.naming import Identity
from retail.plan import Plan
from retail.tiers import PROFILES, Tier

SCALED = [tier for tier in Tier if PROFILES[tier].scaled]
PAUSED = "autoscaling.keda.sh/paused-scale-in"


@pytest.fixture(scope="module")
def scale(run_component: Any, identity: Identity) -> Callable[[Plan], dict[str, Any]]:
    def run(plan: Plan) -> dict[str, Any]:
        def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
            Autoscaling("scaling", AutoscalingArgs(identity=identity, plan=plan, database_host="db.acme.svc"), opts)

        found = kubernetes_objects(run_component(build))
        return {f"{item.kind}/{item.name}": reveal(item.manifest) for item in found}

    return run


@pytest.mark.parametrize("season", ["normal", "peak"])
def test_each_scaled_tier_stays_between_its_floor_and_ceiling(
    scale: Callable[[Plan], dict[str, Any]], make_test_plan: Callable[..., Plan], season: str
) -> None:
    plan = make_test_plan(season=season)
    found = scale(plan)
    for tier in SCALED:
        item = found[f"ScaledObject/{tier}"]
        assert item["spec"]["scaleTargetRef"]["name"] == str(tier)
        assert item["spec"]["minReplicaCount"] == plan.tiers[tier].floor
        assert item["spec"]["maxReplicaCount"] == plan.tiers[tier].ceiling
        assert item["metadata"]["annotations"][PAUSED] == ("true" if season == "peak" else "false")
    assert len(found) == len(SCALED) + 1


def test_the_calendar_raises_the_floor_before_the_peak(
    scale: Callable[[Plan], dict[str, Any]], make_test_plan: Callable[..., Plan]
) -> None:
    plan = make_test_plan()
    for tier in SCALED:
        (trigger,) = [t for t in scale(plan)[f"ScaledObject/{tier}"]["spec"]["triggers"] if t["type"] == "cron"]
        assert trigger["metadata"] == {
            "timezone": "Europe/Paris",
            "start": "15 23 26 11 *",
            "end": "0 0 30 11 *",
            "desiredReplicas": str(plan.tiers[tier].floors_at_peaks["black-friday"]),
        }


@pytest.mark.parametrize("tier", SCALED)
def test_no_answer_is_not_no_load(
    scale: Callable[[Plan], dict[str, Any]], make_test_plan: Callable[..., Plan], tier: Tier
) -> None:
    spec = scale(make_test_plan())[f"ScaledObject/{tier}"]["spec"]
    assert spec["fallback"]["behavior"] == "currentReplicasIfHigher"
    assert spec["fallback"]["replicas"] == spec["minReplicaCount"]
    for trigger in spec["triggers"]:
        if trigger["type"] == "prometheus":
            assert trigger["metadata"]["ignoreNullValues"] == "false"


def test_web_tiers_scale_on_busy_workers_of_their_own_routes(
    scale: Callable[[Plan], dict[str, Any]], make_test_plan: Callable[..., Plan]
) -> None:
    found = scale(make_test_plan(target_utilisation_percent=50))
    trigger = found["ScaledObject/storefront"]["spec"]["triggers"][0]["metadata"]
    assert "traefik_service_request_duration_seconds_sum" in trigger["query"]
    assert 'service=~"acme-production_storefront_[0-9]+_lb@kubernetescrd"' in trigger["query"]
    assert float(trigger["threshold"]) == PROFILES[Tier.STOREFRONT].processes * 0.5
    sockets = found["ScaledObject/websocket"]["spec"]["triggers"][0]["metadata"]
    assert sockets["query"] == 'sum(retail_websocket_connections{namespace="acme-production"})'
    assert float(sockets["threshold"]) == 500


def test_the_queue_is_asked_by_a_role_that_can_only_read(
    scale: Callable[[Plan], dict[str, Any]], make_test_plan: Callable[..., Plan]
) -> None:
    found = scale(make_test_plan())
    trigger = found["ScaledObject/background"]["spec"]["triggers"][0]
    assert trigger["type"] == "postgresql"
    assert trigger["metadata"]["host"] == "db.acme.svc"
    assert trigger["metadata"]["targetQueryValue"] == "4"
    assert "'started'" in trigger["metadata"]["query"]
    targets = found[f"TriggerAuthentication/{trigger['authenticationRef']['name']}"]["spec"]["secretTargetRef"]
    assert {(target["parameter"], target["name"], target["key"]) for target in targets} == {
        ("userName", "database-readonly", "username"),
        ("password", "database-readonly", "password"),
    }
