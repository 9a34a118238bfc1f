from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rehearsal.standins.packing import Coming, Machine, Pool, Round
from rehearsal.standins.quantities import Resources, pod_requests, total
from rehearsal.standins.spreading import HOST, ZONE, Placed

GIB = 2**30
ZONES = ("a", "b", "c")
TAINT = {"key": "retail/pool", "value": "web", "effect": "NoSchedule"}
NO_LIMIT = Resources(10**9, 10**15, 10**15, 10**6)


def machine(cores: int) -> Machine:
    size = Resources(cores * 1000, cores * 4 * GIB, 20 * GIB, 110)
    return Machine(f"m.{cores}", {"cores": str(cores)}, Resources(size.cpu, size.memory), size)


def pool(
    *cores: int,
    name: str = "web",
    zones: Sequence[str] = ZONES,
    limit: Resources = NO_LIMIT,
    held: Resources | None = None,
) -> Pool:
    return Pool(name, zones, [machine(size) for size in cores], [TAINT], limit, held or Resources())


def pod(name: str, cpu: int = 1000, *, app: str = "web", tolerates: bool = True, **spec: Any) -> dict[str, Any]:
    tolerations = [{"key": TAINT["key"], "operator": "Exists"}] if tolerates else []
    requests = {"cpu": f"{cpu}m", "memory": "1Gi"}
    containers = [{"name": "c", "resources": {"requests": requests}}]
    return {
        "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"app": app}},
        "spec": {"containers": containers, "tolerations": tolerations, **spec},
        "status": {},
    }


def spread(app: str = "web", key: str = ZONE, skew: int = 1) -> dict[str, Any]:
    selector = {"matchLabels": {"app": app}}
    constraint = {"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector}
    return {"topologySpreadConstraints": [constraint]}


def apart(app: str = "web", key: str = HOST) -> dict[str, Any]:
    term = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}
    return {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def test_pods_that_fit_together_share_the_smallest_node_that_holds_them() -> None:
    planned = Round([pool(2, 4, 8)], [], [], {})
    assert all(planned.place(pod(str(number)), None) for number in range(3))
    (node,) = planned.new_nodes()
    assert (node.machine.instance_type, len(node.pods)) == ("m.4", 3)


def test_a_new_node_for_what_is_left_over_goes_to_another_zone() -> None:
    planned = Round([pool(2, 4)], [], [], {"a": 1})
    assert all(planned.place(pod(str(number)), None) for number in range(6))
    assert [(node.zone, node.machine.instance_type) for node in planned.new_nodes()] == [("b", "m.4"), ("c", "m.2")]


@given(st.lists(st.integers(100, 4000), min_size=1, max_size=40), st.booleans())
def test_nodes_hold_their_pods_and_hard_spread_keeps_zones_even(sizes: list[int], spreads: bool) -> None:
    planned = Round([pool(2, 4, 8)], [], [], {})
    pods = [pod(str(number), size, **(spread() if spreads else {})) for number, size in enumerate(sizes)]
    assert all(planned.place(each, None) for each in pods)
    nodes = planned.new_nodes()
    assert sorted(each["metadata"]["name"] for node in nodes for each in node.pods) == sorted(
        map(str, range(len(sizes)))
    )
    for node in nodes:
        assert total(pod_requests(each["spec"]) for each in node.pods).within(node.machine.allocatable)
    if spreads:
        by_zone = Counter(node.zone for node in nodes for _ in node.pods)
        assert max(by_zone[zone] for zone in ZONES) - min(by_zone[zone] for zone in ZONES) <= 1
        # Three pods of a zone never open two nodes there that one would have held.
        for zone in ZONES:
            in_zone = [node for node in nodes if node.zone == zone]
            rooms = [node.machine.allocatable.cpu for node in in_zone]
            assert len(in_zone) <= 1 or max(rooms) == 8000


def test_pods_already_placed_count_for_the_spread() -> None:
    there = [Placed(pod(f"old-{zone}"), zone, f"node-{zone}") for zone in ("a", "a", "b", "b", "c")]
    planned = Round([pool(2)], [], there, {"a": 1, "b": 1, "c": 1})
    assert planned.place(pod("new", **spread()), None)
    assert [node.zone for node in planned.new_nodes()] == ["c"]


def test_pods_of_other_namespaces_and_other_revisions_do_not_count() -> None:
    other = pod("old")
    other["metadata"]["namespace"] = "elsewhere"
    old = pod("older")
    old["metadata"]["labels"]["pod-template-hash"] = "1"
    there = [Placed(other, "a", "n1"), Placed(old, "a", "n1")]
    new = pod("new", **spread())
    new["metadata"]["labels"]["pod-template-hash"] = "2"
    new["spec"]["topologySpreadConstraints"][0]["matchLabelKeys"] = ["pod-template-hash"]
    planned = Round([pool(2)], [], there, {})
    assert planned.place(new, None)
    assert [node.zone for node in planned.new_nodes()] == ["a"]


def test_soft_spread_opens_no_node() -> None:
    constraint = {**spread()["topologySpreadConstraints"][0], "whenUnsatisfiable": "ScheduleAnyway"}
    planned = Round([pool(8)], [], [], {})
    assert all(planned.place(pod(str(n), topologySpreadConstraints=[constraint]), None) for n in range(3))
    assert len(planned.new_nodes()) == 1


def test_a_volume_decides_the_zone() -> None:
    planned = Round([pool(2)], [], [], {"b": 5})
    assert planned.place(pod("with-volume"), frozenset({"b"}))
    assert not planned.place(pod("torn"), frozenset())
    assert [node.zone for node in planned.new_nodes()] == ["b"]


def test_a_zone_the_pod_refuses_does_not_hold_the_spread_back() -> None:
    terms = [{"matchExpressions": [{"key": ZONE, "operator": "In", "values": ["a", "b"]}]}]
    nodes = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}
    planned = Round([pool(2)], [], [], {})
    assert all(planned.place(pod(str(n), 1500, affinity=nodes, **spread()), None) for n in range(4))
    assert Counter(node.zone for node in planned.new_nodes()) == {"a": 2, "b": 2}


def test_anti_affinity_by_host_gives_each_pod_its_node() -> None:
    planned = Round([pool(8)], [], [], {})
    assert all(planned.place(pod(str(n), **apart()), None) for n in range(4))
    assert [len(node.pods) for node in planned.new_nodes()] == [1, 1, 1, 1]


def test_no_pool_for_what_it_does_not_tolerate_or_hold_or_select() -> None:
    planned = Round([pool(2, 4)], [], [], {})
    assert not planned.place(pod("stranger", tolerates=False), None)
    assert not planned.place(pod("giant", 5000), None)
    assert not planned.place(pod("choosy", nodeSelector={"cores": "16"}), None)
    assert planned.new_nodes() == []


def test_limits_hold_for_cpu_memory_and_nodes() -> None:
    for limit, expected in (
        (NO_LIMIT._replace(cpu=6000), ["m.4", "m.2"]),
        (NO_LIMIT._replace(memory=8 * GIB), ["m.2"]),
        (NO_LIMIT._replace(pods=3), ["m.4", "m.4"]),
    ):
        planned = Round([pool(2, 4, limit=limit, held=Resources(pods=1))], [], [], {})
        for number in range(20):
            planned.place(pod(str(number)), None)
        assert [node.machine.instance_type for node in planned.new_nodes()] == expected


def test_pools_are_tried_in_their_order() -> None:
    first = pool(2, name="first", limit=NO_LIMIT._replace(pods=1))
    planned = Round([first, pool(2, name="second")], [], [], {})
    assert all(planned.place(pod(str(n), 2000), None) for n in range(3))
    assert [node.pool for node in planned.new_nodes()] == ["first", "second", "second"]


def coming(host: str, zone: str, cpu: int, **labels: str) -> Coming:
    return Coming(host, zone, labels, [TAINT], Resources(cpu, 100 * GIB, 0, 10))


def test_nodes_that_are_coming_up_are_filled_first() -> None:
    planned = Round([pool(2)], [coming("n1", "c", 2000)], [], {"c": 1})
    assert all(planned.place(pod(str(n)), None) for n in range(3))
    assert [[each["metadata"]["name"] for each in node.pods] for node in planned.new_nodes()] == [["2"]]


def test_a_coming_node_of_other_labels_is_no_help() -> None:
    planned = Round([pool(2)], [coming("n1", "a", 2000, cores="8")], [], {})
    assert planned.place(pod("p", nodeSelector={"cores": "2"}), None)
    assert len(planned.new_nodes()) == 1


def test_during_a_zonal_shift_the_lost_zone_still_counts_for_spread_until_the_pool_leaves_it_out() -> None:
    """Karpenter's own trap (its topology.go; AWS' zonal shift blueprint), and the way out of it."""
    pods = [pod(str(number), **spread()) for number in range(4)]
    stuck = Round([pool(2, 4)], [], [], {}, shifted="c")
    assert [stuck.place(each, None) for each in pods] == [True, True, False, False]
    assert "a zonal shift is active: the zone counts as an empty one" in stuck.why_not(pods[-1], None)
    free = Round([pool(2, 4, zones=("a", "b"))], [], [], {}, shifted="c")
    assert all(free.place(each, None) for each in pods)
    assert {node.zone for node in free.new_nodes()} == {"a", "b"}


def test_nothing_is_opened_in_a_zone_that_is_shifted_away_from() -> None:
    planned = Round([pool(4)], [], [], {"a": 1, "b": 1}, shifted="c")
    assert all(planned.place(pod(str(number)), None) for number in range(9))
    assert "c" not in {node.zone for node in planned.new_nodes()}
    assert not planned.place(pod("tied"), frozenset("c"))
    assert "starts no node in c" in planned.why_not(pod("tied"), frozenset("c"))


def test_a_set_that_wants_more_zones_than_there_are_is_one_short() -> None:
    wants_three = spread()
    wants_three["topologySpreadConstraints"][0]["minDomains"] = 3
    pods = [pod(str(number), **wants_three) for number in range(3)]
    two_zones = Round([pool(4, zones=("a", "b"))], [], [], {})
    assert [two_zones.place(each, None) for each in pods] == [True, True, False]
    assert all(map(Round([pool(4)], [], [], {}).place, pods, [None] * 3))
