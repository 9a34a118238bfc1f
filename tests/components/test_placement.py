from typing import Any

import pytest

from components.placement import ZONE, zone_spread


def zone_of(**given: Any) -> dict[str, Any]:
    (zone,) = [each for each in zone_spread({"app": "shop"}, **given) if each["topologyKey"] == ZONE]
    return zone


def test_scaled_tiers_have_no_least_number_of_zones() -> None:
    zone = zone_of()
    assert "minDomains" not in zone, "a zone outage would stop replacement and scale-out"
    assert (zone["maxSkew"], zone["whenUnsatisfiable"], zone["nodeTaintsPolicy"]) == (1, "DoNotSchedule", "Honor")


@pytest.mark.parametrize(("pods", "zones"), [(2, 2), (3, 3), (5, 3)])
def test_fixed_sets_wait_for_their_zones(pods: int, zones: int) -> None:
    """Without it, two pods that start before Karpenter has a node in each zone share one: seen with jobrunner."""
    assert zone_of(fixed=pods)["minDomains"] == zones


def test_one_pod_waits_for_no_zone() -> None:
    assert "minDomains" not in zone_of(fixed=1)


def test_a_rollout_is_spread_for_itself() -> None:
    assert all(zone_of(fixed=pods)["matchLabelKeys"] == ["pod-template-hash"] for pods in (None, 3))
