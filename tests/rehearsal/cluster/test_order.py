"""The order of application: the program's own dependencies, through components, and what the API server insists on."""

from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.cluster.order import Order, order
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, Resource

Make = Callable[..., Resource]


def ordered(evaluation: Evaluation) -> Order:
    return order(evaluation, kubernetes_objects(evaluation))


def wave_of(result: Order, name: str) -> int:
    return next(number for number, wave in enumerate(result.waves) for item in wave if item.name == name)


@pytest.fixture
def deployment(kubernetes: Make) -> Make:
    def make(name: str, **options: Any) -> Resource:
        return kubernetes("Deployment", name, api_version="apps/v1", **options)

    return make


def test_every_object_is_applied_once_and_after_all_it_needs(
    deployment: Make, program: Callable[..., Evaluation]
) -> None:
    first = deployment("first")
    second = deployment("second", dependencies=(first.urn,))
    third = deployment("third", property_dependencies={"spec": (second.urn,)})
    result = ordered(program(first, second, third, deployment("apart")))
    assert sorted(item.name for wave in result.waves for item in wave) == ["apart", "first", "second", "third"]
    assert wave_of(result, "first") < wave_of(result, "second") < wave_of(result, "third")
    assert wave_of(result, "apart") == wave_of(result, "first")
    assert result.needs[third.urn] == {first.urn, second.urn}


def test_depending_on_a_component_means_all_its_children(
    deployment: Make, resource: Make, program: Callable[..., Evaluation]
) -> None:
    outer = resource("retail:x:Outer", "outer", custom=False)
    inner = resource("retail:x:Inner", "inner", custom=False, parent=outer.urn)
    child = deployment("child", parent=inner.urn)
    after = deployment("after", dependencies=(outer.urn,))
    result = ordered(program(outer, inner, child, after))
    assert result.needs[after.urn] == {child.urn}
    assert wave_of(result, "child") < wave_of(result, "after")


def test_children_wait_for_what_their_component_depends_on(
    deployment: Make, resource: Make, program: Callable[..., Evaluation]
) -> None:
    before = deployment("before")
    component = resource("retail:x:C", "component", custom=False, dependencies=(before.urn,))
    child = deployment("child", parent=component.urn)
    sibling = deployment("sibling", parent=component.urn)
    result = ordered(program(before, component, child, sibling))
    assert result.needs[child.urn] == result.needs[sibling.urn] == {before.urn}


def test_dependencies_reach_through_resources_outside_kubernetes(
    deployment: Make, resource: Make, program: Callable[..., Evaluation]
) -> None:
    first = deployment("first")
    bucket = resource("aws:s3/bucket:Bucket", "bucket", dependencies=(first.urn,))
    last = deployment("last", property_dependencies={"spec": (bucket.urn,)})
    assert ordered(program(first, bucket, last)).needs[last.urn] == {first.urn}


def test_a_child_that_depends_on_its_own_component_needs_its_elder_siblings_only(
    deployment: Make, resource: Make, program: Callable[..., Evaluation]
) -> None:
    component = resource("retail:x:C", "component", custom=False)
    elder = deployment("elder", parent=component.urn)
    child = deployment("child", parent=component.urn, dependencies=(component.urn,))
    younger = deployment("younger", parent=component.urn)
    result = ordered(program(component, elder, child, younger))
    assert result.needs[child.urn] == {elder.urn}
    assert result.needs[younger.urn] == frozenset()


def test_a_namespace_and_a_definition_come_before_what_needs_them_however_late_they_are(
    kubernetes: Make, deployment: Make, program: Callable[..., Evaluation]
) -> None:
    late = deployment("late")
    namespace = kubernetes("Namespace", "shop", dependencies=(late.urn,))
    inside = kubernetes("ConfigMap", "inside", namespace="shop")
    definition = kubernetes(
        "CustomResourceDefinition",
        "tills.retail",
        {"spec": {"group": "retail.example", "names": {"kind": "Till"}}},
        api_version="apiextensions.k8s.io/v1",
        dependencies=(late.urn,),
    )
    till = kubernetes("Till", "till", api_version="retail.example/v1", namespace="elsewhere")
    result = ordered(program(late, namespace, inside, definition, till))
    assert wave_of(result, "shop") < wave_of(result, "inside")
    assert wave_of(result, "tills.retail") < wave_of(result, "till")
    assert namespace.urn in result.needs[inside.urn]


def test_quotas_limits_and_accounts_come_before_workloads(
    kubernetes: Make, deployment: Make, program: Callable[..., Evaluation]
) -> None:
    objects = [
        deployment("web", namespace="shop"),
        kubernetes("LimitRange", "limits", namespace="shop"),
        kubernetes("Namespace", "shop"),
    ]
    result = ordered(program(*objects))
    assert [item.name for wave in result.waves for item in wave] == ["shop", "limits", "web"]
