from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import UNKNOWN, Evaluation, Resource, Secret
from rehearsal.errors import RehearsalError

PROGRAM = """
import pulumi, pulumi_kubernetes as k8s, pulumi_random as random

provider = pulumi.ResourceOptions(provider=k8s.Provider("cluster", kubeconfig="{}"))
k8s.apps.v1.Deployment("web", metadata={"name": "web", "namespace": "shop"}, spec={"replicas": 2}, opts=provider)
k8s.core.v1.Namespace("shop", metadata={"name": "shop"}, opts=provider)
k8s.core.v1.Secret("login", metadata={"name": "login", "namespace": "shop"},
    string_data={"p": random.RandomPassword("p", length=9).result}, opts=provider)
k8s.apiextensions.CustomResource("db", api_version="postgresql.cnpg.io/v1", kind="Cluster",
    metadata={"name": "db", "namespace": "shop", "labels": {"id": random.RandomId("r", byte_length=2).hex}},
    spec={"instances": 3}, opts=provider)
k8s.helm.v3.Release("operator", chart="operator", name="operator", opts=provider)
"""


def resource(token: str, name: str, inputs: dict[str, Any]) -> Resource:
    return Resource(f"urn:pulumi:dev::demo::{token}::{name}", token, name, "", True, inputs, {})


def evaluation_of(*resources: Resource) -> Evaluation:
    return Evaluation("demo", "dev", False, {}, frozenset(), {r.urn: r for r in resources}, {}, {})


def test_objects_are_found_with_their_identity_and_manifest(write_project: Callable[..., Path]) -> None:
    evaluation = evaluate(write_project(PROGRAM), "dev", preview=True)

    objects = {found.name: found for found in kubernetes_objects(evaluation)}

    assert {(o.api_version, o.kind, o.namespace, o.name) for o in objects.values()} == {
        ("apps/v1", "Deployment", "shop", "web"),
        ("v1", "Namespace", None, "shop"),
        ("v1", "Secret", "shop", "login"),
        ("postgresql.cnpg.io/v1", "Cluster", "shop", "db"),
    }
    assert objects["web"].manifest == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {"replicas": 2},
    }
    assert isinstance(objects["login"].manifest["stringData"], Secret)
    assert objects["db"].manifest["metadata"]["labels"]["id"] is UNKNOWN


def test_a_manifest_is_a_copy() -> None:
    declared = resource("kubernetes:core/v1:ConfigMap", "c", {"metadata": {"name": "c"}, "data": {"a": "1"}})

    kubernetes_objects(evaluation_of(declared))[0].manifest["data"]["a"] = "2"

    assert declared.inputs["data"] == {"a": "1"}


def test_version_and_kind_come_from_the_type_where_they_are_left_out() -> None:
    declared = resource("kubernetes:core/v1:ConfigMap", "c", {"metadata": {"name": "c"}})

    assert kubernetes_objects(evaluation_of(declared))[0].manifest["apiVersion"] == "v1"


def test_names_must_be_explicit_and_patches_are_refused() -> None:
    evaluation = evaluation_of(
        resource("kubernetes:core/v1:ConfigMap", "a", {"metadata": {"generateName": "a-"}}),
        resource("kubernetes:core/v1:ConfigMap", "b", {}),
        resource("kubernetes:core/v1:ConfigMap", "c", {"metadata": {"name": UNKNOWN}}),
        resource("kubernetes:core/v1:ConfigMapPatch", "d", {"metadata": {"name": "d"}}),
    )

    with pytest.raises(RehearsalError) as caught:
        kubernetes_objects(evaluation)

    message = str(caught.value)
    assert all(f"{name} (kubernetes:core/v1:ConfigMap) has no explicit metadata.name" in message for name in "abc")
    assert "d (kubernetes:core/v1:ConfigMapPatch) is a patch" in message
