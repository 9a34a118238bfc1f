"""IAM documents: what parliament finds, and what is accepted and why."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.loaders import Loader

from rehearsal.conformance.iam import IamCheck
from rehearsal.conformance.iam_accepted import ACCEPTED, NEW_ACTIONS
from rehearsal.conformance.model import Mismatch, Outcome
from rehearsal.engine.model import UNKNOWN

OutcomeOf = Callable[..., Outcome]
FindingOf = Callable[..., Mismatch]

ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
SERVICES = {"elasticloadbalancing": "elbv2"}
"""botocore's names of services that IAM has under another one."""


def policy(**statement: Any) -> dict[str, Any]:
    given = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::backups/*"} | statement
    return {"role": "web", "policy": json.dumps({"Version": "2012-10-17", "Statement": [given]})}


@pytest.mark.parametrize(
    ("statement", "issue"),
    [
        ({"Action": "s3:GetObjects"}, "UNKNOWN_ACTION"),
        ({"Action": "s3:Fetch*"}, "UNKNOWN_ACTION"),
        ({"Action": "s4:GetObject"}, "UNKNOWN_PREFIX"),
        ({"Condition": {"StringEqual": {"aws:PrincipalTag/a": "b"}}}, "UNKNOWN_OPERATOR"),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "here"}}}, "MISMATCHED_TYPE"),
        ({"Condition": {"StringEquals": {"s3:prefix": "a"}}}, "UNKNOWN_CONDITION_FOR_ACTION"),
        ({"Resource": "arn:aws:s3:::backups"}, "RESOURCE_MISMATCH"),
        ({"Resource": "backups/*"}, "INVALID_ARN"),
        ({"Resource": "*"}, "RESOURCE_STAR"),
        ({"Effect": "Permit"}, "MALFORMED"),
        ({"Sid": "not allowed"}, "INVALID_SID"),
    ],
)
def test_seeded_errors_are_found(finding_of: FindingOf, statement: dict[str, Any], issue: str) -> None:
    finding = finding_of(IamCheck(), (ROLE_POLICY, policy(**statement)))
    assert finding.property == "policy"
    assert finding.given.startswith(f"{issue}:")


def test_a_right_policy_passes(outcome_of: OutcomeOf) -> None:
    outcome = outcome_of(IamCheck(), (ROLE_POLICY, policy()), ("aws:iam/role:Role", {"name": "a"}))
    assert (outcome.checked, outcome.total, outcome.findings) == (1, 1, [])


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"Statement": ["a"]}'])
def test_what_is_no_document_is_found(finding_of: FindingOf, text: str) -> None:
    assert finding_of(IamCheck(), (ROLE_POLICY, {"policy": text})).given.startswith("MALFORMED")


def trust(action: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": action, "Principal": {"Service": "pods.eks.amazonaws.com"}}
    return {"assumeRolePolicy": json.dumps({"Version": "2012-10-17", "Statement": statement})}


def test_trust_policies_are_linted_though_they_name_no_resource(outcome_of: OutcomeOf, finding_of: FindingOf) -> None:
    assert not outcome_of(IamCheck(), ("aws:iam/role:Role", trust("sts:AssumeRole"))).findings
    assert "AsumeRole" in finding_of(IamCheck(), ("aws:iam/role:Role", trust("sts:AsumeRole"))).given


def test_statements_are_judged_together(outcome_of: OutcomeOf) -> None:
    """RunInstances needs several kinds of resource; AWS doesn't mind which statement names them."""
    kinds = ("image", "instance", "network-interface", "security-group", "subnet", "volume")
    statements = [
        {"Effect": "Allow", "Action": "ec2:RunInstances", "Resource": f"arn:aws:ec2:eu-west-1:{owner}:{kind}/*"}
        for kind in kinds
        for owner in ("" if kind == "image" else "111122223333",)
    ]

    def given(part: list[dict[str, str]]) -> dict[str, Any]:
        return {"role": "a", "policy": json.dumps({"Version": "2012-10-17", "Statement": part})}

    assert not outcome_of(IamCheck(), (ROLE_POLICY, given(statements))).findings
    missing = outcome_of(IamCheck(), (ROLE_POLICY, given(statements[:-2]))).findings
    assert missing
    assert all("subnet" in finding.given for finding in missing)


def test_condition_keys_of_the_resource_are_known(outcome_of: OutcomeOf, finding_of: FindingOf) -> None:
    def on_key(condition_key: str) -> dict[str, Any]:
        condition = {"ForAnyValue:StringEquals": {condition_key: "alias/a"}}
        key = "arn:aws:kms:eu-west-1:111122223333:key/*"
        return policy(Action="kms:Decrypt", Resource=key, Condition=condition)

    assert not outcome_of(IamCheck(), (ROLE_POLICY, on_key("kms:ResourceAliases"))).findings
    assert "kms:ResourceAlias " in finding_of(IamCheck(), (ROLE_POLICY, on_key("kms:ResourceAlias"))).given


def test_an_accepted_finding_hides_no_other(finding_of: FindingOf) -> None:
    """An action newer than parliament's data must not end its look at the rest of the statement."""
    star = policy(Action=[*NEW_ACTIONS, "s3:GetObjects"], Resource="*")
    assert "s3:GetObjects" in finding_of(IamCheck(), (ROLE_POLICY, star)).given


def test_sizes_are_those_of_the_quotas_and_inline_policies_add_up(outcome_of: OutcomeOf) -> None:
    half = policy(Resource=[f"arn:aws:s3:::backups/{number:05}/*" for number in range(200)])
    assert not outcome_of(IamCheck(), (ROLE_POLICY, half)).findings
    (finding,) = outcome_of(IamCheck(), (ROLE_POLICY, half), (ROLE_POLICY, half)).findings
    assert finding.allowed == "at most 10,240 (AWS quota)"


def test_an_unknown_document_is_not_counted_as_checked(outcome_of: OutcomeOf) -> None:
    outcome = outcome_of(IamCheck(), (ROLE_POLICY, {"policy": UNKNOWN}))
    assert (outcome.checked, outcome.total) == (0, 1)


@pytest.mark.parametrize("action", NEW_ACTIONS)
def test_new_actions_are_operations_of_botocore(action: str) -> None:
    prefix, _, name = action.partition(":")
    model = Loader().load_service_model(SERVICES.get(prefix, prefix), "service-2")
    assert name in model["operations"]


def test_every_acceptance_has_a_reason_and_is_narrow() -> None:
    assert all(entry.reason and (entry.type or entry.name or entry.detail) for entry in ACCEPTED)
