"""The one switch: season peak changes numbers and schedules of stateless things, nothing else."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, reveal

Evaluate = Callable[..., Evaluation]

SERVING_STACKS = ["dev", "outlet", "peak"]
"""Stacks with a retailer and a peak in its calendar."""

MAY_CHANGE = {
    "kubernetes:apps/v1:Deployment": r"\.spec\.replicas|\.spec\.template\.spec\.containers\[0\]\.env\[\d+\]\.value",
    "kubernetes:batch/v1:CronJob": r"\.spec\.(suspend|schedule|timeZone)",
    "kubernetes:core/v1:ResourceQuota": r"\.spec\.hard\.",
    "kubernetes:karpenter.sh/v1:NodePool": r"\.spec\.limits\.",
    "kubernetes:keda.sh/v1alpha1:ScaledObject": r"\.spec\.((min|max)ReplicaCount|fallback\.replicas|triggers)"
    r"|\.metadata\.annotations\.autoscaling\.keda\.sh/paused",
    "kubernetes:policy/v1:PodDisruptionBudget": r"\.spec\.",
    "kubernetes:traefik.io/v1alpha1:Middleware": r"\.spec\.(inFlightReq|rateLimit)\.",
}
"""Type -> the fields that the season may change. Components' own inputs tell of the same numbers."""


def differences(normal: Any, peak: Any, path: str = "") -> Iterator[str]:
    """Paths at which two values differ."""
    if isinstance(normal, dict) and isinstance(peak, dict):
        for key in normal.keys() | peak.keys():
            yield from differences(normal.get(key), peak.get(key), f"{path}.{key}")
    elif isinstance(normal, list) and isinstance(peak, list) and len(normal) == len(peak):
        for position, pair in enumerate(zip(normal, peak, strict=True)):
            yield from differences(*pair, f"{path}[{position}]")
    elif normal != peak:
        yield path


@pytest.fixture(scope="session", params=SERVING_STACKS)
def seasons(request: pytest.FixtureRequest, evaluate_once: Evaluate) -> tuple[Evaluation, Evaluation]:
    """A stack in season normal and in season peak."""
    return evaluate_once(request.param, season="normal"), evaluate_once(request.param, season="peak")


def changed(seasons: tuple[Evaluation, Evaluation]) -> dict[str, list[str]]:
    """URN -> the fields that differ, of what is no component."""
    normal, peak = seasons
    found = {
        urn: list(differences(reveal(resource.inputs), reveal(peak.resources[urn].inputs)))
        for urn, resource in normal.resources.items()
        if resource.custom
    }
    return {urn: paths for urn, paths in found.items() if paths}


def test_the_resources_are_the_same(seasons: tuple[Evaluation, Evaluation]) -> None:
    normal, peak = seasons
    assert list(normal.resources) == list(peak.resources)
    names = [[(each.kind, each.namespace, each.name) for each in kubernetes_objects(season)] for season in seasons]
    assert sorted(names[0], key=str) == sorted(names[1], key=str)
    for urn, resource in normal.resources.items():
        other = peak.resources[urn]
        assert (resource.protect, resource.retain_on_delete) == (other.protect, other.retain_on_delete)


def test_only_numbers_of_stateless_things_change(seasons: tuple[Evaluation, Evaluation]) -> None:
    normal, _ = seasons
    wrong = [
        f"{normal.resources[urn].type} {normal.resources[urn].name}{path}"
        for urn, paths in changed(seasons).items()
        for path in paths
        if not re.match(MAY_CHANGE.get(normal.resources[urn].type, r"(?!)"), path)
    ]
    assert wrong == []


def test_the_season_does_change_something(seasons: tuple[Evaluation, Evaluation]) -> None:
    normal, peak = seasons
    types = {normal.resources[urn].type for urn in changed(seasons)}
    assert {"kubernetes:keda.sh/v1alpha1:ScaledObject", "kubernetes:batch/v1:CronJob"} <= types
    assert (normal.outputs["season"], peak.outputs["season"]) == ("normal", "peak")


def test_a_large_retailer_has_more_pods_ready_in_peak(evaluate_once: Evaluate) -> None:
    normal, peak = evaluate_once("peak", season="normal"), evaluate_once("peak", season="peak")
    floors = [
        sum(
            reveal(each.manifest)["spec"]["minReplicaCount"]
            for each in kubernetes_objects(season)
            if each.kind == "ScaledObject"
        )
        for season in (normal, peak)
    ]
    assert floors[1] > 1.5 * floors[0]
