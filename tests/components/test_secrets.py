"""The retailer's key, store and credentials."""

import json
from typing import Any

import pulumi
import pytest

from components.encryption import EncryptionKey, EncryptionKeyArgs
from components.secret_store import SecretStore, SecretStoreArgs
from components.secrets import Secrets, SecretsArgs
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, Secret, reveal
from retail.naming import Identity

OWN = "retail/acme/production/"


def of_type(evaluation: Evaluation, kind: str) -> list[Any]:
    return [resource for resource in evaluation.resources.values() if resource.type == kind]


def make_secrets(run_component: Any, identity: Identity, **changes: Any) -> Evaluation:
    given: dict[str, Any] = {
        "owns_database": True,
        "serves_retailer": True,
        "kms_key_arn": "arn:key",
        "recovery_region": "eu-west-1",
        "recovery_key_arn": "arn:recovery-key",
        "external_secrets_role_arn": "arn:aws:iam::111122223333:role/controller",
    }

    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        Secrets("secrets", SecretsArgs(identity=identity, **(given | changes)), opts)

    evaluation: Evaluation = run_component(build)
    return evaluation


def copies(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    return {found.name: found.manifest for found in kubernetes_objects(evaluation) if found.kind == "ExternalSecret"}


def test_values_are_secret_and_complete(run_component: Any, identity: Identity) -> None:
    evaluation = make_secrets(run_component, identity, smtp_password="relay")
    versions = {
        version.name.removeprefix("secrets-").removesuffix("-value"): version.inputs["secretString"]
        for version in of_type(evaluation, "aws:secretsmanager/secretVersion:SecretVersion")
    }
    assert all(isinstance(value, Secret) for value in versions.values())
    keys = {name: sorted(json.loads(reveal(value))) for name, value in versions.items()}
    assert keys == {
        "database-app": ["password", "username"],
        "database-readonly": ["password", "username"],
        "odoo-admin": ["admin_passwd"],
        "redis": ["password"],
        "smtp": ["password"],
    }
    assert json.loads(reveal(versions["database-app"]))["username"] == identity.database


def test_each_secret_is_under_the_prefix_and_key_and_replicated(run_component: Any, identity: Identity) -> None:
    for secret in of_type(make_secrets(run_component, identity), "aws:secretsmanager/secret:Secret"):
        assert secret.inputs["name"].startswith(OWN)
        assert secret.inputs["kmsKeyId"] == "arn:key"
        assert secret.inputs["replicas"] == [{"region": "eu-west-1", "kmsKeyId": "arn:recovery-key"}]
        assert secret.inputs["recoveryWindowInDays"] == 30


def test_a_rotated_database_password_reaches_postgresql(run_component: Any, identity: Identity) -> None:
    made = copies(make_secrets(run_component, identity))
    for name in ("database-app", "database-readonly"):
        template = made[name]["spec"]["target"]["template"]
        assert template["metadata"]["labels"]["cnpg.io/reload"] == "true"
        assert template["type"] == "kubernetes.io/basic-auth"


def test_only_what_a_stack_uses_is_made(run_component: Any, identity: Identity) -> None:
    shared = make_secrets(run_component, identity, owns_database=False)
    assert sorted(copies(shared)) == ["database-app", "odoo-admin"]
    platform = make_secrets(run_component, identity, serves_retailer=False)
    assert sorted(copies(platform)) == ["database-app", "database-readonly"]


def test_the_store_reads_its_own_prefix_under_its_own_key(run_component: Any, identity: Identity) -> None:
    (policy,) = of_type(make_secrets(run_component, identity), "aws:iam/rolePolicy:RolePolicy")
    secrets, key = json.loads(policy.inputs["policy"])["Statement"]
    assert secrets["Resource"] == [f"arn:aws:secretsmanager:eu-central-1:111122223333:secret:{OWN}*"]
    assert key["Resource"] == "arn:key"


def store_args(identity: Identity, secrets: list[str]) -> SecretStoreArgs:
    return SecretStoreArgs(
        identity=identity,
        namespace="platform",
        store="acme-database",
        role="shared-database",
        secrets=secrets,
        kms_key_arn="arn:key",
        external_secrets_role_arn="arn:aws:iam::111122223333:role/controller",
    )


def test_a_store_of_one_secret_reads_no_other_that_begins_like_it(run_component: Any, identity: Identity) -> None:
    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        SecretStore("store", store_args(identity, [f"{OWN}database-app"]), opts)

    (policy,) = of_type(run_component(build), "aws:iam/rolePolicy:RolePolicy")
    (resource,) = json.loads(policy.inputs["policy"])["Statement"][0]["Resource"]
    assert resource.endswith("database-app-??????")  # ARNs end in six random characters


def test_a_store_of_another_retailers_secrets_is_refused(identity: Identity) -> None:
    with pytest.raises(pulumi.InputPropertiesError, match="retail/other"):
        store_args(identity, ["retail/other/production/database-app"])


def test_the_role_takes_the_session_tags_of_pod_identity(run_component: Any, identity: Identity) -> None:
    (role,) = of_type(make_secrets(run_component, identity), "aws:iam/role:Role")
    (trust,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert trust["Principal"] == {"AWS": "arn:aws:iam::111122223333:role/controller"}


def test_the_key_is_in_both_regions(run_component: Any, identity: Identity) -> None:
    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        EncryptionKey("encryption", EncryptionKeyArgs(identity=identity, recovery_region="eu-west-1"), opts)

    evaluation = run_component(build)
    (key,) = of_type(evaluation, "aws:kms/key:Key")
    (replica,) = of_type(evaluation, "aws:kms/replicaKey:ReplicaKey")
    assert key.inputs["multiRegion"] and key.inputs["enableKeyRotation"]
    assert (key.inputs["deletionWindowInDays"], replica.inputs["deletionWindowInDays"]) == (30, 30)
    assert replica.inputs["region"] == "eu-west-1"
    for made, region in ((key, "eu-central-1"), (replica, "eu-west-1")):
        volumes = json.loads(made.inputs["policy"])["Statement"][1]
        assert volumes["Condition"]["StringEquals"] == {
            "kms:CallerAccount": identity.account,
            "kms:ViaService": f"ec2.{region}.amazonaws.com",
        }


def test_a_replica_in_the_same_region_is_refused(identity: Identity) -> None:
    with pytest.raises(pulumi.InputPropertiesError, match="recovery_region"):
        EncryptionKeyArgs(identity=identity, recovery_region=identity.region)
