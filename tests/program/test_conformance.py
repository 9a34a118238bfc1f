"""Nothing that the pulumi CLI, AWS, the operators or Helm would refuse, in any shipped stack."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.conformance.iam import IamCheck
from rehearsal.conformance.iam_accepted import ACCEPTED
from rehearsal.conformance.model import Check, Outcome
from rehearsal.conformance.run import checks, shipped_stacks
from rehearsal.engine.model import Evaluation

Evaluate = Callable[..., Evaluation]

ALL = checks()
# Below these, properties were added that no check looks at: name them in its table, or lower the bar knowingly.
# Of Helm's values a tenth is Alertmanager's configuration, which its chart hands on as it is.
LEAST_COVERAGE = {"SDK types": 1.0, "AWS models": 0.95, "IAM documents": 1.0, "Helm values": 0.85}


@pytest.mark.parametrize("check", ALL, ids=lambda check: check.name)
def test_a_shipped_stack_is_clean_and_covered(check: Check, deployed: Evaluation) -> None:
    outcome = check.run(deployed)
    assert [f"{finding.resource} {finding}" for finding in outcome.findings] == []
    assert outcome.checked >= LEAST_COVERAGE.get(check.name, 0) * outcome.total


def test_every_acceptance_is_still_needed(evaluate_once: Evaluate) -> None:
    check = IamCheck()
    for stack in shipped_stacks():
        check.run(evaluate_once(stack))
    assert set(check.used) == set(ACCEPTED)


@pytest.mark.parametrize(
    ("check", "token", "path", "value"),
    [
        ("SDK types", "kubernetes:apps/v1:Deployment", ("spec", "replica"), 3),
        ("AWS models", "aws:eks/cluster:Cluster", ("accessConfig", "authenticationMode"), "API_AND_CONFIGMAP"),
        ("IAM documents", "aws:iam/rolePolicy:RolePolicy", ("policy",), '{"Statement": []'),
        ("custom resources", "kubernetes:karpenter.sh/v1:NodePool", ("spec", "limit"), {"cpu": 1}),
        ("Helm values", "kubernetes:helm.sh/v3:Release", ("values", "replicasCount"), 2),
    ],
)
def test_an_error_in_the_real_program_is_found(
    evaluate_once: Evaluate, check: str, token: str, path: tuple[str, ...], value: Any
) -> None:
    broken = copy.copy(evaluate_once("dev"))
    broken.resources = copy.deepcopy(broken.resources)
    resource = next(each for each in broken.resources.values() if each.type == token)
    place: Any = resource.inputs
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    found = {each.name: each.run(broken) for each in ALL}
    assert {name for name, outcome in found.items() if outcome.findings} == {check}
    assert _resources(found[check]) == {f"{token} {resource.name}"}


def _resources(outcome: Outcome) -> set[str]:
    return {finding.resource for finding in outcome.findings}
