"""Runs one component, alone, through the local engine."""

import sys
import types
from collections.abc import Callable
from typing import Any, Protocol

import pytest

from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import Evaluation
from retail.configuration import parse_settings
from retail.naming import Identity
from retail.plan import Plan
from retail.sizing import make_plan

PROGRAM = """
import json
import pulumi, pulumi_aws, pulumi_kubernetes, pulumi_random
from component_under_test import build

workload = pulumi_aws.Provider("workload", region="eu-central-1", allowed_account_ids=["111122223333"])
backup = pulumi_aws.Provider("backup", region="eu-west-1", allowed_account_ids=["444455556666"])
cluster = pulumi_kubernetes.Provider("cluster", kubeconfig=json.dumps({"kind": "Config"}))
names = pulumi_random.Provider("names")
build(pulumi.ResourceOptions(providers=[workload, cluster, names]), backup)
"""


class RunComponent(Protocol):
    def __call__(self, build: Callable[..., Any], *, preview: bool = False) -> Evaluation: ...


@pytest.fixture(scope="session")
def run_component(tmp_path_factory: pytest.TempPathFactory) -> RunComponent:
    """`run_component(build)`: what `build(opts, backup_provider)` registers.

    `opts` hands down explicit providers for aws (workload account), kubernetes and random, as __main__.py does. Of the
    session, so that a file's tests can look at one evaluation: each costs a second.
    """
    folder = tmp_path_factory.mktemp("component")
    (folder / "Pulumi.yaml").write_text("name: odoo-retail\nruntime: python\n")
    (folder / "Pulumi.test.yaml").write_text("config: {}\n")
    (folder / "__main__.py").write_text(PROGRAM)

    def run(build: Callable[..., Any], *, preview: bool = False) -> Evaluation:
        module = types.ModuleType("component_under_test")
        module.build = build  # type: ignore[attr-defined]  # what the program imports
        with pytest.MonkeyPatch.context() as patched:
            patched.setitem(sys.modules, "component_under_test", module)
            return evaluate(folder, "test", preview=preview)

    return run


@pytest.fixture(scope="session")
def identity() -> Identity:
    return Identity(
        retailer="acme", environment="production", stack="acme", account="111122223333", region="eu-central-1"
    )


@pytest.fixture(scope="session")
def make_test_plan() -> Callable[..., Plan]:
    """`make_test_plan(stores=3)`: the plan of a gold production stack with those keys changed."""

    def make(**changes: Any) -> Plan:
        given: dict[str, Any] = {
            "retailer": "acme",
            "environment": "production",
            "objective-class": "gold",
            "domain": "acme.example",
            "image": "111122223333.dkr.ecr.eu-central-1.amazonaws.com/odoo@sha256:" + "0" * 64,
            "account": "111122223333",
            "backup-account": "444455556666",
            "stores": 20,
            "pos-terminals": 60,
            "back-office-users": 40,
            "storefront-requests-per-second": 5,
            "orders-per-hour": 600,
            "peaks": [{"name": "black-friday", "start": "2026-11-27T00:00", "end": "2026-11-30T00:00", "factor": 3}],
        }
        changed = {key.replace("_", "-"): value for key, value in changes.items()}
        return make_plan(parse_settings(given | changed, stack="acme"))

    return make
