from hypothesis import given
from hypothesis import strategies as st

from rehearsal.standins.spreading import ZONE, Spread, choose_zones

ZONES = ("a", "b", "c")


@given(
    st.lists(st.sampled_from(ZONES), min_size=1, unique=True),
    st.dictionaries(st.sampled_from(ZONES), st.integers(0, 9)),
    st.dictionaries(st.sampled_from(ZONES), st.integers(0, 9)),
    st.integers(1, 3),
)
def test_the_best_zone_has_the_fewest_matching_pods_and_skew_is_kept(
    candidates: list[str], counts: dict[str, int], crowd: dict[str, int], skew: int
) -> None:
    zones = choose_zones(candidates, [(Spread(ZONE, "shop", {}, skew), counts)], crowd)
    fewest = min(counts.get(zone, 0) for zone in candidates)
    assert counts.get(zones[0], 0) == fewest
    assert set(zones) == {zone for zone in candidates if counts.get(zone, 0) + 1 - fewest <= skew}
    assert [counts.get(zone, 0) for zone in zones] == sorted(counts.get(zone, 0) for zone in zones)


@given(st.lists(st.sampled_from(ZONES), unique=True), st.dictionaries(st.sampled_from(ZONES), st.integers(0, 9)))
def test_without_constraints_the_pools_own_nodes_are_balanced(candidates: list[str], crowd: dict[str, int]) -> None:
    zones = choose_zones(candidates, [], crowd)
    assert zones == sorted(candidates, key=lambda zone: (crowd.get(zone, 0), zone))


def test_anti_affinity_leaves_no_zone_with_its_like() -> None:
    exclusive = Spread(ZONE, "shop", {}, 1, exclusive=True)
    assert choose_zones(ZONES, [(exclusive, {"a": 1, "b": 1})], {}) == ["c"]
    assert choose_zones(ZONES, [(exclusive, {"a": 1, "b": 1, "c": 1})], {}) == []
