"""Edits that the rules on cost must catch, and edits that they must not."""

from typing import Any

import pytest

from guardrails.baseline import written
from guardrails.bill import months_of
from guardrails.config import read_config
from guardrails.kinds import (
    AWS_PROVIDER,
    BUCKET_LIFECYCLE,
    EKS_NODE_GROUP,
    LAUNCH_TEMPLATE,
    NODE_CLASS,
    NODE_POOL,
    POSTGRES_CLUSTER,
    RETAILER,
    SCALED_OBJECT,
    SCHEDULED_BACKUP,
    STORAGE_CLASS,
)
from guardrails.kubernetes.scaling import Scaler
from guardrails.prices import HOURS, Prices
from guardrails.resource import Resource
from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import Evaluation
from rehearsal.guardrails.baseline import release_of
from rehearsal.paths import PROJECT_DIR
from tests.policies.bench import bench
from tests.policies.edits import NOTHING, Edit, drop, fine, forget, given, modify, only, put
from tests.policies.harness import RuleTests, rules_tested
from tests.policies.shipped import CLOCK, OWNERS, SERVING

DATA_GROUP = f"{EKS_NODE_GROUP}::nodes-data"
WEB = f"{NODE_POOL}::web"
LOOK = modify("nothing", AWS_PROVIDER, lambda _: None)
"""No change, and yet the pack is shown something: that is when it reads its configuration."""

SLEEPING = {"dev", "training"}
WORKING_HOURS = "spec.triggers[name=working-hours].metadata."
TYPES = "spec.template.spec.requirements[key=node.kubernetes.io/instance-type].values"


def released(edit: Edit, cheaper: float = 1) -> Edit:
    """Judged against a baseline of the same resources; `cheaper`: which cost so much less."""

    def baseline(evaluation: Evaluation) -> dict[str, Any]:
        own = next(each.inputs["season"] for each in evaluation.resources.values() if "season" in each.inputs)
        release = release_of(evaluation, own, CLOCK)
        months = {season: usd * cheaper for season, usd in months_of(release).items()}
        return written({**release, "months": months})

    return given(edit, baseline=baseline)


def budgets(other: dict[int, int]) -> Edit:
    """Other budgets, in the stacks that have these."""
    return put(RETAILER, "monthlyBudget", lambda usd: other.get(usd, usd)) + put(
        RETAILER, "peakMonthlyBudget", lambda usd: other.get(usd, usd)
    )


def other_season(edit: Edit) -> Edit:
    """Judged against a baseline of the same resources, released in the other season."""

    def baseline(evaluation: Evaluation) -> dict[str, Any]:
        own = next(each.inputs["season"] for each in evaluation.resources.values() if "season" in each.inputs)
        return written(release_of(evaluation, "normal" if own == "peak" else "peak", CLOCK))

    return given(edit, baseline=baseline)


TESTS = {
    "cost-01": RuleTests(
        violating=[
            only(SERVING, put(RETAILER, "monthlyBudget", 0)),
            only(SERVING, put(RETAILER, "peakMonthlyBudget", 0)),
            only(SERVING, put(RETAILER, "monthlyBudget", 10**6)),
            only({"dev", "outlet", "training"}, put(RETAILER, "monthlyBudget", 5)),
            only({"peak"}, put(RETAILER, "peakMonthlyBudget", 14000)),
            # What the calendar's peaks ask for is judged before they come.
            only({"outlet"}, budgets({4800: 3900, 6500: 4000})),
            # Without its nights it costs what it may not.
            only({"dev"}, put(SCALED_OBJECT, "spec.minReplicaCount", 1) + budgets({1500: 1200})),
            only(OWNERS, put(DATA_GROUP, "instanceTypes", ["r7i.48xlarge"])),
        ],
        absent=[
            only(SERVING, drop(RETAILER, "monthlyBudget")),
            only(OWNERS, drop(DATA_GROUP, "instanceTypes")),
            only(OWNERS, drop(WEB, "spec.template.spec.requirements")),
        ],
        unknown=[
            only(SERVING, forget(RETAILER, "monthlyBudget")),
            only(OWNERS, forget(DATA_GROUP, "instanceTypes")),
            only(OWNERS, put(DATA_GROUP, "instanceTypes", ["x99.large"])),
        ],
        compliant=[
            put(RETAILER, "monthlyBudget", lambda budget: budget + 1 if budget > 100 else budget),
            budgets({1500: 1200, 4800: 3900, 6500: 5000}),
        ],
    ),
    "cost-02": RuleTests(
        on=OWNERS,
        violating=[
            drop(WEB, "spec.limits"),
            put(WEB, "spec.limits.cpu", "0"),
            put(WEB, "spec.limits", {"cpu": "900", "memory": "1800Gi"}),
        ],
        absent=[drop(WEB, "spec.limits.cpu"), drop(WEB, "spec.limits.memory")],
        unknown=[forget(WEB, "spec.limits"), forget(WEB, "spec.limits.memory")],
        compliant=[put(NODE_POOL, "metadata.annotations.note", "limits")],
    ),
    "cost-03": RuleTests(
        violating=[
            put(AWS_PROVIDER, "defaultTags", '{"tags": {}}'),
            put(AWS_PROVIDER, "defaultTags", '{"tags": {"retailer": "somebody"}}'),
            only(OWNERS, put(NODE_CLASS, "spec.tags", {})),
            only(OWNERS, put(NODE_CLASS, "spec.tags.retailer", "somebody")),
            only(OWNERS, put(LAUNCH_TEMPLATE, "tagSpecifications", [])),
            only(OWNERS, put(STORAGE_CLASS, "parameters.tagSpecification_5", "owner=x")),
            only(SERVING, put(RETAILER, "expires", "2026-01-01")),
        ],
        absent=[
            drop(AWS_PROVIDER, "defaultTags"),
            only(OWNERS, drop(NODE_CLASS, "spec.tags.expires")),
            only(OWNERS, drop(LAUNCH_TEMPLATE, "tagSpecifications")),
        ],
        unknown=[forget(AWS_PROVIDER, "defaultTags"), only(OWNERS, forget(NODE_CLASS, "spec.tags"))],
        compliant=[put(NODE_CLASS, "spec.tags.note", "web")],
    ),
    "cost-04": RuleTests(
        violating=[
            only(SLEEPING, put(RETAILER, "workingHours", "")),
            only(SLEEPING, put(SCALED_OBJECT, "spec.minReplicaCount", 1)),
            only(SLEEPING, put(SCALED_OBJECT, WORKING_HOURS + "desiredReplicas", "0")),
            only(SLEEPING, put(SCALED_OBJECT, WORKING_HOURS + "start", "0 5 * * *")),
            only(SLEEPING, put(SCALED_OBJECT, WORKING_HOURS + "timezone", "America/New_York")),
            only(SLEEPING, put(SCALED_OBJECT, "spec.triggers[name=busy-workers].metadata.activationThreshold", "3")),
            only(SLEEPING, put(f"{SCALED_OBJECT}::jobrunner", "spec.scaleTargetRef.name", "nobody")),
            only({"dev"}, put(f"{SCALED_OBJECT}::traefik", "spec.minReplicaCount", 3)),
            only({"peak"}, put(RETAILER, "seasonEnds", "")),
            only({"peak"}, put(RETAILER, "seasonEnds", "2026-11-19")),
        ],
        absent=[
            only(SLEEPING, drop(RETAILER, "workingHours")),
            only(SLEEPING, drop(SCALED_OBJECT, "spec.triggers[name=working-hours]")),
            only(SLEEPING, drop(SCALED_OBJECT, "spec.triggers[name=queue].metadata.activationTargetQueryValue")),
            only({"peak"}, drop(RETAILER, "seasonEnds")),
            # KEDA's own minimum is none.
            fine(drop(SCALED_OBJECT, "spec.minReplicaCount")),
        ],
        unknown=[
            only(SLEEPING, forget(RETAILER, "workingHours")),
            only(SLEEPING, forget(SCALED_OBJECT, "spec.minReplicaCount")),
            only(SLEEPING, forget(SCALED_OBJECT, WORKING_HOURS + "end")),
        ],
        compliant=[
            only(SLEEPING, put(SCALED_OBJECT, WORKING_HOURS + "end", "0 18 * * *")),
            only({"peak"}, put(RETAILER, "seasonEnds", "2026-11-20")),
        ],
    ),
    "cost-05": RuleTests(
        on=OWNERS,
        violating=[
            other_season(put(POSTGRES_CLUSTER, "spec.inheritedMetadata.labels.changed", "yes")),
            other_season(put(SCHEDULED_BACKUP, "spec.schedule", "0 30 */6 * * *")),
        ],
        absent=[
            only({*OWNERS, "training"}, other_season(drop(BUCKET_LIFECYCLE, "rules[0].id"))),
        ],
        unknown=[other_season(forget(SCHEDULED_BACKUP, "spec.immediate"))],
        compliant=[other_season(LOOK), NOTHING],
    ),
    "cost-06": RuleTests(
        on=OWNERS,
        violating=[
            released(LOOK, cheaper=0.8),
            released(put(DATA_GROUP, "instanceTypes", ["r7i.16xlarge"])),
        ],
        absent=[released(drop(DATA_GROUP, "instanceTypes")), fine(NOTHING)],
        unknown=[released(forget(DATA_GROUP, "scalingConfig.minSize"))],
        compliant=[
            released(LOOK),
            released(LOOK, cheaper=0.9),
            given(released(LOOK, cheaper=0.8), rehearsal=True),
        ],
    ),
}

test_edits, test_without, test_whole = rules_tested("cost", TESTS)


def test_a_machine_costs_what_its_vcpus_do() -> None:
    prices = Prices("us-east-1", read_config({}, CLOCK))
    machine = prices.machine("m7i.2xlarge")
    assert machine is not None
    assert machine.vcpus == 8
    assert round(machine.usd_per_month / HOURS, 4) == 0.4032


def test_a_region_without_rows_costs_more_and_says_so() -> None:
    config = read_config({"unpriced-region-percent": 150}, CLOCK)
    home, abroad = Prices("us-east-1", config), Prices("eu-central-1", config)
    assert abroad.item("kms-key-month") == home.item("kms-key-month") * 1.5
    assert "eu-central-1" in abroad.note


def test_what_has_no_row_has_no_price() -> None:
    prices = Prices("us-east-1", read_config({}, CLOCK))
    assert prices.machine("x99.large") is None
    assert prices.machine("m7i.enormous") is None
    assert prices.machine("m7i.2large") is None


def test_peak_has_the_same_copies_in_both_seasons() -> None:
    normal = evaluate(PROJECT_DIR, "peak", preview=True, overrides={"season": "normal"})
    before = written(release_of(normal, "normal", CLOCK))
    found = bench("peak", "preview").changes(given(LOOK, baseline=before))
    assert found is not None
    assert not [message for rule, message in found if rule.startswith("cost")]


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("0 7 * * 1-5", "0 20 * * 1-5", 65),
        ("0 7 * * *", "0 20 * * *", 91),
        ("0 20 * * *", "0 7 * * *", 77),  # over midnight
        ("0 7 * * 1-5", "0 20 * * 5", 109),  # it never closes before Friday
        ("0 7 * * mon-sat", "0 19 * * mon-fri", 60 + 60),  # Saturday's hours end on Monday evening
        ("0 7 * * *", "0 0 31 2 *", None),  # an end that never comes is no week's
        ("15 23 26 11 *", "0 0 30 11 *", None),
    ],
)
def test_a_weeks_hours_are_read_as_keda_does(start: str, end: str, hours: int | None) -> None:
    scaler = scaled_by(cron(start, end, 4))
    (read,) = scaler.hours
    assert read.share == (None if hours is None else pytest.approx(hours / 168))


def test_pods_of_the_night_of_the_day_and_of_the_calendars_peak() -> None:
    scaler = scaled_by(cron("0 7 * * 1-5", "0 19 * * 1-5", 4), cron("0 0 1 12 *", "0 0 9 12 *", 9))
    assert scaler.standing() == [(1, 1.0), (3, pytest.approx(60 / 168))]
    assert scaler.at_most_by_calendar == 6, "no more than its ceiling"


def scaled_by(*triggers: dict[str, Any]) -> Scaler:
    spec = {"minReplicaCount": 1, "maxReplicaCount": 6, "triggers": list(triggers)}
    return Scaler(Resource("urn", SCALED_OBJECT, "web", {"spec": spec}))


def cron(start: str, end: str, pods: int) -> dict[str, Any]:
    metadata = {"timezone": "Europe/Paris", "start": start, "end": end, "desiredReplicas": str(pods)}
    return {"type": "cron", "metadata": metadata}
