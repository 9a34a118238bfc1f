"""The page of result: what it says, as data and as text, and what it never says."""

import io
import json
from typing import Any

import pytest
from rich.console import Console

from rehearsal.cluster.changes import Changes, Remark
from rehearsal.cluster.placement import Node, Placement, Pod
from rehearsal.engine.model import UNKNOWN, Evaluation, Secret
from rehearsal.report.page import print_page
from rehearsal.report.summary import summarize
from rehearsal.standins.quantities import Resources

CANARY = "canary-c0ffee"
MIB = 2**20
UNTOLERATED = "0/3 nodes are available: 3 node(s) had untolerated taint(s)."


def node(number: int, pool: str, zone: str) -> Node:
    return Node(
        name=f"{pool}-{number}",
        pool=pool,
        zone=f"eu-central-1{zone}",
        instance_type="r7i.xlarge",
        ready=True,
        allocatable=Resources(4000, 30000 * MIB, 110),
        requested=Resources(1000, 6000 * MIB, 4),
    )


def pod(number: int, workload: str, zone: str = "") -> Pod:
    return Pod(
        namespace="meridian-dev",
        name=f"{workload}-{number}",
        workload=workload,
        workload_class="critical",
        pool="web",
        zone=f"eu-central-1{zone}" if zone else "",
        node="n" if zone else "",
        phase="Running" if zone else "Pending",
        ready=bool(zone),
        reason="" if zone else UNTOLERATED,
    )


def page(placement: Placement, changes: Changes | None = None, **outputs: Any) -> dict[str, Any]:
    evaluation = Evaluation("odoo-retail", "dev", False, {}, frozenset(), {}, outputs, {})
    steps = [("python -m rehearsal down dev", "end it")]
    return summarize(evaluation, placement, changes or Changes(), steps)


def text(data: dict[str, Any], width: int = 100) -> str:
    stream = io.StringIO()
    print_page(data, Console(file=stream, width=width))
    return stream.getvalue()


@pytest.fixture
def placed() -> Placement:
    return Placement(
        nodes=(node(1, "data", "a"), node(2, "data", "b"), node(3, "web", "a")),
        pods=(pod(1, "storefront", "a"), pod(2, "storefront", "b"), pod(1, "pos", "a")),
        waiting=(),
        addresses=(Remark("Service meridian-dev/traefik", "edge.example"),),
    )


@pytest.fixture
def stuck(placed: Placement) -> Placement:
    return Placement(
        nodes=placed.nodes,
        pods=(*placed.pods, pod(2, "pos"), pod(3, "pos")),
        waiting=(Remark("Deployment meridian-dev/pos", "1 of 3 ready"),),
        addresses=(),
    )


def test_nodes_are_counted_by_pool_and_zone_and_their_use_is_summed(placed: Placement) -> None:
    data, web = page(placed)["nodes"]
    assert (data["pool"], data["zones"], data["count"]) == ("data", {"eu-central-1a": 1, "eu-central-1b": 1}, 2)
    assert (data["cpu"], data["cpu_requested"]) == (8000, 2000)
    assert (data["memory"], data["memory_requested"]) == (60000, 12000)
    assert web["zones"] == {"eu-central-1a": 1}


def test_pods_are_counted_by_tier_pool_and_zone(stuck: Placement) -> None:
    pos, storefront = page(stuck)["pods"]
    assert (pos["workload"], pos["pool"], pos["zones"]) == ("pos", "web", {"eu-central-1a": 1})
    assert (pos["ready"], pos["count"]) == (1, 3)
    assert storefront["zones"] == {"eu-central-1a": 1, "eu-central-1b": 1}


def test_pods_that_wait_for_the_same_reason_are_told_once(stuck: Placement) -> None:
    data = page(stuck)
    assert data["pending"] == [
        {"namespace": "meridian-dev", "workload": "pos", "count": 2, "reason": UNTOLERATED},
    ]
    shown = text(data)
    assert "2 x meridian-dev/pos" in shown
    assert "untolerated taint" in shown
    assert "1 of 3 ready" in shown
    assert "Everything is placed and ready" not in shown


def test_a_page_without_troubles_says_so_and_where_to_go(placed: Placement) -> None:
    shown = text(page(placed, shop="https://shop.example"))
    assert "Everything is placed and ready" in shown
    assert "edge.example" in shown
    assert "https://shop.example" in shown
    assert "python -m rehearsal down dev" in shown


def test_secrets_are_in_neither_form(placed: Placement) -> None:
    data = page(placed, admin={"password": Secret(CANARY), "list": [Secret(CANARY)]}, later=UNKNOWN)
    assert data["outputs"] == {"admin": {"password": "[secret]", "list": ["[secret]"]}, "later": "<unknown>"}
    shown = text(data)
    assert CANARY not in json.dumps(data) + shown
    assert "password: [secret]" in shown


def test_the_data_is_json(stuck: Placement) -> None:
    data = page(stuck, Changes(refused=[Remark("Cluster a/b", "protected")]), one=1, none=None, flag=True)
    assert json.loads(json.dumps(data)) == data


def test_changes_are_named_except_what_is_new_or_the_same(placed: Placement) -> None:
    changes = Changes(
        created=[f"ConfigMap a/c{number}" for number in range(40)],
        restored=["Deployment a/web"],
        deleted=[f"Secret a/s{number:02}" for number in range(20)],
        unchanged=["Namespace a"],
        kept=[Remark("PersistentVolumeClaim a/data", "retain_on_delete")],
        refused=[Remark("Cluster a/pg", "protected")],
    )
    shown = " ".join(text(page(placed, changes)).split())
    assert "created 40" in shown
    assert "c7" not in shown
    assert "restored 1: Deployment a/web" in shown
    assert "deleted 20: Secret a/s00" in shown
    assert "and 8 more" in shown
    assert "kept: PersistentVolumeClaim a/data retain_on_delete" in shown
    assert "refused: Cluster a/pg protected" in shown


def test_a_long_output_is_cut_on_the_page_and_whole_in_the_data(placed: Placement) -> None:
    data = page(placed, kubeconfig="k" * 700)
    assert data["outputs"]["kubeconfig"] == "k" * 700
    assert "(700 characters)" in " ".join(text(data).split())
    assert text(data).count("k") < 200


def test_what_looks_like_markup_is_shown_as_it_is(placed: Placement) -> None:
    assert "[red]x[/red]" in text(page(placed, note="[red]x[/red]"))


def test_no_colour_where_none_is_wanted(stuck: Placement) -> None:
    stream = io.StringIO()
    print_page(page(stuck), Console(file=stream, force_terminal=True, width=100))  # NO_COLOR is set for every test
    assert "\x1b[3" not in stream.getvalue()


def test_zones_of_one_region_are_shown_by_their_letter(placed: Placement) -> None:
    lines = text(page(placed), width=80).splitlines()
    assert "by zone of eu-central-1" in lines[0]
    assert lines[2].split() == ["pool", "type", "a", "b", "ready", "CPU", "asked", "memory", "asked"]
