"""One zone lost, by the program as it is on an embedded control plane: who goes on, who grows, who waits."""

import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rehearsal import session
from rehearsal.cli import app
from rehearsal.cluster import placement
from rehearsal.cluster.client import Client
from rehearsal.controlplane import boot
from rehearsal.drills.results import Level, ZoneLoss
from rehearsal.drills.zone_loss import bring_back, lose_zone
from rehearsal.errors import UserError
from rehearsal.explain import plan_of
from rehearsal.progress import QuietProgress
from rehearsal.session import Outcome, Request
from rehearsal.standins.karpenter_pools import POOL_LABEL
from retail.naming import Pool
from retail.node_sizing import PACKING
from retail.tiers import PROFILES, Tier

pytestmark = pytest.mark.cluster

QUIET = QuietProgress()
SPACE = "grand-bazar-production"
PEAK = Request("peak")
ONE_A_ZONE = ["database", "pooler", "pooler-integration", "traefik"]
"""Sets of at most one pod in a zone: they wait for theirs."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("drills")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REHEARSAL_HOME", str(folder))
        yield folder
        for name in boot.planes():
            boot.stop(name, QUIET)


@pytest.fixture(scope="module")
def peak(home: Path) -> Iterator[Outcome]:  # noqa: ARG001 - where it is
    outcome = session.up(PEAK, QUIET)
    assert outcome.placement.complete
    yield outcome
    session.down("peak", QUIET)


@pytest.fixture(scope="module")
def loss(peak: Outcome) -> ZoneLoss:
    """Peak without the zone of its database's primary."""
    primary = next(pod for pod in peak.placement.pods if pod.name == primary_of(peak))
    lost = lose_zone(PEAK, "", QUIET)
    assert lost.zone == primary.zone, "the hardest zone is the database's"
    return lost


def primary_of(outcome: Outcome) -> str:
    with Client(outcome.kubeconfig) as client:
        (cluster,) = client.list("postgresql.cnpg.io/v1", "Cluster").items
        return str(cluster["status"]["currentPrimary"])


def level(loss: ZoneLoss, workload: str) -> Level:
    return next(each for each in loss.levels if each.workload == workload)


def test_fixed_sets_lie_in_as_many_zones_as_they_have_pods(peak: Outcome) -> None:
    zones: dict[str, list[str]] = {}
    for pod in peak.placement.pods:
        zones.setdefault(pod.workload, []).append(pod.zone)
    for workload in ("jobrunner", "scheduled", *ONE_A_ZONE):
        assert len(set(zones[workload])) == len(zones[workload]), workload


@pytest.mark.parametrize("pool", ["web", "jobs", "integration"])
def test_with_two_of_three_nodes_of_a_pool_gone_only_what_can_wait_is_pending(peak: Outcome, pool: str) -> None:
    """The pool may grow no further than what its critical and important pods need: headroom gives way to them."""
    node_pool = f"grand-bazar-{pool}"
    with Client(peak.kubeconfig) as client:
        before = placement.look(client)
        served = Counter(pod.workload for pod in before.pods if pod.pool == pool and pod.workload_class != "headroom")
        nodes = client.list("v1", "Node", labels=f"{POOL_LABEL}={node_pool}").items
        gone = [node["metadata"]["name"] for node in nodes][: math.ceil(len(nodes) * 2 / 3)]
        limits = client.get("karpenter.sh/v1", "NodePool", node_pool)["spec"]["limits"]  # type: ignore[index]
        asked = sum(node.requested.cpu for node in before.nodes if node.pool == pool) / 1000
        headroom = plan_of("peak", {}).headroom.get(Pool(pool))
        room = headroom.pods * headroom.cpu_request_millis / 1000 if headroom else 0
        short = {**limits, "cpu": str(math.ceil((asked - room) / PACKING))} if headroom else limits
        client.patch("karpenter.sh/v1", "NodePool", node_pool, {"spec": {"limits": short}})
        for name in gone:
            client.patch("v1", "Node", name, {"metadata": {"finalizers": None}, "spec": {"unschedulable": True}})
            for pod in client.list("v1", "Pod", fields=f"spec.nodeName={name}").items:
                client.delete("v1", "Pod", pod["metadata"]["name"], pod["metadata"]["namespace"], grace_seconds=0)
            client.delete("v1", "Node", name)

        def all_served() -> bool:
            seen = placement.look(client)
            return served <= Counter(pod.workload for pod in seen.pods if pod.ready and pod.pool == pool)

        try:
            eventually(all_served, f"what {pool} serves")
            classes = {pod.workload_class for pod in placement.look(client).pending}
            assert classes <= {"deferrable", "headroom"}
            assert ("headroom" in classes) is bool(headroom), "the pool was too small for all of it"
        finally:
            client.patch("karpenter.sh/v1", "NodePool", node_pool, {"spec": {"limits": limits}})
            eventually(lambda: placement.look(client).complete, "everything in its place again")


def test_every_critical_tier_keeps_what_it_needs_at_every_moment(loss: ZoneLoss) -> None:
    plan = plan_of("peak", {})
    for tier, sized in plan.tiers.items():
        if PROFILES[tier].workload_class == "critical":
            seen = level(loss, tier)
            assert seen.before == sized.floor
            assert sized.need <= seen.lowest < sized.floor, "a zone's pods did go"
            assert seen.after == sized.floor, "and found room elsewhere"


def test_and_can_still_grow_to_its_ceiling(loss: ZoneLoss) -> None:
    plan = plan_of("peak", {})
    for tier in (Tier.STOREFRONT, Tier.BACKOFFICE, Tier.POS):
        assert level(loss, tier).scaled_to == plan.tiers[tier].ceiling


def test_budgets_hold_and_no_eviction_is_refused_for_ever(loss: ZoneLoss) -> None:
    assert loss.violated == {}
    assert loss.refused == ()
    assert loss.ok


def test_only_sets_of_one_pod_a_zone_wait_for_it(loss: ZoneLoss) -> None:
    waiting = {each.workload: each.count for each in loss.pending if each.workload_class != "headroom"}
    assert waiting == dict.fromkeys(ONE_A_ZONE, 1)
    assert {level(loss, each).lowest for each in waiting} == {2}


def test_the_database_went_on_elsewhere(peak: Outcome, loss: ZoneLoss) -> None:
    with Client(peak.kubeconfig) as client:
        pod = client.get("v1", "Pod", primary_of(peak), SPACE)
        assert pod
        node = client.get("v1", "Node", pod["spec"]["nodeName"])
        assert node and node["metadata"]["labels"]["topology.kubernetes.io/zone"] != loss.zone


def test_the_zone_comes_back_and_everything_with_it(peak: Outcome, loss: ZoneLoss) -> None:
    assert bring_back(PEAK, QUIET) == loss.zone
    with Client(peak.kubeconfig) as client:
        assert placement.look(client).complete
        assert not [node for node in client.list("v1", "Node").items if node["spec"].get("unschedulable")]
    assert bring_back(PEAK, QUIET) == "", "no zone was lost"


def test_a_single_database_does_not_hold_a_drain_for_ever(home: Path) -> None:  # noqa: ARG001 - where it is
    session.down("peak", QUIET)
    session.up(Request("dev"), QUIET)
    said = CliRunner().invoke(app, ["lose", "zone", "dev", "--json"])
    loss = json.loads(said.stdout)
    assert loss["refused"] == [] and loss["violated"] == {}
    waiting = [each["workload"] for each in loss["pending"]]
    assert waiting == ONE_A_ZONE, "the only data node is in the zone"
    assert (said.exit_code, loss["ok"]) == (0, True), "bronze promises nothing here"
    back = CliRunner().invoke(app, ["lose", "zone", "dev", "--back"])
    assert (back.exit_code, back.stdout) == (0, f"back: {loss['zone']}\n")
    with pytest.raises(UserError, match=r"--zone: one of eu-central-1a, eu-central-1b, eu-central-1c; given 'x'"):
        lose_zone(Request("dev"), "x", QUIET)


def eventually(holds: Callable[[], object], what: str, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come about in {seconds:.0f} s"
        time.sleep(0.3)
