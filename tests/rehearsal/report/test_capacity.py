"""The tables of tiers and connections: they add up, agree with the plan, and follow the resources."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import Evaluation
from rehearsal.explain import plan_of
from rehearsal.paths import PROJECT_DIR
from rehearsal.report.capacity import Capacity, capacity
from rehearsal.report.capacity_tables import as_markdown

STACKS = ("dev", "outlet", "peak", "platform", "training")


@pytest.fixture(scope="module")
def evaluations() -> dict[str, Evaluation]:
    return {stack: evaluate(PROJECT_DIR, stack, preview=False) for stack in STACKS}


@pytest.fixture(scope="module")
def capacities(evaluations: dict[str, Evaluation]) -> dict[str, Capacity]:
    return {stack: capacity(evaluation, plan_of(stack, {})) for stack, evaluation in evaluations.items()}


@pytest.mark.parametrize("stack", STACKS)
def test_every_connection_fits(stack: str, capacities: dict[str, Capacity]) -> None:
    assert 0 < capacities[stack].total <= capacities[stack].limit


@pytest.mark.parametrize("stack", [stack for stack in STACKS if stack != "training"])
def test_the_resources_add_up_to_the_plan(stack: str, capacities: dict[str, Capacity]) -> None:
    database = plan_of(stack, {}).database
    assert database
    assert (capacities[stack].total, capacities[stack].limit) == (
        database.budget.total,
        database.budget.max_connections,
    )


def test_client_connections_fit_the_poolers_with_one_zone_lost(capacities: dict[str, Capacity]) -> None:
    database = plan_of("peak", {}).database
    assert database
    opened = sum(tier.client for tier in capacities["peak"].tiers)
    assert 0.9 * database.budget.client_limit < opened <= database.budget.client_limit


def find(evaluation: Evaluation, kind: str, name: str) -> dict[str, Any]:
    found = [
        resource.inputs
        for resource in evaluation.resources.values()
        if resource.type.endswith(f":{kind}") and resource.inputs.get("metadata", {}).get("name") == name
    ]
    assert len(found) == 1, (kind, name)
    return found[0]


def raise_ceiling(evaluation: Evaluation) -> None:
    find(evaluation, "ScaledObject", "websocket")["spec"]["maxReplicaCount"] += 1


def enlarge_pools(evaluation: Evaluation) -> None:
    parameters = find(evaluation, "Pooler", "grand-bazar-db-pooler")["spec"]["pgbouncer"]["parameters"]
    parameters["default_pool_size"] = str(int(parameters["default_pool_size"]) + 1)


@pytest.mark.parametrize(("change", "more"), [(raise_ceiling, 17), (enlarge_pools, 6)])
def test_it_follows_the_resources(
    change: Callable[[Evaluation], None],
    more: int,
    evaluations: dict[str, Evaluation],
    capacities: dict[str, Capacity],
) -> None:
    changed = copy.deepcopy(evaluations["peak"])
    change(changed)
    assert capacity(changed, plan_of("peak", {})).total == capacities["peak"].total + more


def test_the_page_is_what_the_command_prints(capacities: dict[str, Capacity]) -> None:
    page = (PROJECT_DIR / "docs" / "capacity.md").read_text(encoding="utf-8")
    assert page == as_markdown(capacities.values()), "run `make docs`"
