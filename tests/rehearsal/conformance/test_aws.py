"""Enum values and limits of botocore's service models."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rehearsal.conformance.aws import AwsCheck
from rehearsal.conformance.aws_operations import OPERATIONS, AwsType
from rehearsal.conformance.aws_shapes import at, operation
from rehearsal.conformance.model import Mismatch, Outcome
from rehearsal.conformance.sdk_types import resource_inputs
from rehearsal.engine.model import UNKNOWN, Secret

OutcomeOf = Callable[..., Outcome]
FindingOf = Callable[..., Mismatch]

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ROLE = "aws:iam/role:Role"
BUCKET = "aws:s3/bucket:Bucket"
LIFECYCLE = "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
VOLUME = {"blockDeviceMappings": [{"ebs": {"volumeType": "gp9"}}]}
VALKEY = "aws:elasticache/replicationGroup:ReplicationGroup"


@pytest.mark.parametrize(
    ("token", "inputs", "path", "words"),
    [
        (NODE_GROUP, {"capacityType": "SPOTTY"}, "capacityType", "SPOT"),
        (NODE_GROUP, {"taints": [{"key": "a", "effect": "NoSchedule"}]}, "taints[0].effect", "NO_SCHEDULE"),
        (NODE_GROUP, {"scalingConfig": {"minSize": -1}}, "scalingConfig.minSize", "at least 0"),
        (NODE_GROUP, {"nodeGroupNamePrefix": "x" * 38}, "nodeGroupNamePrefix", "at most 37"),
        (ROLE, {"name": "x" * 65}, "name", "at most 64 characters"),
        (ROLE, {"namePrefix": "x" * 39}, "namePrefix", "at most 64 characters"),
        (ROLE, {"name": "a role"}, "name", "what matches"),
        (ROLE, {"tags": {"k" * 129: "v"}}, f"tags.{'k' * 129}", "at most 128"),
        (ROLE, {"tags": {f"k{n}": "v" for n in range(51)}}, "tags", "at most 50 entries"),
        ("aws:kms/key:Key", {"description": "x" * 8193}, "description", "at most 8192"),
        ("aws:cloudwatch/eventRule:EventRule", {"name": "x" * 65}, "name", "at most 64"),
        ("aws:cloudwatch/logGroup:LogGroup", {"name": "/a b"}, "name", "what matches"),
        (LAUNCH_TEMPLATE, {"metadataOptions": {"httpTokens": "must"}}, "metadataOptions.httpTokens", "required"),
        (LAUNCH_TEMPLATE, VOLUME, "blockDeviceMappings[0].ebs.volumeType", "gp3"),
        (LIFECYCLE, {"rules": [{"status": "On"}]}, "rules[0].status", "Enabled, Disabled"),
        (VALKEY, {"transitEncryptionMode": "always"}, "transitEncryptionMode", "required"),
        (VALKEY, {"replicationGroupId": "a" * 41}, "replicationGroupId", "1 to 40"),
        (BUCKET, {"bucket": "Backups"}, "bucket", "3 to 63 lower-case"),
        (BUCKET, {"bucket": "b" * 64}, "bucket", "3 to 63 lower-case"),
        ("aws:ec2/subnet:Subnet", {"mapPublicIpOnLaunch": "no"}, "mapPublicIpOnLaunch", "true or false"),
        ("aws:ec2/subnet:Subnet", {"tags": {"Name": "x" * 10, "aws": 5}}, "tags.aws", "a text"),
    ],
)  # fmt: skip
def test_seeded_errors_are_found(
    finding_of: FindingOf, token: str, inputs: dict[str, Any], path: str, words: str
) -> None:
    finding = finding_of(AwsCheck(), (token, inputs))
    assert finding.property == path
    assert words in finding.allowed


def test_what_no_member_stands_for_is_not_counted_as_checked(outcome_of: OutcomeOf) -> None:
    outcome = outcome_of(
        AwsCheck(),
        (BUCKET, {"bucket": "backups", "forceDestroy": False, "unheardOf": {"a": 1, "b": [1, 2]}}),
        ("aws:backup/vault:Vault", {"name": "vault"}),
    )
    assert not outcome.findings
    assert (outcome.checked, outcome.total) == (1, 5)
    assert outcome.unchecked["type not in the table: aws:backup/vault:Vault"] == 1
    assert outcome.unchecked["no member of that name: aws:s3/bucket:Bucket unheardOf"] == 2


def test_what_is_unknown_is_not_checked_and_secrets_are_not_shown(outcome_of: OutcomeOf, finding_of: FindingOf) -> None:
    outcome = outcome_of(AwsCheck(), (ROLE, {"name": UNKNOWN, "description": "x"}))
    assert (outcome.checked, outcome.total) == (1, 2)
    finding = finding_of(AwsCheck(), (VALKEY, {"authToken": Secret("hunter2")}))
    assert finding.given == "[secret]"


def renames() -> Iterator[tuple[str, AwsType, str, str]]:
    for token, entry in OPERATIONS.items():
        for path, target in entry.members.items():
            if target and "." not in path:
                yield token, entry, path, target


@pytest.mark.parametrize(("token", "entry", "path", "target"), list(renames()), ids=lambda value: str(value)[:40])
def test_every_entry_of_the_table_names_what_exists(token: str, entry: AwsType, path: str, target: str) -> None:
    name, _, inside = target.partition(".")
    assert name in entry.operations or operation(entry.service, name)
    assert not inside or at(operation(entry.service, name).input_shape, inside)
    assert path in (resource_inputs(token) or {})


def test_a_member_that_the_model_lost_is_told(outcome_of: OutcomeOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OPERATIONS, ROLE, AwsType("iam", ("CreateRole",), {"name": "CreateRole.Nickname"}))
    with pytest.raises(KeyError, match="CreateRoleRequest has no member Nickname"):
        outcome_of(AwsCheck(), (ROLE, {"name": "a"}))
