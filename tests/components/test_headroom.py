"""Headroom pods: the first to give way, and nothing waits for them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components.cluster_defaults import PRIORITIES
from components.headroom import Headroom, HeadroomArgs
from components.placement import Placement
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation
from retail.naming import Identity, Pool
from retail.plan import HeadroomPlan, Plan


@pytest.fixture(scope="module")
def plan(make_test_plan: Callable[..., Plan]) -> HeadroomPlan:
    return make_test_plan().headroom[Pool.WEB]


@pytest.fixture(scope="module")
def evaluation(run_component: Any, identity: Identity, plan: HeadroomPlan) -> Evaluation:
    evaluated: Evaluation = run_component(
        lambda opts, _: Headroom("room", HeadroomArgs(identity=identity, plan=plan), opts)
    )
    return evaluated


@pytest.fixture
def deployment(evaluation: Evaluation) -> dict[str, Any]:
    (found,) = [each.manifest for each in kubernetes_objects(evaluation) if each.kind == "Deployment"]
    return found


def test_any_other_pod_pushes_them_off_and_they_none(deployment: dict[str, Any]) -> None:
    pod = deployment["spec"]["template"]["spec"]
    priority = PRIORITIES[pod["priorityClassName"]]
    assert priority.value < 0, "below a pod that has no class, which counts as 0"
    assert not priority.preempts
    assert priority.value == min(each.value for each in PRIORITIES.values())


def test_nothing_waits_for_them(evaluation: Evaluation, deployment: dict[str, Any]) -> None:
    assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 0
    # A pushed-off pod is pending: `pulumi up` would wait ten minutes for it, and fail.
    assert deployment["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"
    assert not [each for each in kubernetes_objects(evaluation) if each.kind == "PodDisruptionBudget"]
    assert deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 0


def test_each_keeps_room_for_one_pod_on_the_pool_in_all_zones(deployment: dict[str, Any], plan: HeadroomPlan) -> None:
    pod = deployment["spec"]["template"]["spec"]
    assert deployment["spec"]["replicas"] == plan.pods
    (container,) = pod["containers"]
    assert container["resources"]["requests"] == {
        "cpu": f"{plan.cpu_request_millis}m",
        "memory": f"{plan.memory_request_mib}Mi",
    }
    assert "@sha256:" in container["image"]
    assert pod["nodeSelector"] == Placement(Pool.WEB, "acme").labels
    zone, _ = pod["topologySpreadConstraints"]
    assert (zone["whenUnsatisfiable"], zone.get("minDomains")) == ("DoNotSchedule", None)


def test_no_headroom_is_no_component(identity: Identity, plan: HeadroomPlan) -> None:
    with pytest.raises(pulumi.InputPropertiesError, match=r"plan.pods must be at least 1; given 0"):
        HeadroomArgs(identity=identity, plan=replace(plan, pods=0))
