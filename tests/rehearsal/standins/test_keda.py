from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.standins.keda import desired, replicas
from rehearsal.standins.stand_in import Apply, Patch
from rehearsal.standins.world import World

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


def cron(start: str, end: str, wanted: int, timezone: str = "Europe/Berlin") -> dict[str, Any]:
    metadata = {"timezone": timezone, "start": start, "end": end, "desiredReplicas": str(wanted)}
    return {"type": "cron", "metadata": metadata}


def scaled(
    *triggers: dict[str, Any], annotations: dict[str, str] | None = None, least: int = 3, most: int = 20
) -> dict[str, Any]:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web", "namespace": "shop", "annotations": annotations or {}},
        "spec": {
            "scaleTargetRef": {"name": "web"},
            "minReplicaCount": least,
            "maxReplicaCount": most,
            "triggers": [*triggers, {"type": "prometheus", "metadata": {"threshold": "1"}}],
        },
    }


def deployment(count: int) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"replicas": count}}


def mode(at: str) -> dict[str, Any]:
    metadata = {"name": "rehearsal-mode", "namespace": "rehearsal-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"at": at}}


def scaled_to(item: dict[str, Any], *others: dict[str, Any], present: int = 1, now: datetime = NOON) -> int:
    """What the target ends up with."""
    actions = list(desired(item, World.of([item, deployment(present), *others], now)))
    patches = [action for action in actions if isinstance(action, Patch)]
    assert all(patch.subresource == "scale" for patch in patches)
    return int(patches[0].body["spec"]["replicas"]) if patches else present


def test_the_minimum_is_the_floor() -> None:
    assert scaled_to(scaled()) == 3


def test_an_open_window_raises_the_floor_and_a_closed_one_does_not() -> None:
    assert scaled_to(scaled(cron("0 8 * * *", "0 20 * * *", 9))) == 9
    assert scaled_to(scaled(cron("0 20 * * *", "0 22 * * *", 9))) == 3


def test_a_weeks_hours_are_always_open() -> None:
    """A rehearsal in the night, or on a Sunday, is to show the stack awake."""
    sunday_night = datetime(2026, 11, 29, 2, tzinfo=UTC)
    hours = cron("0 7 * * 1,2,3,4,5", "0 20 * * 1,2,3,4,5", 4)
    peak = cron("15 23 26 11 *", "0 0 28 11 *", 9)
    assert scaled_to(scaled(hours, least=0), now=sunday_night) == 4
    assert scaled_to(scaled(hours, peak, least=0), now=sunday_night) == 4
    assert scaled_to(scaled(hours, peak, least=0)) == 9


def test_windows_are_read_in_their_own_time_zone() -> None:
    # 12:00 UTC is 21:00 in Tokyo and 07:00 in New York.
    assert scaled_to(scaled(cron("0 20 * * *", "0 22 * * *", 9, "Asia/Tokyo"))) == 9
    assert scaled_to(scaled(cron("0 8 * * *", "0 22 * * *", 9, "America/New_York"))) == 3


def test_the_largest_open_window_counts_and_the_maximum_bounds_it() -> None:
    assert scaled_to(scaled(cron("0 0 * * *", "0 23 * * *", 5), cron("0 8 * * *", "0 20 * * *", 12))) == 12
    assert scaled_to(scaled(cron("0 8 * * *", "0 20 * * *", 50))) == 20


def test_the_ceiling_is_the_maximum_and_the_floor_comes_back() -> None:
    assert scaled_to(scaled(), mode("ceiling")) == 20
    assert scaled_to(scaled(), mode("floor"), present=20) == 3


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 30))
def test_replicas_stay_between_minimum_and_maximum(least: int, window: int, most: int) -> None:
    item = scaled(cron("0 8 * * *", "0 20 * * *", window), least=min(least, most), most=most)
    assert min(least, most) <= replicas(item, World.of([item], NOON)) <= most


@pytest.mark.parametrize(
    ("annotation", "value", "present", "expected"),
    [
        ("paused", "true", 7, 7),
        ("paused", "false", 7, 3),
        ("paused-replicas", "5", 7, 5),
        ("paused-scale-in", "true", 7, 7),
        ("paused-scale-in", "true", 1, 3),
        ("paused-scale-out", "true", 1, 1),
        ("paused-scale-out", "true", 7, 3),
    ],
)
def test_pausing(annotation: str, value: str, present: int, expected: int) -> None:
    item = scaled(annotations={f"autoscaling.keda.sh/{annotation}": value})
    assert scaled_to(item, present=present) == expected


def condition(item: dict[str, Any], *others: dict[str, Any]) -> dict[str, Any]:
    actions = list(desired(item, World.of([item, *others], NOON)))
    (status,) = [action for action in actions if isinstance(action, Apply)]
    assert status.subresource == "status"
    found: dict[str, Any] = status.manifest["status"]["conditions"][0]
    # KEDA's conditions have no lastTransitionTime; its CRD refuses one.
    assert found.keys() == {"type", "status", "reason", "message"}
    return found


def test_it_says_ready_and_what_it_is() -> None:
    said = condition(scaled(), deployment(3))
    assert (said["type"], said["status"]) == ("Ready", "True")
    assert "stand-in" in said["message"]


def test_a_missing_target_is_said() -> None:
    assert condition(scaled())["status"] == "False"


@pytest.mark.parametrize(
    "trigger", [cron("0 8 * *", "0 20 * * *", 9), cron("0 8 * * *", "0 20 * * *", 9, "Europe/Atlantis")]
)
def test_a_wrong_trigger_is_said_and_scales_nothing(trigger: dict[str, Any]) -> None:
    item = scaled(trigger)
    assert condition(item, deployment(1))["status"] == "False"
    assert scaled_to(item, present=1) == 1
