"""What KEDA is told: bounds, signals, the calendar, and what it does when it knows nothing."""

import re
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.autoscaling import Autoscaling, AutoscalingArgs
from components.route_table import routes
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import reveal
from retail.naming import Identity, hosts
from retail.plan import Plan
from retail.tiers import PROFILES, Tier

SCALED = [tier for tier in Tier if PROFILES[tier].scaled]
PAUSED = "autoscaling.keda.sh/paused-scale-in"


@pytest.fixture(scope="module")
def scale(run_component: Any, identity: Identity) -> Callable[..., dict[str, Any]]:
    def run(plan: Plan, edge: str = "") -> dict[str, Any]:
        def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
            args = AutoscalingArgs(
                identity=identity, plan=plan, edge_namespace="edges", database_host="db.acme.svc", edge=edge
            )
            Autoscaling("scaling", args, opts)

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


SLEEPING = {"environment": "development", "objective_class": "bronze", "working_hours": "mon-fri 07:00-20:00"}


@pytest.mark.parametrize("season", ["normal", "peak"])
def test_working_hours_hold_every_floor_and_a_peak_is_not_slept_through(
    scale: Callable[..., dict[str, Any]], make_test_plan: Callable[..., Plan], season: str
) -> None:
    plan = make_test_plan(**SLEEPING, season=season)
    pods = {str(tier): sized.floor for tier, sized in plan.tiers.items() if tier is not Tier.BATCH}
    pods["traefik"] = plan.traefik_replicas
    found = scale(plan, edge="traefik")
    assert {name for name in found if name.startswith("ScaledObject/")} == {f"ScaledObject/{name}" for name in pods}
    for name, floor in pods.items():
        spec = found[f"ScaledObject/{name}"]["spec"]
        assert spec["scaleTargetRef"]["name"] == name
        assert spec["minReplicaCount"] == (0 if season == "normal" else floor)
        assert spec["maxReplicaCount"] >= floor
        crons = {trigger["name"]: trigger["metadata"] for trigger in spec["triggers"] if trigger["type"] == "cron"}
        assert crons["working-hours"] == {
            "timezone": "Europe/Paris",
            "start": "0 7 * * 1,2,3,4,5",
            "end": "0 20 * * 1,2,3,4,5",
            "desiredReplicas": str(floor),
        }
        assert int(crons["peak-black-friday"]["desiredReplicas"]) >= floor


@pytest.mark.parametrize("tier", SCALED)
def test_load_never_wakes_what_sleeps(
    scale: Callable[..., dict[str, Any]], make_test_plan: Callable[..., Plan], tier: Tier
) -> None:
    """And a sleeping Traefik keeps nothing awake: where KEDA gets no answer it scales nothing to zero."""
    for trigger in loads(scale(make_test_plan(**SLEEPING)), tier).values():
        metadata = trigger["metadata"]
        if trigger["type"] == "prometheus":
            assert metadata["query"].endswith(" or vector(0)")
            assert float(metadata["activationThreshold"]) >= 1e9
        else:
            assert float(metadata["activationTargetQueryValue"]) >= 1e9


def test_a_release_pauses_what_acts_by_itself_and_the_next_image_unpauses_it(
    scale: Callable[..., dict[str, Any]], make_test_plan: Callable[..., Plan]
) -> None:
    other = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/odoo@sha256:" + "1" * 64
    one, two = (scale(make_test_plan(**SLEEPING, **image)) for image in ({}, {"image": other}))
    for name in ("scheduled", "jobrunner"):
        before, after = (found[f"ScaledObject/{name}"]["metadata"]["annotations"] for found in (one, two))
        assert after["autoscaling.keda.sh/paused"] == "false"
        assert after["pulumi.com/patchForce"] == "true"
        assert before != after, "pulumi updates it only if it differs"
    assert one["ScaledObject/pos"] == two["ScaledObject/pos"]


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


SIGNALS = {
    Tier.STOREFRONT: {"busy-workers", "requests", "latency"},
    Tier.BACKOFFICE: {"busy-workers", "latency"},
    Tier.POS: {"busy-workers", "requests"},
    Tier.INTEGRATION: {"busy-workers", "requests"},
    Tier.WEBSOCKET: {"open-connections"},
    Tier.BACKGROUND: {"queue"},
}
HTTP = (Tier.STOREFRONT, Tier.BACKOFFICE, Tier.POS, Tier.INTEGRATION)


def loads(objects: dict[str, Any], tier: Tier) -> dict[str, Any]:
    triggers = objects[f"ScaledObject/{tier}"]["spec"]["triggers"]
    return {trigger["name"]: trigger for trigger in triggers if trigger["type"] != "cron"}


@pytest.fixture(scope="module")
def scaled(scale: Callable[[Plan], dict[str, Any]], make_test_plan: Callable[..., Plan]) -> dict[str, Any]:
    return scale(make_test_plan(target_utilisation_percent=50))


@pytest.mark.parametrize("tier", SCALED)
def test_each_tier_is_measured_by_its_own_signals(scaled: dict[str, Any], tier: Tier) -> None:
    assert set(loads(scaled, tier)) == SIGNALS[tier]


def traefik_service(namespace: str, ingress_route: str, index: int) -> str:
    """As Traefik 3.7 names it: pkg/provider/kubernetes/crd/name_builder.go (makeSafeKey joins with `_`) and
    kubernetes_http.go (namespace, name, index, role `lb`); metrics add the provider."""
    return "_".join([namespace, ingress_route, str(index), "lb"]) + "@kubernetescrd"


@pytest.mark.parametrize("tier", HTTP)
def test_web_tiers_are_measured_by_what_their_own_pods_answered(scaled: dict[str, Any], tier: Tier) -> None:
    for trigger in loads(scaled, tier).values():
        (pattern,) = set(re.findall(r'service=~"([^"]+)"', trigger["metadata"]["query"]))

        def counted(service: str, pattern: str = pattern) -> bool:
            return re.fullmatch(pattern, service) is not None  # as Prometheus: anchored

        for route in routes(hosts("acme.example"), staff_only=True, partners_only=True):
            denied = route.name.startswith("blocked")
            service = traefik_service("acme-production", route.name, 0)
            assert counted(service) == (route.tier is tier and not denied), route.name
            assert not counted(traefik_service("acme-productio", route.name, 0))
            assert not counted(traefik_service("x-acme-production", route.name, 0))


@pytest.mark.parametrize("tier", HTTP)
def test_a_host_that_nobody_calls_is_no_load_and_an_edge_that_is_not_scraped_no_answer(
    scaled: dict[str, Any], tier: Tier
) -> None:
    """After a restart of Traefik a quiet host has no series; a missing Traefik must not look the same."""
    for trigger in loads(scaled, tier).values():
        assert trigger["metadata"]["query"].endswith(' or 0 * sum(up{job="edges/traefik"} == 1)')
        assert trigger["metadata"]["ignoreNullValues"] == "false"


def test_thresholds_are_what_one_pod_carries(scaled: dict[str, Any], make_test_plan: Callable[..., Plan]) -> None:
    workers = PROFILES[Tier.STOREFRONT].processes * 0.5
    shop = loads(scaled, Tier.STOREFRONT)
    assert float(shop["busy-workers"]["metadata"]["threshold"]) == workers
    seconds = make_test_plan().tiers[Tier.STOREFRONT].service_time_ms / 1000
    assert float(shop["requests"]["metadata"]["threshold"]) == pytest.approx(workers / seconds, rel=1e-4)
    sockets = loads(scaled, Tier.WEBSOCKET)["open-connections"]["metadata"]
    assert sockets["query"] == 'sum(retail_websocket_connections{namespace="acme-production"})'
    assert float(sockets["threshold"]) == 500


@pytest.mark.parametrize("tier", [Tier.STOREFRONT, Tier.BACKOFFICE])
def test_latency_counts_where_workers_are_busy_and_is_not_shared_out(scaled: dict[str, Any], tier: Tier) -> None:
    """Seconds are not divided by pods (`Value`); slow answers of idle workers are the database's, and a quantile of no
    requests is NaN, which KEDA takes for an error."""
    trigger = loads(scaled, tier)["latency"]
    assert trigger["metricType"] == "Value"
    floor = scaled[f"ScaledObject/{tier}"]["spec"]["minReplicaCount"]
    assert ">= 0 and sum(rate(traefik_service_request_duration_seconds_sum" in trigger["metadata"]["query"]
    assert f"> {floor * PROFILES[tier].processes * 0.5 / 2:g} or" in trigger["metadata"]["query"]
    others = [t.get("metricType") for name, t in loads(scaled, tier).items() if name != "latency"]
    assert set(others) == {None}, "KEDA's fallback needs an average among the triggers"


@pytest.mark.parametrize("tier", HTTP)
def test_rates_are_taken_before_they_are_summed(scaled: dict[str, Any], tier: Tier) -> None:
    """Of a sum over counters that restart one by one, no rate is right."""
    for trigger in loads(scaled, tier).values():
        query = trigger["metadata"]["query"]
        assert not re.search(r"rate\(\s*sum", query)
        assert query.count("(") == query.count(")")
        assert query.count("{") == query.count("}")


def test_out_at_once_and_in_slowly(scaled: dict[str, Any]) -> None:
    for tier in SCALED:
        behavior = scaled[f"ScaledObject/{tier}"]["spec"]["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
        assert behavior["scaleUp"]["stabilizationWindowSeconds"] == 0
        assert {"type": "Percent", "value": 100, "periodSeconds": 15} in behavior["scaleUp"]["policies"]
        assert behavior["scaleDown"]["stabilizationWindowSeconds"] >= 300
        assert behavior["scaleDown"]["policies"] == [{"type": "Percent", "value": 10, "periodSeconds": 60}]


def test_the_queue_is_asked_by_a_role_that_reads_nothing_else(scaled: dict[str, Any]) -> None:
    trigger = loads(scaled, Tier.BACKGROUND)["queue"]
    assert trigger["type"] == "postgresql"
    assert trigger["useCachedMetrics"] is True, "else the HPA asks the database as often as it likes"
    assert trigger["metadata"]["host"] == "db.acme.svc"
    assert trigger["metadata"]["targetQueryValue"] == "4"
    targets = scaled[f"TriggerAuthentication/{trigger['authenticationRef']['name']}"]["spec"]["secretTargetRef"]
    assert {(target["parameter"], target["name"], target["key"]) for target in targets} == {
        ("userName", "database-keda", "username"),
        ("password", "database-keda", "password"),
    }


def test_the_queue_counts_what_runs_and_what_has_waited(scaled: dict[str, Any]) -> None:
    """Seen on PostgreSQL 18: running jobs count, each minute of the oldest one's wait is a pod more, batch jobs that
    wait for their channel and jobs of the future count for nothing, and the capacity is the most."""
    query = loads(scaled, Tier.BACKGROUND)["queue"]["metadata"]["query"]
    assert "'started'" in query
    assert "4 * floor(COALESCE(max(waited) FILTER (WHERE NOT parked), 0) / 60)" in query
    assert "channel LIKE 'root.batch.%'" in query
    assert "eta <= now() AT TIME ZONE 'utc'" in query
    assert "{" not in query
