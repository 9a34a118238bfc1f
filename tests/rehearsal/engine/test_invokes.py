import pytest

from rehearsal.engine.aws_outputs.facts import Account
from rehearsal.engine.invokes import INVOKES

GERMANY = Account("111122223333", "eu-central-1")


def call(name: str, arguments: dict[str, object], account: Account = GERMANY) -> dict[str, object]:
    return INVOKES[f"aws:index/{name}:{name}"](arguments, account)


def test_the_caller_is_of_the_providers_account() -> None:
    identity = call("getCallerIdentity", {})

    assert identity["accountId"] == "111122223333"
    assert str(identity["arn"]).startswith("arn:aws:sts::111122223333:")


def test_the_region_is_the_providers_or_the_one_asked_for() -> None:
    assert call("getRegion", {})["region"] == "eu-central-1"
    assert call("getRegion", {"region": "eu-west-1"})["endpoint"] == "ec2.eu-west-1.amazonaws.com"


@pytest.mark.parametrize(
    ("region", "partition", "suffix", "reverse"),
    [
        ("eu-central-1", "aws", "amazonaws.com", "com.amazonaws"),
        ("cn-north-1", "aws-cn", "amazonaws.com.cn", "cn.com.amazonaws"),
        ("us-gov-west-1", "aws-us-gov", "amazonaws.com", "com.amazonaws"),
    ],
)
def test_the_partition_follows_the_region(region: str, partition: str, suffix: str, reverse: str) -> None:
    answer = call("getPartition", {}, Account("111122223333", region))

    assert (answer["partition"], answer["dnsSuffix"], answer["reverseDnsPrefix"]) == (partition, suffix, reverse)


def test_there_are_three_zones_less_those_excluded() -> None:
    assert call("getAvailabilityZones", {})["names"] == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    some = call("getAvailabilityZones", {"excludeNames": ["eu-central-1a"], "excludeZoneIds": ["euc1-az3"]})
    assert some["zoneIds"] == ["euc1-az2"]
