"""Roles: least privilege, two logins that act as one owner, and a pg_hba that lets nobody in elsewhere."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components.postgres import Postgres, PostgresArgs
from components.postgres_roles import release_grants
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation
from retail.naming import Identity
from retail.plan import Plan

MakePlan = Callable[..., Plan]


def cluster(run_component: Any, identity: Identity, plan: Plan, *, shared: bool = False) -> dict[str, Any]:
    """`spec` of the Cluster."""
    assert plan.database is not None
    args = PostgresArgs(
        identity=identity,
        plan=plan.database,
        objectives=plan.objectives,
        owner=identity.retailer,
        eks_cluster_name="acme-production",
        backup_bucket="acme-backups",
        kms_key_arn="arn:key",
        shared=shared,
    )

    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        Postgres("database", args, opts)

    evaluation: Evaluation = run_component(build)
    (found,) = [item.manifest["spec"] for item in kubernetes_objects(evaluation) if item.kind == "Cluster"]
    return dict(found)


@pytest.fixture(scope="module")
def own(run_component: Any, identity: Identity, make_test_plan: MakePlan) -> dict[str, Any]:
    return cluster(run_component, identity, make_test_plan())


@pytest.fixture(scope="module")
def shared(run_component: Any, identity: Identity, make_test_plan: MakePlan) -> dict[str, Any]:
    return cluster(run_component, replace(identity, retailer="platform"), make_test_plan(), shared=True)


def roles(spec: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {role["name"]: role for role in spec["managed"]["roles"]}


def test_nobody_logs_in_as_the_owner_and_two_roles_act_as_it(own: dict[str, Any]) -> None:
    owner = roles(own)["acme_production"]
    assert (owner["login"], owner["disablePassword"]) == (False, True)
    initdb = own["bootstrap"]["initdb"]
    assert initdb["owner"] == "acme_production"
    assert "secret" not in initdb, "its user name would have to be the owner's"
    for slot in ("a", "b"):
        login = roles(own)[f"acme_production_{slot}"]
        assert (login["login"], login["inRoles"]) == (True, ["acme_production"])
        assert login["passwordSecret"] == {"name": f"database-{slot}"}
        assert f"ALTER ROLE acme_production_{slot} SET role = acme_production" in initdb["postInitSQL"]


def test_each_role_has_a_limit_and_all_together_leave_the_operator_its_connections(
    own: dict[str, Any], make_test_plan: MakePlan
) -> None:
    plan = make_test_plan().database
    assert plan is not None
    limits = {name: role["connectionLimit"] for name, role in roles(own).items() if role["login"]}
    assert all(limit > 0 for limit in limits.values())
    # One login role in full use, the others at their limits: what is reserved is left.
    others = limits["acme_production_readonly"] + limits["acme_production_keda"]
    assert limits["acme_production_a"] + others + plan.budget.reserved <= plan.budget.max_connections


def test_no_role_has_more_than_its_work_needs(own: dict[str, Any]) -> None:
    assert own["enableSuperuserAccess"] is False
    powers = {"createdb", "createrole", "replication", "bypassrls"}
    for role in roles(own).values():
        assert not role.get("superuser")
        assert not powers & role.keys()
    assert "inRoles" not in roles(own)["acme_production_keda"]
    assert roles(own)["acme_production_readonly"]["inRoles"] == ["pg_read_all_data"]


def test_only_tls_and_only_ones_own_database(own: dict[str, Any]) -> None:
    rules = [rule.split() for rule in own["postgresql"]["pg_hba"]]
    assert rules == [
        ["hostssl", "acme_production,postgres", "acme_production_a,acme_production_b", "all", "scram-sha-256"],
        ["hostssl", "acme_production", "acme_production_readonly,acme_production_keda", "all", "scram-sha-256"],
        ["host", "all", "all", "all", "reject"],
    ]


def test_a_platform_lets_each_retailers_role_to_its_own_database_and_brings_none(shared: dict[str, Any]) -> None:
    assert shared["postgresql"]["pg_hba"] == [
        "hostssl sameuser,postgres all all scram-sha-256",
        "host all all all reject",
    ]
    assert [role["login"] for role in shared["managed"]["roles"]] == [False]
    assert "postInitSQL" not in shared["bootstrap"]["initdb"]


def test_the_release_opens_columns_that_hold_no_business_data(identity: Identity) -> None:
    statements = release_grants(identity)
    assert {"acme_production_keda", "cnpg_metrics_exporter"} == {
        text.split(" TO ")[1].split(";")[0] for text in statements
    }
    for text in statements:
        assert "to_regclass" in text  # a module that isn't there must not end a release
        assert "GRANT SELECT (" in text, "a whole table of jobs holds their arguments"
        assert not {"args", "kwargs", "exc_info", "result"} & set(text.replace("(", " ").replace(",", " ").split())
