import json

import pytest

from rehearsal.engine.aws_outputs.facts import Account
from rehearsal.engine.invokes import INVOKES
from rehearsal.engine.policy_document import policy_document
from rehearsal.errors import UserError

ACCOUNT = Account("111122223333", "eu-central-1")


def test_a_statement_is_rendered_as_the_provider_does() -> None:
    document = policy_document(
        {
            "policyId": "p",
            "statements": [
                {
                    "sid": "Read",
                    "actions": ["s3:GetObject", "s3:PutObject"],
                    "resources": ["arn:aws:s3:::b/&{aws:username}/*"],
                    "principals": [
                        {"type": "AWS", "identifiers": ["a"]},
                        {"type": "Service", "identifiers": ["x", "y"]},
                    ],
                    "conditions": [
                        {"test": "StringEquals", "variable": "k", "values": ["2", "1"]},
                        {"test": "Bool", "variable": "aws:SecureTransport", "values": ["false"]},
                    ],
                },
                {"effect": "Deny", "notActions": ["s3:*"], "notResources": ["*"]},
            ],
        }
    )

    assert document == {
        "Version": "2012-10-17",
        "Id": "p",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": ["s3:PutObject", "s3:GetObject"],
                "Resource": "arn:aws:s3:::b/${aws:username}/*",
                "Principal": {"AWS": "a", "Service": ["y", "x"]},
                "Condition": {"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"k": ["2", "1"]}},
            },
            {"Effect": "Deny", "NotAction": "s3:*", "NotResource": "*"},
        ],
    }
    assert list(document["Statement"][0]) == ["Sid", "Effect", "Action", "Resource", "Principal", "Condition"]


def test_everybody_is_a_star() -> None:
    everybody = policy_document({"statements": [{"principals": [{"type": "*", "identifiers": ["*"]}]}]})
    aws = policy_document({"statements": [{"principals": [{"type": "AWS", "identifiers": ["*"]}]}]})

    assert everybody["Statement"][0]["Principal"] == "*"
    assert aws["Statement"][0]["Principal"] == {"AWS": "*"}


def test_sources_come_first_and_overrides_replace_by_sid() -> None:
    source = json.dumps({"Statement": [{"Sid": "a", "Effect": "Allow"}]})
    override = json.dumps({"Statement": {"Sid": "a", "Effect": "Deny"}})
    own = [{"sid": "b"}]

    document = policy_document(
        {"sourcePolicyDocuments": [source], "statements": own, "overridePolicyDocuments": [override]}
    )

    assert [(s["Sid"], s["Effect"]) for s in document["Statement"]] == [("a", "Deny"), ("b", "Allow")]


def test_one_sid_for_two_statements_is_refused() -> None:
    with pytest.raises(UserError, match="more than one statement has the sid a"):
        policy_document({"statements": [{"sid": "a"}, {"sid": "a"}]})


def test_both_renderings_say_the_same() -> None:
    result = INVOKES["aws:iam/getPolicyDocument:getPolicyDocument"](
        {"statements": [{"actions": ["a<b>&c"], "resources": ["*"]}]}, ACCOUNT
    )

    assert json.loads(result["json"]) == json.loads(result["minifiedJson"])
    assert result["json"].startswith('{\n  "Version": "2012-10-17",\n  "Statement": [\n')
    assert "a\\u003cb\\u003e\\u0026c" in result["minifiedJson"]
