"""A retailer's database and role in its platform's cluster."""

import json
from typing import Any

import pulumi
import pytest

from components.access import SharedDatabase
from components.shared_database import SharedDatabaseTenant, SharedDatabaseTenantArgs
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation
from retail.naming import Identity


def arguments(identity: Identity, connection_limit: int = 60) -> SharedDatabaseTenantArgs:
    return SharedDatabaseTenantArgs(
        identity=identity,
        database=SharedDatabase(
            namespace="retail-production",
            cluster="retail-db",
            direct_host="retail-db-rw.retail-production.svc",
            integration_pooler_host="retail-db-pooler-integration.retail-production.svc",
            pooler_host="retail-db-pooler.retail-production.svc",
        ),
        connection_limit=connection_limit,
        external_secrets_role_arn="arn:aws:iam::111122223333:role/controller",
    )


@pytest.fixture(scope="module")
def evaluation(run_component: Any, identity: Identity) -> Evaluation:
    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        SharedDatabaseTenant("database", arguments(identity), opts)

    made: Evaluation = run_component(build)
    return made


def test_every_object_is_in_the_platforms_namespace_under_the_retailers_name(evaluation: Evaluation) -> None:
    found = kubernetes_objects(evaluation)
    assert {item.kind for item in found} == {"SecretStore", "ExternalSecret", "DatabaseRole", "Database"}
    assert {item.namespace for item in found} == {"retail-production"}
    assert all(item.name.startswith("acme-production") for item in found)


def test_the_role_is_named_after_the_database_and_limited(evaluation: Evaluation) -> None:
    specs = {item.kind: item.manifest["spec"] for item in kubernetes_objects(evaluation)}
    role, database = specs["DatabaseRole"], specs["Database"]
    assert role["name"] == database["name"] == database["owner"] == "acme_production"  # the platform's `sameuser`
    assert role["connectionLimit"] == 60
    assert not {"superuser", "createdb", "createrole", "inRoles"} & role.keys()
    assert (role["databaseRoleReclaimPolicy"], database["databaseReclaimPolicy"]) == ("retain", "retain")


def test_the_role_takes_its_password_from_the_copy_of_its_own_secret(evaluation: Evaluation) -> None:
    objects = {item.kind: item for item in kubernetes_objects(evaluation)}
    copy = objects["ExternalSecret"]
    assert objects["DatabaseRole"].manifest["spec"]["passwordSecret"] == {"name": copy.name}
    assert copy.manifest["spec"]["secretStoreRef"]["name"] == objects["SecretStore"].name
    assert copy.manifest["spec"]["target"]["template"]["metadata"]["labels"]["cnpg.io/reload"] == "true"


def test_the_store_in_the_platforms_namespace_reads_that_one_secret(evaluation: Evaluation) -> None:
    (policy,) = [r for r in evaluation.resources.values() if r.type == "aws:iam/rolePolicy:RolePolicy"]
    secrets = json.loads(policy.inputs["policy"])["Statement"][0]["Resource"]
    assert secrets == [
        "arn:aws:secretsmanager:eu-central-1:111122223333:secret:retail/acme/production/database-app-??????"
    ]


@pytest.mark.parametrize("limit", [0, -1])
def test_no_limit_is_refused(identity: Identity, limit: int) -> None:
    with pytest.raises(pulumi.InputPropertiesError, match="connection_limit"):
        arguments(identity, limit)
