"""Retailers on the same platform share no name: neither could take the other's place, nor read what is the other's."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, reveal
from retail.naming import CHANGE_CONTROL

Evaluate = Callable[..., Evaluation]

PLATFORM = ["platform", "training", "outlet"]
"""The platform and the stacks on it."""

AWS_NAMES = {
    "aws:iam/role:Role": "name",
    "aws:s3/bucket:Bucket": "bucket",
    "aws:secretsmanager/secret:Secret": "name",
    "aws:kms/alias:Alias": "name",
    "aws:elasticache/replicationGroup:ReplicationGroup": "replicationGroupId",
    "aws:eks/nodeGroup:NodeGroup": "nodeGroupNamePrefix",
}


@pytest.fixture(scope="session")
def neighbours(evaluate_once: Evaluate) -> dict[str, Evaluation]:
    return {stack: evaluate_once(stack) for stack in PLATFORM}


def shared_by_any(found: dict[str, set[Any]]) -> set[Any]:
    """What is in more than one of the sets."""
    every = [item for items in found.values() for item in items]
    return {item for item in every if every.count(item) > 1}


def test_no_object_has_another_stacks_name(neighbours: dict[str, Evaluation]) -> None:
    found: dict[str, set[Any]] = {
        stack: {
            (each.api_version.rpartition("/")[0], each.kind, each.namespace, each.name)
            for each in kubernetes_objects(evaluation)
        }
        for stack, evaluation in neighbours.items()
    }
    assert shared_by_any(found) == set()


@pytest.mark.parametrize(("resource_type", "name"), AWS_NAMES.items())
def test_nothing_in_aws_has_another_stacks_name(
    neighbours: dict[str, Evaluation], resource_type: str, name: str
) -> None:
    found: dict[str, set[Any]] = {
        stack: {each.inputs[name] for each in evaluation.resources.values() if each.type == resource_type}
        for stack, evaluation in neighbours.items()
    }
    assert any(found.values())
    assert shared_by_any(found) == set()


def test_no_workload_selects_another_stacks_pods(neighbours: dict[str, Evaluation]) -> None:
    """Within a namespace by labels, and a namespace is one stack's: only the database tenant goes to the platform's.

    In the one for everybody's switches are CronJobs alone, whose Jobs know their pods by a uid of their own.
    """
    namespaces: dict[str, set[Any]] = {
        stack: {each.namespace for each in kubernetes_objects(evaluation) if each.kind in ("Deployment", "CronJob")}
        for stack, evaluation in neighbours.items()
    }
    assert all(namespaces.values())
    assert shared_by_any(namespaces) == {CHANGE_CONTROL}
    together = [
        (stack, each.kind)
        for stack, evaluation in neighbours.items()
        for each in kubernetes_objects(evaluation)
        if each.namespace == CHANGE_CONTROL and each.kind not in ("ConfigMap", "ServiceAccount", "Role", "RoleBinding")
    ]
    assert [kind for stack, kind in together if stack != "platform"] == ["CronJob", "CronJob"]
    assert {kind for _, kind in together} == {"CronJob", "NetworkPolicy", "ResourceQuota", "LimitRange"}


def test_nodes_of_a_segmented_retailer_are_its_own(neighbours: dict[str, Evaluation]) -> None:
    taints: dict[str, set[Any]] = {}
    for stack, evaluation in neighbours.items():
        pools = [reveal(each.manifest) for each in kubernetes_objects(evaluation) if each.kind == "NodePool"]
        taints[stack] = {
            (taint["key"], taint["value"])
            for pool in pools
            for taint in pool["spec"]["template"]["spec"]["taints"]
            if taint["key"] == "retail/tenant"
        }
        assert len(taints[stack]) == (0 if stack == "training" else 1), stack
    assert shared_by_any(taints) == set()


def test_policies_of_one_retailer_name_nothing_of_the_others(neighbours: dict[str, Evaluation]) -> None:
    """IAM policies are cut to the retailer's own secret paths and buckets."""
    roots = {
        "training": ("retail/grand-bazar/training/", "grand-bazar-training-"),
        "outlet": ("retail/outlet/production/", "outlet-production-"),
    }
    for stack, others in (("training", "outlet"), ("outlet", "training")):
        policies = [
            json.dumps(reveal(each.inputs["policy"]))
            for each in neighbours[stack].resources.values()
            if each.type in ("aws:iam/rolePolicy:RolePolicy", "aws:s3/bucketPolicy:BucketPolicy")
        ]
        assert any(roots[stack][0] in policy for policy in policies)
        assert not [policy for policy in policies if any(root in policy for root in roots[others])]


def test_a_shared_retailer_has_its_own_place_in_the_platforms_database(neighbours: dict[str, Evaluation]) -> None:
    training = {each.kind: reveal(each.manifest) for each in kubernetes_objects(neighbours["training"])}
    platform = [reveal(each.manifest) for each in kubernetes_objects(neighbours["platform"]) if each.kind == "Cluster"]
    database, role = training["Database"], training["DatabaseRole"]
    (cluster,) = platform
    assert database["spec"]["cluster"]["name"] == role["spec"]["cluster"]["name"] == cluster["metadata"]["name"]
    assert database["metadata"]["namespace"] == cluster["metadata"]["namespace"]
    assert database["spec"]["owner"] == role["spec"]["name"]
    assert role["metadata"]["name"].startswith("grand-bazar-training")
    assert 0 < role["spec"]["connectionLimit"] <= 60
