"""The picture of every stack of the project, and of stacks changed on purpose: it must follow the resources."""

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import Evaluation, Resource, secret_texts
from rehearsal.paths import PROJECT_DIR
from rehearsal.report.picture import draw
from rehearsal.report.picture.canvas import fitted, text_width
from rehearsal.report.picture.parts import Tier
from rehearsal.report.picture.reading import read
from rehearsal.report.picture.tiers import cron_words

STACKS = ("dev", "peak", "platform", "training", "outlet")
SVG = "{http://www.w3.org/2000/svg}"
Box = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def evaluation_of() -> Callable[[str], Evaluation]:
    """Each stack of the project, evaluated once; the tests change copies only."""
    known: dict[str, Evaluation] = {}

    def evaluation(stack: str) -> Evaluation:
        if stack not in known:
            known[stack] = evaluate(PROJECT_DIR, stack, preview=False)
        return known[stack]

    return evaluation


@pytest.fixture
def changed(evaluation_of: Callable[[str], Evaluation]) -> Callable[[str], Evaluation]:
    """A copy of a stack's evaluation, free to be changed."""
    return lambda stack: copy.deepcopy(evaluation_of(stack))


def parsed(evaluation: Evaluation) -> ElementTree.Element:
    return ElementTree.fromstring(draw(evaluation))  # noqa: S314 - our own text


def boxes(picture: ElementTree.Element, kind: str = "") -> list[Box]:
    found = (each for each in picture.iter(f"{SVG}rect") if not kind or each.get("data-kind") == kind)
    return [
        (float(r.get("x", 0)), float(r.get("y", 0)), float(r.get("width", 0)), float(r.get("height", 0))) for r in found
    ]


def texts(picture: ElementTree.Element) -> Iterator[tuple[str, Box]]:
    """Each line of text and the place it takes at most."""
    for each in picture.iter(f"{SVG}text"):
        size, x, y = (float(each.get(name, 0)) for name in ("font-size", "x", "y"))
        width = text_width(each.text or "", size, bold=" b" in each.get("class", ""))
        left = {"start": x, "middle": x - width / 2, "end": x - width}[each.get("text-anchor", "start")]
        yield each.text or "", (left, y - 0.75 * size, width, size)


def words(picture: ElementTree.Element) -> list[str]:
    return [text for text, _ in texts(picture)]


def inside(inner: Box, outer: Box) -> bool:
    x, y, width, height = inner
    left, top, wide, tall = outer
    return x >= left and y >= top and x + width <= left + wide and y + height <= top + tall


def meet(one: Box, other: Box) -> bool:
    return (
        one[0] < other[0] + other[2]
        and other[0] < one[0] + one[2]
        and one[1] < other[1] + other[3]
        and other[1] < one[1] + one[3]
    )


def found(evaluation: Evaluation, kind: str, name: str = "") -> Resource:
    """The resource whose type ends with `kind`, of that metadata.name."""
    return next(
        each
        for each in evaluation.resources.values()
        if each.type.endswith(kind) and (not name or each.inputs.get("metadata", {}).get("name") == name)
    )


def tier(evaluation: Evaluation, name: str) -> Tier:
    return next(each for each in read(evaluation).tiers if each.name == name)


def test_the_picture_in_the_docs_is_that_of_peak(evaluation_of: Callable[[str], Evaluation]) -> None:
    kept = (PROJECT_DIR / "docs" / "architecture.svg").read_text()

    assert kept == draw(evaluation_of("peak")), "the resources have changed: say `make docs`"


@pytest.mark.parametrize("stack", STACKS)
def test_nothing_overlaps_and_no_text_leaves_its_box(stack: str, evaluation_of: Callable[[str], Evaluation]) -> None:
    picture = parsed(evaluation_of(stack))
    whole = (0.0, 0.0, float(picture.get("width", 0)), float(picture.get("height", 0)))
    assert all(inside(box, whole) for box in boxes(picture))
    for kind in ("tier", "pool", "zone", "instance", "service", "bucket", "operator", "host"):
        alike = boxes(picture, kind)
        assert not any(meet(one, other) for index, one in enumerate(alike) for other in alike[:index]), kind
    written = list(texts(picture))
    for text, place in written:
        assert inside(place, whole), text
        for box in boxes(picture):
            # Text lies in a box or beside it, never across its edge.
            assert inside(place, box) or not meet(place, box) or inside(box, place), (text, box)
    for index, (text, place) in enumerate(written):
        assert not any(meet(place, other) for _, other in written[:index]), text


@pytest.mark.parametrize("stack", STACKS)
def test_no_secret_is_in_it(stack: str, evaluation_of: Callable[[str], Evaluation]) -> None:
    evaluation = evaluation_of(stack)
    svg = draw(evaluation)
    every = [
        *evaluation.resources.values(),
        *(r for ref in evaluation.references.values() for r in ref.resources.values()),
    ]
    secrets = {text for each in every for text in secret_texts([each.inputs, each.outputs]) if len(text) >= 12}

    assert bool(secrets) == (stack != "platform"), "nobody logs in to a platform's own database"
    assert not [secret for secret in secrets if secret in svg]


@pytest.mark.parametrize("stack", STACKS)
def test_each_tier_is_drawn_on_its_own_pool(stack: str, evaluation_of: Callable[[str], Evaluation]) -> None:
    parts = read(evaluation_of(stack))
    picture = parsed(evaluation_of(stack))

    assert len(boxes(picture, "tier")) == len(parts.tiers)
    assert len(boxes(picture, "pool")) == len(parts.pools)
    assert {each.pool for each in parts.tiers} <= {pool.key for pool in parts.pools}


def test_tiers_tell_their_processes_their_pods_and_their_way_to_the_database(
    evaluation_of: Callable[[str], Evaluation],
) -> None:
    peak = evaluation_of("peak")
    scaled = found(peak, "ScaledObject", "storefront").inputs["spec"]
    storefront, runner, batch = (tier(peak, name) for name in ("storefront", "jobrunner", "batch"))

    assert (storefront.floor, storefront.ceiling) == (scaled["minReplicaCount"], scaled["maxReplicaCount"])
    assert storefront.processes == "4 workers each"
    assert (storefront.path, runner.path, tier(peak, "websocket").path) == ("pooler", "direct", "direct")
    assert storefront.database == runner.database == batch.database
    assert (storefront.workload_class, batch.workload_class) == ("critical", "deferrable")
    assert len(storefront.zones) == 3
    assert (runner.floor, runner.note) == (2, "2 pods")
    assert batch.note.endswith("paused"), "no batch in peak season"


def test_a_changed_ceiling_changes_the_picture(changed: Callable[[str], Evaluation]) -> None:
    evaluation = changed("dev")
    before = draw(evaluation)
    found(evaluation, "ScaledObject", "pos").inputs["spec"]["maxReplicaCount"] = 9

    assert "0 to 9 pods" not in before
    assert "0 to 9 pods" in words(parsed(evaluation))


def test_many_pods_share_a_square(changed: Callable[[str], Evaluation]) -> None:
    evaluation = changed("dev")
    found(evaluation, "ScaledObject", "pos").inputs["spec"]["maxReplicaCount"] = 400
    picture = parsed(evaluation)

    assert "9 pods, floor and ceiling" in words(picture)
    assert len(boxes(picture)) < 250


def test_a_host_leads_to_the_service_that_answers_by_default(changed: Callable[[str], Evaluation]) -> None:
    evaluation = changed("dev")
    hosts = {host.partition(".")[0]: key[1] for host, key in read(evaluation).hosts}
    assert hosts == {"shop": "storefront", "erp": "backoffice", "pos": "pos", "api": "integration"}

    for rule in found(evaluation, "IngressRoute", "pos").inputs["spec"]["routes"]:
        rule["services"] = [{"name": "backoffice", "port": 8069}]
    hosts = {host.partition(".")[0]: key[1] for host, key in read(evaluation).hosts}
    assert hosts["pos"] == "backoffice"


def test_more_tiers_than_a_row_holds_make_another_row(changed: Callable[[str], Evaluation]) -> None:
    evaluation = changed("dev")
    deployment = found(evaluation, "Deployment", "pos")
    for number in range(9):
        another = copy.deepcopy(deployment)
        another.urn += str(number)
        another.inputs["metadata"]["name"] = f"pos-{number}"
        another.inputs["metadata"]["labels"]["retail/tier"] = f"pos-{number}"
        evaluation.resources[another.urn] = another
    picture = parsed(evaluation)
    tiers = boxes(picture, "tier")

    assert len(tiers) == len(read(evaluation).tiers)
    assert not any(meet(one, other) for index, one in enumerate(tiers) for other in tiers[:index])
    assert {f"pos-{number}" for number in range(9)} <= set(words(picture))


def test_a_small_database_leaves_zones_empty(evaluation_of: Callable[[str], Evaluation]) -> None:
    small, large = parsed(evaluation_of("dev")), parsed(evaluation_of("peak"))

    assert (len(boxes(small, "zone")), len(boxes(small, "instance"))) == (3, 1)
    assert words(small).count("no node of this pool") == 2
    assert (len(boxes(large, "zone")), len(boxes(large, "instance"))) == (3, 3)
    assert words(large).count("standby") == 2


def test_buckets_show_their_copies_in_the_other_region(changed: Callable[[str], Evaluation]) -> None:
    evaluation = changed("peak")
    shown = words(parsed(evaluation))
    assert {"S3 backups", "S3 backups, copy", "S3 filestore", "S3 filestore, copy"} <= set(shown)
    assert {"eu-central-1 · 111122223333", "eu-west-1 · 444455556666", "replicated within 15 min"} <= set(shown)

    for urn in [urn for urn, each in evaluation.resources.items() if each.type.endswith("BucketReplicationConfig")]:
        del evaluation.resources[urn]
    assert not [text for text in words(parsed(evaluation)) if text.endswith(", copy")]


def test_what_belongs_to_the_platform_is_drawn_apart(evaluation_of: Callable[[str], Evaluation]) -> None:
    def dashed(stack: str, kind: str) -> set[bool]:
        picture = parsed(evaluation_of(stack))
        found = (each for each in picture.iter(f"{SVG}rect") if each.get("data-kind") == kind)
        return {"dashed" in each.get("class", "") for each in found}

    assert dashed("peak", "EKS") == dashed("peak", "pool") == dashed("peak", "instance") == {False}
    assert dashed("training", "EKS") == dashed("training", "edge") == dashed("training", "instance") == {True}
    assert dashed("training", "pool") == {True}
    assert dashed("training", "tier") == {False}
    assert dashed("outlet", "EKS") == {True}
    assert dashed("outlet", "edge") == dashed("outlet", "instance") == {False}
    assert dashed("outlet", "pool") == {True, False}
    shown = words(parsed(evaluation_of("training")))
    assert "belongs to platform" in shown
    assert "database grand_bazar_training · at most 60 connections" in shown


@pytest.mark.parametrize("stack", STACKS)
def test_the_title_says_whose_it_is(stack: str, evaluation_of: Callable[[str], Evaluation]) -> None:
    evaluation = evaluation_of(stack)
    shown = words(parsed(evaluation))

    assert shown[0] == evaluation.config["odoo-retail:retailer"]
    assert f"stack {stack}" in shown[1]
    assert f"season {evaluation.outputs['season']}" in shown[1]


def test_a_preview_can_be_drawn_too() -> None:
    assert parsed(evaluate(PROJECT_DIR, "dev", preview=True)).get("width") == "1000"


def test_long_names_are_cut_and_whole_when_pointed_at(changed: Callable[[str], Evaluation]) -> None:
    evaluation = changed("dev")
    name = "replenishment-of-the-central-warehouse"
    found(evaluation, "Deployment", "pos").inputs["metadata"]["labels"]["retail/tier"] = name
    picture = parsed(evaluation)

    assert name not in words(picture)
    assert name in [each.text for each in picture.iter(f"{SVG}title")]


@pytest.mark.parametrize(
    ("schedule", "said"),
    [
        ("30 3 * * *", "daily 3:30"),
        ("0 4 * * 0", "Sundays 4:00"),
        ("0 4 * * 7", "Sundays 4:00"),
        ("0 4 1 */3 *", "0 4 1 */3 *"),
        ("*/5 * * * *", "every 5 minutes"),
        ("*/5 8 * * *", "*/5 8 * * *"),
        ("16 5 22 1,2,3,10 *", "day 22 of the month 5:16, Jan-Mar, Oct"),
        ("30 3 * 2,3 *", "daily 3:30, Feb-Mar"),
        ("30 3 * 13 *", "30 3 * 13 *"),
        ("0 4 * * 1-5", "0 4 * * 1-5"),
    ],
)
def test_simple_schedules_are_said_in_words(schedule: str, said: str) -> None:
    assert cron_words(schedule) == said


def test_text_is_cut_only_where_it_must_be() -> None:
    assert fitted("pos", 100, 11) == "pos"
    cut = fitted("a rather long name", 60, 11)
    assert cut.endswith("…")
    assert text_width(cut, 11) <= 60
    assert re.match(r"a rather", cut)


def test_every_colour_has_its_dark_one(evaluation_of: Callable[[str], Evaluation]) -> None:
    svg: Any = draw(evaluation_of("peak"))
    style = svg[svg.index("<style>") : svg.index("</style>")]
    light, dark = style.split("@media (prefers-color-scheme:dark)")
    named = set(re.findall(r"\.([fs]-\w+)\{", light)) - {"f-none"}
    used = set(re.findall(r"\b[fs]-\w+", svg[svg.index("</style>") :])) - {"f-none"}

    assert named == set(re.findall(r"\.([fs]-\w+)\{", dark))
    assert used <= named
