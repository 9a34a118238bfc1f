"""A database over two regions: both ends agree on everything but who they are."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components.database_topology import OtherRegion
from components.postgres import Postgres, PostgresArgs
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation
from retail.naming import Identity
from retail.plan import Plan

MakePlan = Callable[..., Plan]
HOME, AWAY = "eu-central-1", "eu-west-1"


def arguments(identity: Identity, plan: Plan, other: OtherRegion, **changes: Any) -> PostgresArgs:
    given: dict[str, Any] = {
        "identity": identity,
        "plan": plan.database,
        "objectives": plan.objectives,
        "owner": identity.retailer,
        "eks_cluster_name": "acme-production",
        "backup_bucket": identity.bucket("backups"),
        "kms_key_arn": "arn:key",
        "other": other,
    }
    return PostgresArgs(**(given | changes))


@pytest.fixture(scope="module")
def build(run_component: Any, make_test_plan: MakePlan) -> Callable[[Identity, OtherRegion], Evaluation]:
    def run(identity: Identity, other: OtherRegion) -> Evaluation:
        args = arguments(identity, make_test_plan(), other)

        def make(opts: pulumi.ResourceOptions, _backup: Any) -> None:
            Postgres("database", args, opts)

        evaluation: Evaluation = run_component(make)
        return evaluation

    return run


@pytest.fixture(scope="module")
def leading(build: Callable[..., Evaluation], identity: Identity) -> Evaluation:
    return build(identity, OtherRegion(region=AWAY))


@pytest.fixture(scope="module")
def following(build: Callable[..., Evaluation], identity: Identity) -> Evaluation:
    return build(replace(identity, region=AWAY), OtherRegion(region=HOME, leads=True, origin=True))


def spec(evaluation: Evaluation) -> dict[str, Any]:
    (found,) = [item.manifest["spec"] for item in kubernetes_objects(evaluation) if item.kind == "Cluster"]
    return dict(found)


def stores(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    return {item.name: item.manifest["spec"] for item in kubernetes_objects(evaluation) if item.kind == "ObjectStore"}


def statements(evaluation: Evaluation) -> list[dict[str, Any]]:
    (policy,) = [r for r in evaluation.resources.values() if r.type == "aws:iam/rolePolicy:RolePolicy"]
    return list(json.loads(policy.inputs["policy"])["Statement"])


def test_both_ends_list_the_same_ends_and_roles(leading: Evaluation, following: Evaluation) -> None:
    here, there = spec(leading), spec(following)
    assert here["externalClusters"] == there["externalClusters"]
    assert [end["name"] for end in here["externalClusters"]] == ["acme-db-eu-central-1", "acme-db-eu-west-1"]
    assert here["managed"] == there["managed"]
    assert here["postgresql"]["pg_hba"] == there["postgresql"]["pg_hba"]
    servers = {end["plugin"]["parameters"]["serverName"] for end in here["externalClusters"]}
    assert len(servers) == 2, "two histories in one folder"


def test_one_end_leads_and_the_other_is_built_from_its_archive(leading: Evaluation, following: Evaluation) -> None:
    here, there = spec(leading), spec(following)
    assert here["replica"] == {
        "self": "acme-db-eu-central-1",
        "primary": "acme-db-eu-central-1",
        "source": "acme-db-eu-west-1",
    }
    assert there["replica"] == {
        "self": "acme-db-eu-west-1",
        "primary": "acme-db-eu-central-1",
        "source": "acme-db-eu-central-1",
    }
    assert "initdb" in here["bootstrap"]
    # Names of database and owner: the exporter asks there, and without them it would ask `postgres`.
    assert there["bootstrap"] == {
        "recovery": {"source": "acme-db-eu-central-1", "database": "acme_production", "owner": "acme_production"}
    }
    assert "enabled" not in here["replica"]  # the standalone form, which can't be taken back


def test_each_writes_its_own_archive_and_may_only_read_the_others(leading: Evaluation, following: Evaluation) -> None:
    for evaluation, home, away in ((leading, HOME, AWAY), (following, AWAY, HOME)):
        (plugin,) = spec(evaluation)["plugins"]
        assert plugin["parameters"]["barmanObjectName"] == f"acme-db-{home}"
        found = stores(evaluation)
        assert found.keys() == {f"acme-db-{HOME}", f"acme-db-{AWAY}"}
        bucket = f"acme-production-backups-111122223333-{away}"
        assert found[f"acme-db-{away}"]["configuration"]["destinationPath"] == f"s3://{bucket}/postgresql"
        assert "retentionPolicy" not in found[f"acme-db-{away}"], "a reader would delete the other's backups"
        there = [each for each in statements(evaluation) if away in json.dumps(each)]
        assert {
            action
            for each in there
            for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
        } == {
            "s3:ListBucket",
            "s3:GetObject",
            "kms:Decrypt",
        }


def test_every_reference_leads_somewhere_on_both_ends(leading: Evaluation, following: Evaluation) -> None:
    for evaluation in (leading, following):
        named = {end["plugin"]["parameters"]["barmanObjectName"] for end in spec(evaluation)["externalClusters"]}
        assert named == stores(evaluation).keys()


def test_a_takeover_is_one_change_with_the_token(build: Callable[..., Evaluation], identity: Identity) -> None:
    away = replace(identity, region=AWAY)
    promoted = spec(build(away, OtherRegion(region=HOME, origin=True, promotion_token="e30=")))
    assert promoted["replica"]["primary"] == promoted["replica"]["self"] == "acme-db-eu-west-1"
    assert promoted["replica"]["promotionToken"] == "e30="
    assert "recovery" in promoted["bootstrap"], "how it was built does not change with who leads"
    demoted = spec(build(identity, OtherRegion(region=AWAY, leads=True)))
    assert demoted["replica"]["primary"] == "acme-db-eu-west-1"
    assert "initdb" in demoted["bootstrap"]


def test_an_end_that_is_built_anew_begins_a_history_of_its_own(
    build: Callable[..., Evaluation], identity: Identity
) -> None:
    ends = spec(build(identity, OtherRegion(region=AWAY, lineage=2)))["externalClusters"]
    assert [end["plugin"]["parameters"]["serverName"] for end in ends] == [
        "acme-db-eu-central-1-v18-1",
        "acme-db-eu-west-1-v18-2",
    ]


def test_contradictions_are_refused(identity: Identity, make_test_plan: MakePlan) -> None:
    other = OtherRegion(region=HOME, leads=True, lineage=0, promotion_token="e30=")
    with pytest.raises(pulumi.InputPropertiesError) as refused:
        arguments(identity, make_test_plan(), other)
    assert all(part in str(refused.value) for part in ("another than eu-central-1", "lineage", "promotion_token"))
