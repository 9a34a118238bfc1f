import importlib
import json
from typing import Any

import pytest
from pulumi import _types

from rehearsal.engine.aws_outputs.facts import Account, short_region, zone_id
from rehearsal.engine.aws_outputs.table import RULES, aws_outputs, covered_types
from rehearsal.engine.computed import Computed, NotCoveredError
from rehearsal.engine.model import UNKNOWN, Resource, Secret

ACCOUNT = Account("111122223333", "eu-central-1", {"owner": "platform", "tier": "default"})


def answer(token: str, inputs: dict[str, Any], name: str = "n", others: tuple[Resource, ...] = ()) -> Computed:
    resource = Resource(f"urn:pulumi:dev::demo::{token}::{name}", token, name, "", True, inputs, {})
    return aws_outputs(resource, ACCOUNT, {other.id: other for other in others}.get)


def sdk_class(token: str) -> Any:
    _, module, name = token.split(":")
    return getattr(importlib.import_module(f"pulumi_aws.{module.partition('/')[0]}"), name)


@pytest.mark.parametrize("token", sorted(covered_types()))
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_every_row_is_a_type_of_the_sdk_with_outputs_of_that_type(token: str) -> None:
    cls = sdk_class(token)
    python_names = _types.resource_pulumi_to_py_names(cls)
    properties = {name for name, value in vars(cls).items() if isinstance(value, property)}

    computed = answer(token, {})

    assert cls.pulumi_type == token
    assert {python_names.get(name, name) for name in computed.outputs} <= properties


@pytest.mark.parametrize("token", sorted(covered_types()))
def test_every_row_bears_unknown_inputs_and_answers_the_same_every_time(token: str) -> None:
    python_names = _types.resource_pulumi_to_py_names(sdk_class(token))
    unknown = dict.fromkeys(python_names, UNKNOWN)

    answer(token, unknown)

    assert answer(token, {}) == answer(token, {})
    assert json.dumps(answer(token, {}).outputs)


def test_resources_of_one_type_differ() -> None:
    vpc = "aws:ec2/vpc:Vpc"

    assert answer(vpc, {}, "a").id != answer(vpc, {}, "b").id


def test_an_uncovered_type_is_refused() -> None:
    assert "aws:rds/cluster:Cluster" not in RULES
    with pytest.raises(NotCoveredError):
        answer("aws:rds/cluster:Cluster", {})


def test_names_are_given_or_made_from_the_logical_one() -> None:
    role = "aws:iam/role:Role"

    assert answer(role, {"name": "given"}).id == "given"
    made = answer(role, {}, "web")
    assert made.outputs["name"].startswith("web-")
    assert made.outputs["name"] in made.outputs["arn"]
    assert answer(role, {"namePrefix": "pre-"}).outputs["name"].startswith("pre-")
    assert answer("aws:kms/alias:Alias", {}, "data").outputs["name"].startswith("alias/data-")
    assert answer("aws:sqs/queue:Queue", {"fifoQueue": True}).outputs["name"].endswith(".fifo")


def test_tags_are_the_resources_over_the_providers() -> None:
    tags = answer("aws:s3/bucket:Bucket", {"tags": {"tier": "web"}}).outputs["tagsAll"]

    assert tags == {"owner": "platform", "tier": "web"}


def test_a_resource_may_be_in_another_region_than_its_provider() -> None:
    key = answer("aws:kms/key:Key", {"region": "eu-west-1"}).outputs

    assert key["region"] == "eu-west-1"
    assert key["arn"].startswith("arn:aws:kms:eu-west-1:111122223333:key/")


def test_global_services_have_no_region() -> None:
    role = answer("aws:iam/role:Role", {"name": "r", "path": "/retail/"}).outputs

    assert role["arn"] == "arn:aws:iam::111122223333:role/retail/r"
    assert "region" not in role


def test_a_bucket() -> None:
    bucket = answer("aws:s3/bucket:Bucket", {"bucket": "data"})

    assert bucket.id == "data"
    assert bucket.outputs["arn"] == "arn:aws:s3:::data"
    assert bucket.outputs["bucketRegionalDomainName"] == "data.s3.eu-central-1.amazonaws.com"
    assert answer("aws:s3/bucketPolicy:BucketPolicy", {"bucket": "data"}).id == "data"


def test_a_cluster_finds_its_vpc_through_its_subnets() -> None:
    subnet = Resource("u", "aws:ec2/subnet:Subnet", "s", "", True, {}, {"vpcId": "vpc-1"}, id="subnet-1")
    inputs = {"name": "c", "vpcConfig": {"subnetIds": ["subnet-1"], "endpointPrivateAccess": True}}

    cluster = answer("aws:eks/cluster:Cluster", inputs, others=(subnet,)).outputs

    assert cluster["vpcConfig"]["vpcId"] == "vpc-1"
    assert cluster["vpcConfig"]["endpointPrivateAccess"] is True
    assert cluster["vpcConfig"]["clusterSecurityGroupId"].startswith("sg-0")
    issuer = cluster["identities"][0]["oidcs"][0]["issuer"]
    assert issuer.rpartition("/")[2] in cluster["endpoint"]


@pytest.mark.parametrize(
    ("inputs", "primary", "configuration"),
    [
        ({}, "r.", ""),
        ({"transitEncryptionEnabled": True}, "master.r.", ""),
        ({"transitEncryptionEnabled": True, "numNodeGroups": 2}, "", "clustercfg.r."),
    ],
)
def test_endpoints_of_a_replication_group(inputs: dict[str, Any], primary: str, configuration: str) -> None:
    token = "aws:elasticache/replicationGroup:ReplicationGroup"
    group = answer(token, {"replicationGroupId": "r", **inputs}).outputs

    assert group["primaryEndpointAddress"].startswith(primary)
    assert bool(group["primaryEndpointAddress"]) == bool(primary)
    assert group["configurationEndpointAddress"].startswith(configuration)


def test_a_replica_key_has_the_id_of_its_primary() -> None:
    primary = answer("aws:kms/key:Key", {"multiRegion": True}).outputs
    replica = answer("aws:kms/replicaKey:ReplicaKey", {"primaryKeyArn": primary["arn"], "region": "eu-west-1"}).outputs

    assert primary["keyId"].startswith("mrk-")
    assert replica["keyId"] == primary["keyId"]
    assert replica["arn"] != primary["arn"]


@pytest.mark.parametrize(
    ("name", "fqdn"),
    [("shop", "shop.acme.example"), ("shop.acme.example", "shop.acme.example"), ("", "acme.example")],
)
def test_a_record_is_completed_by_its_zone(name: str, fqdn: str) -> None:
    zone = Resource("u", "aws:route53/zone:Zone", "z", "", True, {}, {"name": "acme.example"}, id="Z1")
    record = answer("aws:route53/record:Record", {"name": name, "zoneId": "Z1", "type": "A"}, others=(zone,))

    assert record.outputs["fqdn"] == fqdn


def test_secret_inputs_are_read_but_not_kept_wrapped() -> None:
    assert answer("aws:sns/topic:Topic", {"name": Secret("t")}).outputs["arn"].endswith(":t")


@pytest.mark.parametrize(
    ("region", "short"),
    [("eu-central-1", "euc1"), ("us-east-1", "use1"), ("ap-southeast-2", "apse2"), ("us-gov-west-1", "usgw1")],
)
def test_regions_are_abbreviated_as_aws_does(region: str, short: str) -> None:
    assert short_region(region) == short
    assert zone_id(f"{region}b") == f"{short}-az2"
