"""Baselines, emergencies and evidence as the pack reads them, beside the edits of test_frz.py."""

import json
from datetime import timedelta
from typing import Any

import pytest

from guardrails.baseline import written
from guardrails.changes import REPLACED_BY
from guardrails.config import read_config
from guardrails.frz.changes import MOVABLE
from guardrails.kinds import BUCKET, HELM_RELEASE, SERVICE
from guardrails.resource import family
from rehearsal.engine.evaluate import evaluate
from rehearsal.guardrails.baseline import release_of
from rehearsal.paths import PROJECT_DIR
from tests.policies.bench import bench
from tests.policies.edits import NOTHING, Edit, given, put
from tests.policies.shipped import CLOCK, MODES, STACKS, shipped
from tests.policies.test_frz import (
    FROZEN,
    HOUR,
    MORE_QUOTA,
    RELABELLED,
    as_shipped,
    emergency,
    evidence,
    frozen,
    open_now,
    released,
    with_gone,
)


def told(edit: Edit, mode: str = "preview") -> dict[str, str]:
    """Rules that an edit of peak trips, with a message each."""
    return dict(bench("peak", mode).judge(edit) or [])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_is_what_its_baseline_says_before_and_after_its_deployment(stack: str, mode: str) -> None:
    config = read_config({"baseline": as_shipped(stack)}, CLOCK)
    assert config.release is not None
    found = bench(stack, mode).judge(given(NOTHING.at(FROZEN), baseline=as_shipped(stack)))
    assert [message for rule_id, message in found or [] if rule_id.startswith("frz")] == []


def test_the_season_is_switched_in_a_freeze() -> None:
    """What may move is at least what the switch moves; with the evidence that any change needs."""
    normal = evaluate(PROJECT_DIR, "peak", preview=True, overrides={"season": "normal"})
    before = written(release_of(normal, "normal", CLOCK, "c0ffee"))
    config: dict[str, Any] = {"baseline": before, "evidence": evidence(release=before["digest"])}
    assert bench("peak", "preview").judge(given(NOTHING.at(FROZEN), **config)) == []


def test_nothing_that_holds_data_may_move() -> None:
    assert not MOVABLE.keys() & REPLACED_BY.keys()


def test_a_baseline_shows_no_value_but_the_calendar() -> None:
    kept = as_shipped("peak")
    assert kept["calendar"]["freezes"]
    values = {"grand_bazar_production", "111122223333.dkr.ecr.eu-central-1.amazonaws.com/odoo", "0 3 "}
    inputs = str([each["inputs"] for each in kept["resources"].values()])
    assert not [value for value in values if value in inputs]


def test_what_the_real_engine_adds_to_inputs_is_no_change() -> None:
    """A provider's Check fills in defaults, the AWS provider its tags, and Helm's what the chart says."""
    provider = next(each for each in shipped("peak", "preview").resources.values() if each.name == "workload")
    region, tags = provider.inputs["region"], json.loads(provider.inputs["defaultTags"])["tags"]
    edits = (
        put(BUCKET, "__defaults", ["forceDestroy2"])
        + put(BUCKET, "forceDestroy2", False)
        + put(HELM_RELEASE, "checksum", "0" * 64)
        + put(HELM_RELEASE, "resourceNames", {"Deployment.apps/v1": ["a/b"]})
    )
    assert "frz-01" not in told(frozen(edits))
    vpc = "aws:ec2/vpc:Vpc"
    with_tags = put(vpc, "tags", lambda own: {**tags, **(own or {}), "__defaults": []}) + put(vpc, "region", region)
    assert not {"frz-01", "frz-04"} & told(frozen(with_tags)).keys()
    assert "frz-01" in told(frozen(put(vpc, "tags", lambda own: {**tags, **(own or {}), "added": "x"})))
    assert "frz-04" in told(frozen(put(vpc, "region", "eu-west-1")))


# Emergencies


def test_an_emergency_opens_the_freeze_for_what_it_names_and_is_shown() -> None:
    found = told(open_now(RELABELLED))
    assert found.keys() == {"frz-01", "frz-08"}
    assert "[emergency change INC-7 until 2026-11-28 05:00 UTC, approved by b@x.example]" in found["frz-01"]
    assert "payments fail" in found["frz-08"]


def test_for_the_stack_it_opens_what_has_no_resource_but_no_data() -> None:
    whole = emergency(resources=["stack"])
    covered = told(given(MORE_QUOTA.at(FROZEN), baseline=as_shipped("peak"), emergencies=whole))
    assert "[emergency change INC-7" in covered["frz-07"]
    lost = told(frozen(NOTHING, baseline=with_gone(BUCKET, "old"), emergencies=whole))
    assert "is deleted" in lost["frz-04"] and "INC-7" not in lost["frz-04"]


def test_what_is_gone_is_named_as_messages_call_it() -> None:
    gone = open_now(NOTHING, resources=["Service old"])
    assert "[emergency change INC-7" in told(given(gone, baseline=with_gone(SERVICE, "old")))["frz-01"]


@pytest.mark.parametrize(
    "wrong", [{"approver": "a@x.example"}, {"rollback": "0" * 40}, {"until": "soon"}, {"reason": ""}]
)
def test_one_that_cannot_stand_opens_nothing(wrong: dict[str, str]) -> None:
    assert "INC-7" not in told(open_now(RELABELLED, **wrong))["frz-01"]


def test_with_a_baseline_that_was_changed_by_hand_nothing_is_open() -> None:
    found = told(given(open_now(RELABELLED, resources=["stack"]), baseline={**as_shipped("peak"), "season": "normal"}))
    assert "was changed after it was written" in found["frz-01"] and "INC-7" not in found["frz-01"]


def test_the_digest_of_the_baseline_is_a_way_back_as_well() -> None:
    assert "frz-02" not in told(open_now(RELABELLED, rollback=as_shipped("peak")["digest"]))
    no_commit = released("peak", commit="")
    assert "frz-02" in told(given(open_now(RELABELLED, rollback="-"), baseline=no_commit))


@pytest.mark.parametrize("rule_id", ["frz-01", "frz-02", "frz-03", "frz-04", "frz-07"])
def test_no_waiver_and_no_level_opens_a_freeze(rule_id: str) -> None:
    waiver = {
        "rule": rule_id,
        "resource": "Service grand-bazar-production/storefront",
        "reason": "because",
        "ticket": "OPS-1",
        "author": "a@x.example",
        "approver": "b@x.example",
        "until": "2027-01-01T00:00:00+00:00",
    }
    levels = {rule_id: {"level": "advisory", "reason": "because"}}
    config = read_config({"waivers": [waiver], "levels": levels}, CLOCK)
    assert config.waivers == () and config.levels == {}
    assert len(config.problems) == 2


def test_who_takes_the_freeze_out_of_the_calendar_is_bound_by_it() -> None:
    taken_out = put("retail:platform:Retailer", "freezes", [])
    assert "freezes differs" in told(frozen(taken_out))["frz-01"]
    assert "frz-01" in told(frozen(taken_out + RELABELLED))


def test_a_version_is_as_old_as_the_first_release_that_had_it() -> None:
    first = released("peak", FROZEN - timedelta(days=40))
    second = released("peak", FROZEN - timedelta(days=20), previous=first)
    assert not any("since" in each for each in second["resources"].values()), "of the first nobody knows"
    older = {**first, "resources": {urn: {**each, "inputs": {}} for urn, each in first["resources"].items()}}
    third = released("peak", FROZEN - timedelta(days=20), previous=older)
    fourth = released("peak", FROZEN - HOUR, previous=third)
    kinds = {family(each["type"]) for each in fourth["resources"].values() if "since" in each}
    assert family(HELM_RELEASE) in kinds and family(SERVICE) not in kinds
    assert {each["since"] for each in fourth["resources"].values() if "since" in each} == {third["made"]}
