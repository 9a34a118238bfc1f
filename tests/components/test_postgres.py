"""PostgreSQL and what belongs to it: the traps of CloudNativePG, its plugin and EBS."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.database_topology import server_name
from components.database_volumes import provisioned
from components.postgres import Postgres, PostgresArgs
from components.postgres_timing import backup_schedule, failover_delays
from rehearsal.engine.kubernetes_objects import KubernetesObject, kubernetes_objects
from rehearsal.engine.model import Evaluation
from retail.naming import Identity
from retail.objectives import OBJECTIVES, ObjectiveClass
from retail.plan import Plan

MakePlan = Callable[..., Plan]


def arguments(identity: Identity, whole: Plan, **changes: Any) -> PostgresArgs:
    given: dict[str, Any] = {
        "identity": identity,
        "plan": whole.database,
        "objectives": whole.objectives,
        "owner": identity.retailer,
        "eks_cluster_name": "acme-production",
        "backup_bucket": "acme-backups",
        "kms_key_arn": "arn:key",
    }
    return PostgresArgs(**(given | changes))


def run(run_component: Any, args: PostgresArgs) -> Evaluation:
    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        Postgres("database", args, opts)

    evaluation: Evaluation = run_component(build)
    return evaluation


def objects(evaluation: Evaluation) -> dict[str, KubernetesObject]:
    """By kind, and by kind/name where there are several."""
    found = kubernetes_objects(evaluation)
    return {item.kind: item for item in found} | {f"{item.kind}/{item.name}": item for item in found}


@pytest.fixture(scope="module")
def gold(run_component: Any, identity: Identity, make_test_plan: MakePlan) -> dict[str, KubernetesObject]:
    return objects(run(run_component, arguments(identity, make_test_plan())))


@pytest.fixture(scope="module")
def bronze(run_component: Any, identity: Identity, make_test_plan: MakePlan) -> dict[str, KubernetesObject]:
    plan = make_test_plan(objective_class="bronze", environment="development")
    return objects(run(run_component, arguments(identity, plan)))


def spec(made: dict[str, KubernetesObject], kind: str) -> dict[str, Any]:
    found: dict[str, Any] = made[kind].manifest["spec"]
    return found


def test_instances_are_required_to_be_in_different_zones(gold: dict[str, KubernetesObject]) -> None:
    affinity = spec(gold, "Cluster")["affinity"]
    assert affinity["podAntiAffinityType"] == "required"
    assert affinity["topologyKey"] == "topology.kubernetes.io/zone"
    assert "node-role.kubernetes.io/postgres" not in affinity["nodeSelector"]  # EKS nodes can't have it from birth


def test_gold_commits_on_a_standby_and_promotes_none_that_lacks_it(gold: dict[str, KubernetesObject]) -> None:
    assert spec(gold, "Cluster")["postgresql"]["synchronous"] == {
        "method": "any",
        "number": 1,
        "dataDurability": "required",
        "failoverQuorum": True,
    }


def test_a_single_instance_has_no_budget_that_blocks_drains(
    gold: dict[str, KubernetesObject], bronze: dict[str, KubernetesObject]
) -> None:
    assert spec(gold, "Cluster")["enablePDB"] and not spec(bronze, "Cluster")["enablePDB"]
    assert "PodDisruptionBudget" in gold and "PodDisruptionBudget" not in bronze
    assert "synchronous" not in spec(bronze, "Cluster")["postgresql"]
    assert spec(bronze, "Cluster")["primaryUpdateMethod"] == "restart"


def test_memory_is_guaranteed(gold: dict[str, KubernetesObject]) -> None:
    resources = spec(gold, "Cluster")["resources"]
    assert resources["requests"]["memory"] == resources["limits"]["memory"]
    assert "cpu" not in resources["limits"]


def test_production_promotes_when_a_person_says_so_in_any_season(
    run_component: Any, identity: Identity, make_test_plan: MakePlan, gold: dict[str, KubernetesObject]
) -> None:
    assert spec(gold, "Cluster")["primaryUpdateStrategy"] == "unsupervised"
    supervised = {"supervised": True}
    production = objects(run(run_component, arguments(identity, make_test_plan(), **supervised)))
    assert spec(production, "Cluster")["primaryUpdateStrategy"] == "supervised"
    one = make_test_plan(objective_class="bronze", environment="development")
    single = objects(run(run_component, arguments(identity, one, **supervised)))
    assert spec(single, "Cluster")["primaryUpdateStrategy"] == "unsupervised"  # the webhook refuses the other


def test_text_is_unicode_and_sorts_the_same_in_every_image(gold: dict[str, KubernetesObject]) -> None:
    initdb = spec(gold, "Cluster")["bootstrap"]["initdb"]
    assert (initdb["encoding"], initdb["localeProvider"], initdb["builtinLocale"]) == ("UTF8", "builtin", "C.UTF-8")


def test_each_set_of_poolers_has_its_own_name_budget_and_place(gold: dict[str, KubernetesObject]) -> None:
    names = {name.partition("/")[2] for name in gold if name.startswith("Pooler/")}
    assert names == {"acme-db-pooler", "acme-db-pooler-integration"}
    for name in names:
        pods = {"cnpg.io/poolerName": name}
        template = gold[f"Pooler/{name}"].manifest["spec"]["template"]
        assert gold[f"PodDisruptionBudget/{name}"].manifest["spec"]["selector"]["matchLabels"] == pods
        assert template["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] == pods
        assert gold[f"PodMonitor/{name}"].manifest["spec"]["selector"]["matchLabels"] == pods
    tiers = {gold[f"Pooler/{name}"].manifest["spec"]["template"]["metadata"]["labels"]["retail/tier"] for name in names}
    assert len(tiers) == 2, "network policies tell them apart by this label"


def test_backups_go_through_the_plugin_to_a_name_of_their_own(gold: dict[str, KubernetesObject]) -> None:
    cluster, store = spec(gold, "Cluster"), spec(gold, "ObjectStore")
    assert "backup" not in cluster
    (plugin,) = cluster["plugins"]
    assert plugin["isWALArchiver"]
    assert plugin["parameters"] == {
        "barmanObjectName": "acme-db-eu-central-1",
        "serverName": "acme-db-eu-central-1-v18-1",
    }
    assert "serverName" not in store["configuration"]
    assert store["retentionPolicy"] == "30d"
    assert store["configuration"]["destinationPath"] == "s3://acme-backups/postgresql"
    # A request for aws:kms would name no key, and S3 would take its own instead of the bucket's.
    assert not {"encryption"} & (store["configuration"]["wal"].keys() | store["configuration"]["data"].keys())


def test_the_backup_schedule_has_six_fields(gold: dict[str, KubernetesObject]) -> None:
    scheduled = spec(gold, "ScheduledBackup")
    assert scheduled["method"] == "plugin"  # the default is the deprecated one
    assert scheduled["schedule"] == "0 0 2,8,14,20 * * *"
    assert [backup_schedule(hours) for hours in (12, 24)] == ["0 0 2,14 * * *", "0 0 2 * * *"]


def test_the_pods_may_add_to_the_archive_but_erase_nothing(
    run_component: Any, identity: Identity, make_test_plan: MakePlan
) -> None:
    evaluation = run(run_component, arguments(identity, make_test_plan()))
    (policy,) = [r for r in evaluation.resources.values() if r.type == "aws:iam/rolePolicy:RolePolicy"]
    statements = json.loads(policy.inputs["policy"])["Statement"]
    actions = {a for s in statements for a in ([s["Action"]] if isinstance(s["Action"], str) else s["Action"])}
    assert actions == {
        "s3:ListBucket",
        "s3:GetObject",
        "s3:PutObject",
        "s3:DeleteObject",
        "s3:AbortMultipartUpload",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    }
    (association,) = [r for r in evaluation.resources.values() if r.type.startswith("aws:eks/podIdentity")]
    assert (association.inputs["namespace"], association.inputs["serviceAccount"]) == ("acme-production", "acme-db")


def test_storage_is_encrypted_kept_and_bound_where_the_pod_lands(gold: dict[str, KubernetesObject]) -> None:
    cluster = spec(gold, "Cluster")
    for storage in ("storage", "walStorage"):
        storage_class = gold[f"StorageClass/{cluster[storage]['storageClass']}"].manifest
        assert storage_class["parameters"]["encrypted"] == "true"
        assert storage_class["parameters"]["kmsKeyId"] == "arn:key"
        assert storage_class["reclaimPolicy"] == "Retain"
        assert storage_class["volumeBindingMode"] == "WaitForFirstConsumer"
        assert storage_class["allowVolumeExpansion"] is True
        assert "retailer=acme" in storage_class["parameters"].values()


@given(iops=st.integers(3000, 16000), gib=st.integers(1, 16384))
def test_volumes_ask_for_what_gp3_gives(iops: int, gib: int) -> None:
    asked = {key: int(value) for key, value in provisioned(iops, gib).items()}
    assert 3000 <= asked["iops"] <= 16000
    assert asked["iops"] == 3000 or asked["iops"] <= 500 * gib
    assert 125 <= asked["throughput"] <= min(1000, asked["iops"] / 4)


@pytest.mark.parametrize("objective_class", list(ObjectiveClass))
def test_a_switchover_and_a_failover_fit_the_rto(objective_class: ObjectiveClass) -> None:
    rto = OBJECTIVES[objective_class].rto_seconds
    delays = failover_delays(rto)
    assert delays["switchoverDelay"] <= rto / 2
    assert delays["stopDelay"] - delays["smartShutdownTimeout"] >= 15  # CloudNativePG's least for the fast shutdown
    lease = delays["primaryLease"]
    assert lease["retryPeriodSeconds"] < lease["renewDeadlineSeconds"] < lease["leaseDurationSeconds"]
    node_seen_lost = 55
    assert node_seen_lost + delays["failoverDelay"] + lease["leaseDurationSeconds"] + 10 <= rto


def test_a_rebuilt_cluster_archives_to_a_new_name(identity: Identity) -> None:
    assert server_name(identity, 1) != server_name(identity, 2)


def test_mistakes_are_told_together(identity: Identity, make_test_plan: MakePlan) -> None:
    plan = make_test_plan()
    assert plan.database is not None
    reserved = replace(identity, retailer="pg-shop")
    two = replace(plan.database, instances=2)
    with pytest.raises(pulumi.InputPropertiesError) as caught:
        arguments(reserved, plan, plan=two, lineage=0)
    message = str(caught.value)
    assert all(part in message for part in ("pg-shop", "2 instances", "lineage"))
