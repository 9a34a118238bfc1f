"""The tokens that rules look for are those that Pulumi's SDK gives its classes; a typo would be a rule that is dead."""

import importlib
import re

import pytest

from guardrails import kinds
from rehearsal.crds.catalogue import load_crds

TOKENS = {name: value for name, value in vars(kinds).items() if name.isupper() and isinstance(value, str)}
COMPONENTS = {name for name, value in TOKENS.items() if value.startswith(("retail:", "pulumi:"))}
REFUSED = {"GATEWAY"}
"""Of the Gateway API (kubernetes-sigs/gateway-api, v1), which no chart of ours installs: a rule refuses it."""
CLASSES = {
    name: value
    for name, value in TOKENS.items()
    if name not in COMPONENTS | REFUSED
    and (value.startswith(("aws:", "random:")) or ".k8s.io/" in value or re.search(r":([a-z]+|helm\.sh)/v\d", value))
}
CUSTOM = {name: value for name, value in TOKENS.items() if name not in COMPONENTS | REFUSED | CLASSES.keys()}


@pytest.mark.parametrize("name", CLASSES)
def test_a_token_is_its_class_s_own(name: str) -> None:
    package, module, kind = CLASSES[name].split(":")
    if package == "random":
        path = "pulumi_random"
    else:
        path = f"pulumi_aws.{module.partition('/')[0]}" if package == "aws" else _kubernetes(module)
    assert getattr(importlib.import_module(path), kind).pulumi_type == CLASSES[name]


def _kubernetes(module: str) -> str:
    group, _, version = module.partition("/")
    first = group.removesuffix(".k8s.io").partition(".")[0]
    return f"pulumi_kubernetes.{'helm' if group == 'helm.sh' else first}.{version}"


@pytest.mark.parametrize("name", CUSTOM)
def test_a_custom_resource_s_token_is_one_of_its_operator(name: str) -> None:
    _, module, kind = CUSTOM[name].split(":")
    group, _, version = module.partition("/")
    served = {
        (crd["spec"]["group"], one["name"], crd["spec"]["names"]["kind"])
        for crd in load_crds()
        for one in crd["spec"]["versions"]
    }
    assert (group, version, kind) in served


def test_components_are_those_of_the_program() -> None:
    assert {TOKENS[name] for name in COMPONENTS} <= {
        "retail:platform:Retailer",
        "pulumi:pulumi:Stack",
        "pulumi:providers:aws",
        "pulumi:providers:kubernetes",
    }
