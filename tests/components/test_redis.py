"""The session store, managed and as a pod."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.managed_valkey import ManagedValkeyArgs, group_id, maintenance_window
from components.redis import Redis, RedisArgs, session_environment
from rehearsal.engine.kubernetes_objects import KubernetesObject, kubernetes_objects
from rehearsal.engine.model import UNKNOWN, Evaluation, Secret, reveal
from retail.naming import Identity
from retail.objectives import OBJECTIVES, ObjectiveClass

SUBNETS = {"eu-central-1b": "subnet-b", "eu-central-1a": "subnet-a", "eu-central-1c": "subnet-c"}
GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"


@pytest.fixture(scope="module")
def run(run_component: Any, identity: Identity) -> Callable[..., Evaluation]:
    def run(objective_class: str, *, preview: bool = False) -> Evaluation:
        def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
            Redis(
                "redis",
                RedisArgs(
                    identity=identity,
                    objectives=OBJECTIVES[ObjectiveClass(objective_class)],
                    owner=identity.retailer,
                    time_zone="Europe/Paris",
                    vpc_id="vpc-1",
                    subnet_ids=SUBNETS,
                    client_security_group_id="sg-cluster",
                    kms_key_arn="arn:key",
                    password=pulumi.Output.secret("0123456789abcdef"),
                ),
                opts,
            )

        evaluation: Evaluation = run_component(build, preview=preview)
        return evaluation

    return run


def by_name(evaluation: Evaluation) -> dict[str, KubernetesObject]:
    return {f"{item.kind}/{item.name}": item for item in kubernetes_objects(evaluation)}


def one(evaluation: Evaluation, kind: str) -> dict[str, Any]:
    (found,) = [resource for resource in evaluation.resources.values() if resource.type == kind]
    return found.inputs


def test_production_survives_a_zone_and_is_encrypted(run: Callable[..., Evaluation]) -> None:
    group = one(run("gold"), GROUP)
    assert group["automaticFailoverEnabled"] and group["multiAzEnabled"]
    assert group["numCacheClusters"] == 3
    assert group["transitEncryptionEnabled"] and group["transitEncryptionMode"] == "required"
    assert group["atRestEncryptionEnabled"] and group["kmsKeyId"] == "arn:key"
    assert isinstance(group["authToken"], Secret)
    assert group["preferredCacheClusterAzs"] == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    assert (group["engine"], "clusterMode" in group, "numNodeGroups" in group) == ("valkey", False, False)


def test_pulumi_never_puts_the_first_password_back(run: Callable[..., Evaluation]) -> None:
    (group,) = [resource for resource in run("gold").resources.values() if resource.type == GROUP]
    assert group.ignore_changes == ("authToken",)


@pytest.mark.parametrize(
    ("time_zone", "window"),
    [
        ("Europe/Paris", "tue:02:00-tue:03:00"),
        ("Asia/Tokyo", "mon:18:00-mon:19:00"),
        ("America/New_York", "tue:08:00-tue:09:00"),
        ("Asia/Kolkata", "mon:21:30-mon:22:30"),
    ],
)
def test_aws_works_on_it_at_night_where_the_retailer_is(time_zone: str, window: str) -> None:
    assert maintenance_window(time_zone) == window


def test_aws_takes_the_names(run: Callable[..., Evaluation]) -> None:
    longest = Identity(retailer="a" * 24, environment="development", stack="s", account="1" * 12, region="eu-west-1")
    assert one(run("gold"), GROUP)["replicationGroupId"] == "acme-production-sessions"
    assert len(group_id(longest)) <= 40 and "--" not in group_id(longest)


def test_only_members_of_the_clusters_security_group_reach_it(run: Callable[..., Evaluation]) -> None:
    evaluation = run("gold")
    rule = one(evaluation, "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
    assert rule["referencedSecurityGroupId"] == "sg-cluster"
    assert (rule["fromPort"], rule["toPort"]) == (6379, 6379)
    assert "ingress" not in one(evaluation, "aws:ec2/securityGroup:SecurityGroup")
    assert one(evaluation, "aws:elasticache/subnetGroup:SubnetGroup")["subnetIds"] == [
        "subnet-a",
        "subnet-b",
        "subnet-c",
    ]


def test_sessions_make_room_for_new_ones(run: Callable[..., Evaluation]) -> None:
    parameters = one(run("gold"), "aws:elasticache/parameterGroup:ParameterGroup")["parameters"]
    assert parameters == [{"name": "maxmemory-policy", "value": "volatile-lru"}]


@pytest.mark.parametrize(("objective_class", "scheme"), [("gold", "rediss"), ("bronze", "redis")])
def test_the_secret_says_how_to_reach_it(run: Callable[..., Evaluation], objective_class: str, scheme: str) -> None:
    template = reveal(by_name(run(objective_class))["ExternalSecret/redis"].manifest)["spec"]["target"]["template"]
    host = template["data"]["host"]
    assert template["data"] == {
        "host": host,
        "port": "6379",
        "password": "{{ .password }}",
        "url": f"{scheme}://:{{{{ .password }}}}@{host}:6379/0",
    }
    assert host


def test_the_address_of_the_managed_store_is_unknown_in_a_preview(run: Callable[..., Evaluation]) -> None:
    template = by_name(run("gold", preview=True))["ExternalSecret/redis"].manifest["spec"]["target"]["template"]
    assert template["data"]["url"] is UNKNOWN


def test_development_has_one_pod_whose_password_no_listing_shows(run: Callable[..., Evaluation]) -> None:
    made = by_name(run("bronze"))
    deployment = made["Deployment/redis"].manifest
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["command"] == ["valkey-server", "/etc/valkey/valkey.conf"]
    assert not {"args", "env", "envFrom"} & container.keys()
    configuration = made["ExternalSecret/redis-server"].manifest["spec"]["target"]["template"]["data"]["valkey.conf"]
    assert "requirepass {{ .password }}\n" in configuration
    assert "maxmemory-policy volatile-lru\n" in configuration
    assert deployment["spec"]["strategy"] == {"type": "Recreate"}
    assert "PodDisruptionBudget" not in {item.kind for item in made.values()}


def test_a_pod_keeps_within_its_memory(run: Callable[..., Evaluation]) -> None:
    from components.valkey_pod import MAX_MEMORY_MIB, MEMORY_LIMIT_MIB

    made = by_name(run("bronze"))
    limit = made["Deployment/redis"].manifest["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limit == {"memory": f"{MEMORY_LIMIT_MIB}Mi"}
    assert MAX_MEMORY_MIB * 1.25 <= MEMORY_LIMIT_MIB


@pytest.mark.parametrize("nodes", [1, 4])
def test_more_nodes_than_zones_or_one_are_refused(identity: Identity, nodes: int) -> None:
    with pytest.raises(pulumi.InputPropertiesError, match="nodes"):
        ManagedValkeyArgs(
            identity=identity,
            nodes=nodes,
            time_zone="Europe/Paris",
            vpc_id="vpc-1",
            subnet_ids=SUBNETS,
            client_security_group_id="sg-cluster",
            kms_key_arn="arn:key",
            password="0123456789abcdef",
        )


def test_sessions_expire_and_find_their_store_by_one_url() -> None:
    variables = {
        each["name"].removeprefix("ODOO_SESSION_REDIS"): each for each in session_environment("acme-production")
    }
    assert set(variables) == {"", "_PREFIX", "_EXPIRATION", "_EXPIRATION_ANONYMOUS", "_URL"}
    assert variables["_URL"]["valueFrom"] == {
        "secretKeyRef": {"name": "redis", "key": "url"}
    }  # no password in a pod spec
    assert (variables[""]["value"], variables["_PREFIX"]["value"]) == ("1", "acme-production")
    # Without an expiry `volatile-lru` has nothing to remove, and a full store refuses every login.
    assert 0 < int(variables["_EXPIRATION_ANONYMOUS"]["value"]) < int(variables["_EXPIRATION"]["value"])
