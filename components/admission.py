"""The admission twin: guardrails that one object can show, held by the API server against what goes around Pulumi."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import (
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
)

from retail.naming import CHANGE_CONTROL, LABEL_TENANT, Identity

CATALOGUE = Path(__file__).parents[1] / "policies" / "guardrails" / "admission.toml"
"""Shared with the guardrails, which hold what is deployed against it. Data: nothing of the pack is imported."""

FREEZE_POLICY = "frz-01-freeze"
"""Each retailer binds this one itself, with its own freeze as the parameter (components/freeze_switch.py)."""

NAMESPACE_NAME = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class AdmissionPolicy:
    """One policy of the catalogue. bound: where it holds (see the catalogue's head). spec: with its words filled in."""

    name: str
    bound: str
    spec: dict[str, Any]

    @property
    def binding(self) -> dict[str, Any]:
        """The spec of the binding that comes with the cluster."""
        binding: dict[str, Any] = {"policyName": self.name, "validationActions": ["Deny"]}
        if self.bound == "tenants":
            selector = {"matchExpressions": [{"key": LABEL_TENANT, "operator": "Exists"}]}
            binding["matchResources"] = {"namespaceSelector": selector}
        if self.bound == "change-control":
            binding["matchResources"] = {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: CHANGE_CONTROL}}}
        if self.bound == "cron-jobs":
            binding["paramRef"] = {"selector": {}, "parameterNotFoundAction": "Allow"}
        return binding


def admission_policies(account: str) -> tuple[AdmissionPolicy, ...]:
    """The catalogue, for a cluster in that AWS account."""
    catalogue = _catalogue()
    words = {"account": account}
    for word, text in catalogue["words"].items():  # each may use those before it
        words[word] = _filled(text, words)
    return tuple(
        AdmissionPolicy(each["name"], each["bound"], _filled(each["spec"], words)) for each in catalogue["policies"]
    )


@cache
def _catalogue() -> dict[str, Any]:
    return tomllib.loads(CATALOGUE.read_text())


def _filled(value: Any, words: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, words) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, words) for each in value]
    for word, text in words.items():
        value = value.replace(f"${{{word}}}", text)
    return value


@dataclass(frozen=True, kw_only=True)
class AdmissionArgs:
    """identity: of the cluster's owner."""

    identity: Identity


class Admission(pulumi.ComponentResource):
    """ValidatingAdmissionPolicies for people and for retailers' pods; operators' own accounts pass.

    They bind whoever the API server can tell: teams, break-glass and approvers without a way around. The platform team
    administers the cluster and could take them away, which the audit log shows; for it they are a seat belt.

    Example:
        Admission("admission", AdmissionArgs(identity=identity))
    """

    def __init__(self, name: str, args: AdmissionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        policies = admission_policies(args.identity.account)
        super().__init__("retail:cluster:Admission", name, {"policies": [each.name for each in policies]}, opts)
        for each in policies:
            metadata = {"name": each.name, "labels": args.identity.labels("admission")}
            policy = ValidatingAdmissionPolicy(
                f"{name}-{each.name}", metadata=metadata, spec=each.spec, opts=pulumi.ResourceOptions(parent=self)
            )
            if each.bound != "freeze":
                ValidatingAdmissionPolicyBinding(
                    f"{name}-{each.name}",
                    metadata=metadata,
                    spec=each.binding,
                    opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
                )
        self.register_outputs({})
