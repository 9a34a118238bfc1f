"""Types and property names: what a provider would refuse or silently drop."""

from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.conformance.model import Mismatch, Outcome
from rehearsal.conformance.sdk import SdkCheck
from rehearsal.engine.model import UNKNOWN, Asset, Secret

OutcomeOf = Callable[..., Outcome]
FindingOf = Callable[..., Mismatch]

KEY = "aws:kms/key:Key"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
PROVIDER = "pulumi:providers:aws"
CONTAINER = "spec.template.spec.containers[0]"
SCALED = {"apiVersion": "keda.sh/v1", "metadata": {"name": "a"}}


def deployment(**container: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"spec": {"containers": [{"name": "web", "image": "odoo", **container}]}},
        },
    }


def test_right_resources_pass_and_every_property_counts(outcome_of: OutcomeOf) -> None:
    outcome = outcome_of(
        SdkCheck(),
        (KEY, {"description": "a key", "deletionWindowInDays": 30.0, "tags": {"a": "b"}}),
        (DEPLOYMENT, deployment(ports=[{"containerPort": 8069}])),
        ("random:index/randomPassword:RandomPassword", {"length": 20, "special": False}),
    )
    assert not outcome.findings
    # 3; metadata, name, spec, selector, matchLabels, template, spec, containers, name, image, ports, containerPort; 2
    assert (outcome.checked, outcome.total) == (17, 17)


@pytest.mark.parametrize(
    ("token", "inputs", "path", "words"),
    [
        (KEY, {"descripton": "a key"}, "descripton", "description?"),
        (KEY, {"deletionWindowInDays": "thirty"}, "deletionWindowInDays", "a whole number"),
        (KEY, {"deletionWindowInDays": 7.5}, "deletionWindowInDays", "a whole number"),
        (KEY, {"enableKeyRotation": "true"}, "enableKeyRotation", "true or false"),
        (KEY, {"tags": {"stores": 180}}, "tags.stores", "a text"),
        (KEY, {"tags": ["a"]}, "tags", "a map"),
        (KEY, {"policy": {"Version": "2012-10-17"}}, "policy", "a text"),
        (KEY, {"description": Asset("asset", {"text": "x"})}, "description", "a text"),
        ("aws:kms/alias:Alias", {"name": "alias/a"}, "targetKeyId", "it is required"),
        ("aws:kms/kee:Kee", {}, "(type)", "no module kms/kee"),
        ("aws:kms/key:Kee", {}, "(type)", "no resource Kee"),
        ("kubernetes:apps/v1:Deploymnt", {}, "(type)", "no resource Deploymnt"),
        (DEPLOYMENT, deployment(imagePullPolcy="Always"), f"{CONTAINER}.imagePullPolcy", "imagePullPolicy?"),
        (DEPLOYMENT, deployment(ports=[{"name": "http"}]), f"{CONTAINER}.ports[0].containerPort", "required"),
        (DEPLOYMENT, deployment(ports={"containerPort": 1}), f"{CONTAINER}.ports", "a list"),
        (DEPLOYMENT, deployment(stdin="yes"), f"{CONTAINER}.stdin", "true or false"),
        ("kubernetes:keda.sh/v1:ScaledObject", SCALED, "kind", "required"),
        (PROVIDER, {"defaultTag": "{}"}, "defaultTag", "defaultTags?"),
        (PROVIDER, {"skipMetadataApiCheck": "perhaps"}, "skipMetadataApiCheck", "true or false"),
        (PROVIDER, {"defaultTags": '{"tags": ["a"]}'}, "defaultTags.tags", "a map"),
    ],
)  # fmt: skip
def test_seeded_errors_are_found(
    finding_of: FindingOf, token: str, inputs: dict[str, Any], path: str, words: str
) -> None:
    finding = finding_of(SdkCheck(), (token, inputs))
    assert finding.property == path
    assert words in finding.allowed


def test_the_body_of_a_custom_resource_is_left_to_its_crd(outcome_of: OutcomeOf) -> None:
    inputs = {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": {"name": "a"}, "spec": {"x": 1}}
    outcome = outcome_of(SdkCheck(), ("kubernetes:keda.sh/v1alpha1:ScaledObject", inputs))
    assert not outcome.findings
    assert outcome.total == 4


def test_what_is_unknown_passes_and_secrets_are_not_shown(outcome_of: OutcomeOf, finding_of: FindingOf) -> None:
    assert not outcome_of(SdkCheck(), (KEY, {"description": UNKNOWN, "tags": UNKNOWN})).findings
    finding = finding_of(SdkCheck(), (KEY, {"deletionWindowInDays": Secret("hunter2")}))
    assert finding.given == "[secret]"
    finding = finding_of(SdkCheck(), (KEY, {"tags": Secret({"a": 5})}))
    assert finding.given == "[secret]"
