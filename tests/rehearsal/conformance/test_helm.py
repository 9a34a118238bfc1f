"""Helm values against the keys looked up in the charts."""

from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.conformance.helm import CHARTS_DIR, HelmCheck, chart_keys
from rehearsal.conformance.model import Mismatch, Outcome
from rehearsal.engine.model import Secret
from retail import versions

OutcomeOf = Callable[..., Outcome]
Declared = tuple[str, dict[str, Any]]
FindingOf = Callable[..., Mismatch]


def keda(version: str = versions.KEDA_CHART, **values: Any) -> Declared:
    return "kubernetes:helm.sh/v3:Release", {"chart": "keda", "version": version, "values": values}


def test_right_values_pass(outcome_of: OutcomeOf) -> None:
    good = keda(
        operator={"replicaCount": 2},
        nodeSelector={"retail/pool": "system"},
        resources={"operator": {"requests": {"cpu": "100m"}}},
    )
    outcome = outcome_of(HelmCheck(), good)
    assert (outcome.checked, outcome.total, outcome.findings) == (3, 3, [])


@pytest.mark.parametrize(
    ("values", "path", "words"),
    [
        ({"operator": {"replicas": 2}}, "values.operator.replicas", "operator.replicaCount?"),
        ({"operator": {"replicaCount": "2"}}, "values.operator.replicaCount", "a number"),
        ({"operator": {"replicaCount": True}}, "values.operator.replicaCount", "a number"),
        ({"operator": 2}, "values.operator", ""),
        ({"crds": {"install": "true"}}, "values.crds.install", "a boolean"),
        ({"nodeSelector": {"retail/pool": 1}}, "values.nodeSelector.retail/pool", "a text"),
        ({"webhook": {"replicaCount": 2}}, "values.webhook", "webhooks"),
        ({"resources": {"operator": {"request": {"cpu": "1"}}}}, "values.resources.operator", "ResourceRequirements"),
        ({"resources": {"operator": {"limits": {"cpu": "1 core"}}}}, "values.resources.operator.limits.cpu", "Res"),
        ({"topologySpreadConstraints": {"operator": [{"maxSkew": 0}]}}, "values.topologySpreadConstraints", "[]"),
    ],
)  # fmt: skip
def test_seeded_errors_are_found(outcome_of: OutcomeOf, values: dict[str, Any], path: str, words: str) -> None:
    findings = outcome_of(HelmCheck(), keda(**values)).findings
    assert findings
    assert all(finding.property.startswith(path) for finding in findings)
    assert any(words in finding.allowed for finding in findings)


def test_a_version_without_a_list_of_keys_is_a_finding(outcome_of: OutcomeOf) -> None:
    outcome = outcome_of(HelmCheck(), keda("99.0.0", operator={"replicaCount": 2}))
    assert (outcome.checked, outcome.total) == (0, 1)
    (finding,) = outcome.findings
    assert finding.given == "keda 99.0.0"
    assert versions.KEDA_CHART in finding.allowed


def test_what_a_chart_hands_on_is_not_counted_as_checked(outcome_of: OutcomeOf) -> None:
    values = {"prometheus": {"prometheusSpec": {"storageSpec": {"volumeClaimTemplate": {"a": 1, "b": 2}}}}}
    release = {"chart": "kube-prometheus-stack", "version": versions.KUBE_PROMETHEUS_STACK_CHART, "values": values}
    outcome = outcome_of(HelmCheck(), ("kubernetes:helm.sh/v3:Release", release))
    assert (outcome.checked, outcome.total, outcome.findings) == (0, 2, [])


def test_secrets_are_not_shown(finding_of: FindingOf) -> None:
    finding = finding_of(HelmCheck(), keda(crds={"install": Secret("hunter2")}))
    assert finding.given == "[secret]"


@pytest.mark.parametrize("file", sorted(CHARTS_DIR.glob("*.txt")), ids=lambda file: file.stem)
def test_every_list_says_where_it_comes_from(file: Any) -> None:
    text = file.read_text()
    assert "# Source: " in text
    chart, _, version = file.stem.rpartition("-")
    assert chart_keys(chart, version)
