"""A retailer's freeze: who writes what, in which order, by which calendar."""

import json
from datetime import datetime
from typing import Any

import pytest

from components.freeze_switch import LEAD_SECONDS, MINUTES, FreezeSwitch, FreezeSwitchArgs
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, reveal
from retail.naming import Identity
from retail.peaks import Window

CHRISTMAS = Window(name="christmas", start=datetime(2026, 11, 23), end=datetime(2027, 1, 18))
SUMMER = Window(name="summer-sales", start=datetime(2026, 6, 24, 8), end=datetime(2026, 6, 28))
IMAGE = "registry.example/odoo@sha256:" + "0" * 64


@pytest.fixture(scope="module")
def evaluation(run_component: Any, identity: Identity) -> Evaluation:
    args = FreezeSwitchArgs(
        identity=identity, freezes=(CHRISTMAS, SUMMER), time_zone="Europe/Paris", image=IMAGE, owner="acme"
    )
    made: Evaluation = run_component(lambda opts, _: FreezeSwitch("freeze", args, opts))
    return made


@pytest.fixture(scope="module")
def objects(evaluation: Evaluation) -> dict[tuple[str, str, str], Any]:
    found = [reveal(item.manifest) for item in kubernetes_objects(evaluation)]
    return {(o["kind"], o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in found}


def test_the_calendar_is_the_retailers_in_utc(objects: Any) -> None:
    plan = json.loads(objects["ConfigMap", "change-control", "acme-production-files"]["data"]["plan.json"])
    assert plan["windows"] == [
        {"name": "summer-sales", "start": "2026-06-24T06:00:00Z", "end": "2026-06-27T22:00:00Z"},
        {"name": "christmas", "start": "2026-11-22T23:00:00Z", "end": "2027-01-17T23:00:00Z"},
    ]
    assert plan["lead_seconds"] == LEAD_SECONDS >= 2 * MINUTES * 60


def test_the_switch_may_write_one_freeze_and_end_emergencies(objects: Any) -> None:
    own = objects["Role", "change-control", "acme-production"]["rules"]
    assert own == [
        {
            "apiGroups": [""],
            "resources": ["configmaps"],
            "resourceNames": ["acme-production"],
            "verbs": ["get", "create", "patch"],
        }
    ]
    verbs = {each["resources"][0]: set(each["verbs"]) for each in objects["Role", "acme-production", "freeze"]["rules"]}
    assert verbs == {"configmaps": {"list"}, "rolebindings": {"list", "delete"}}
    binding = objects["RoleBinding", "acme-production", "freeze"]
    assert binding["subjects"][0]["namespace"] == "change-control"
