"""The retailer's key, store and credentials."""

import dataclasses
import json
from fnmatch import fnmatch
from typing import Any

import pulumi
import pytest

from components.encryption import EncryptionKey, EncryptionKeyArgs, key_alias, volume_alias, volume_encryption
from components.secret_store import SecretStore, SecretStoreArgs
from components.secrets import Secrets, SecretsArgs
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, Secret, reveal
from retail.database_roles import keda_role, login_role, readonly_role
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


def key_args(identity: Identity) -> EncryptionKeyArgs:
    return EncryptionKeyArgs(identity=identity, cluster_name="retail-production", recovery_region="eu-west-1")


def copies(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    return {found.name: found.manifest for found in kubernetes_objects(evaluation) if found.kind == "ExternalSecret"}


def versions(evaluation: Evaluation) -> dict[str, Any]:
    """First versions, by secret."""
    made = of_type(evaluation, "aws:secretsmanager/secretVersion:SecretVersion")
    return {version.name.removeprefix("secrets-").removesuffix("-value"): version for version in made}


def test_values_are_secret_and_complete(run_component: Any, identity: Identity) -> None:
    made = versions(make_secrets(run_component, identity, smtp_password="relay"))
    values = {name: version.inputs["secretString"] for name, version in made.items()}
    assert all(isinstance(value, Secret) for value in values.values())
    parsed = {name: json.loads(reveal(value)) for name, value in values.items()}
    database = ("database-a", "database-b", "database-app", "database-readonly", "database-keda")
    assert {name: sorted(value) for name, value in parsed.items()} == {
        **{name: ["password", "username"] for name in database},
        "odoo-admin": ["admin_passwd"],
        "redis": ["password"],
        "smtp": ["password"],
    }
    assert {name: parsed[name]["username"] for name in database} == {
        "database-a": login_role(identity, "a"),
        "database-b": login_role(identity, "b"),
        "database-app": login_role(identity, "a"),
        "database-readonly": readonly_role(identity),
        "database-keda": keda_role(identity),
    }
    assert parsed["database-app"] == parsed["database-a"]
    assert len({parsed[name]["password"] for name in database}) == 4  # none but the active one's twice


def test_pulumi_never_undoes_a_rotation(run_component: Any, identity: Identity) -> None:
    made = versions(make_secrets(run_component, identity, smtp_password="relay"))
    # A value that is the user's own follows the configuration.
    assert not made["smtp"].ignore_changes and not made["smtp"].inputs.get("versionStages")
    for name in made.keys() - {"smtp"}:
        assert set(made[name].ignore_changes) == {"secretString", "versionStages"}
        # A label of its own keeps AWS from deleting the version, and a refresh from having the program make it anew.
        assert made[name].inputs["versionStages"] == ["AWSCURRENT", "first"]


def test_each_secret_is_under_the_prefix_and_key_and_replicated(run_component: Any, identity: Identity) -> None:
    for secret in of_type(make_secrets(run_component, identity), "aws:secretsmanager/secret:Secret"):
        assert secret.inputs["name"].startswith(OWN)
        assert secret.inputs["kmsKeyId"] == "arn:key"
        assert secret.inputs["replicas"] == [{"region": "eu-west-1", "kmsKeyId": "arn:recovery-key"}]
        assert secret.inputs["recoveryWindowInDays"] == 30


def test_a_rotated_database_password_reaches_postgresql(run_component: Any, identity: Identity) -> None:
    made = copies(make_secrets(run_component, identity))
    for name in ("database-a", "database-b", "database-readonly", "database-keda"):
        template = made[name]["spec"]["target"]["template"]
        assert template["metadata"]["labels"]["cnpg.io/reload"] == "true"
        assert template["type"] == "kubernetes.io/basic-auth"


def test_only_what_a_stack_uses_is_made(run_component: Any, identity: Identity) -> None:
    own = make_secrets(run_component, identity, smtp_password="relay")
    # What only odoo.conf holds is in no Secret of its own.
    assert sorted(copies(own)) == ["database-a", "database-app", "database-b", "database-keda", "database-readonly"]
    shared = make_secrets(run_component, identity, owns_database=False)
    assert sorted(copies(shared)) == ["database-app"]
    assert json.loads(reveal(versions(shared)["database-app"].inputs["secretString"]))["username"] == identity.database
    platform = make_secrets(run_component, identity, serves_retailer=False)
    assert not copies(platform) and not versions(platform) and not of_type(platform, "aws:iam/role:Role")


def test_the_store_reads_its_own_prefix_under_its_own_key(run_component: Any, identity: Identity) -> None:
    (policy,) = of_type(make_secrets(run_component, identity), "aws:iam/rolePolicy:RolePolicy")
    secrets, key = json.loads(policy.inputs["policy"])["Statement"]
    assert secrets["Resource"] == [f"arn:aws:secretsmanager:eu-central-1:111122223333:secret:{OWN}*"]
    # By its alias: the key's own name isn't known before it exists.
    assert key["Resource"] == "arn:aws:kms:eu-central-1:111122223333:key/*"
    assert key["Condition"] == {
        "StringEquals": {"kms:ViaService": "secretsmanager.eu-central-1.amazonaws.com"},
        "ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/retail/acme/production"},
    }


def test_policies_can_be_judged_in_the_first_preview(run_component: Any, identity: Identity) -> None:
    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        key = EncryptionKey("encryption", key_args(identity), opts)
        arguments = SecretsArgs(
            identity=identity,
            owns_database=True,
            serves_retailer=True,
            kms_key_arn=key.key_arn,
            recovery_region="eu-west-1",
            recovery_key_arn=key.recovery_key_arn,
            external_secrets_role_arn="arn:aws:iam::111122223333:role/controller",
        )
        Secrets("secrets", arguments, opts)

    preview = run_component(build, preview=True)
    assert json.loads(of_type(preview, "aws:iam/rolePolicy:RolePolicy")[0].inputs["policy"])
    names = {alias.inputs["name"] for alias in of_type(preview, "aws:kms/alias:Alias")}
    assert names == {key_alias(identity), volume_alias("retail-production", identity.namespace)}


def store_args(identity: Identity, secrets: list[str]) -> SecretStoreArgs:
    return SecretStoreArgs(
        identity=identity,
        namespace="platform",
        store="acme-database",
        role="database-external-secrets",
        secrets=secrets,
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


def test_a_role_that_the_operator_may_not_take_on_is_refused(identity: Identity) -> None:
    args = store_args(identity, [f"{OWN}database-app"])
    with pytest.raises(pulumi.InputPropertiesError, match="role: must end in external-secrets"):
        dataclasses.replace(args, role="shared-database")


def test_the_role_takes_the_session_tags_of_pod_identity(run_component: Any, identity: Identity) -> None:
    (role,) = of_type(make_secrets(run_component, identity), "aws:iam/role:Role")
    (trust,) = json.loads(role.inputs["assumeRolePolicy"])["Statement"]
    assert trust["Action"] == ["sts:AssumeRole", "sts:TagSession"]
    assert trust["Principal"] == {"AWS": "arn:aws:iam::111122223333:role/controller"}


def test_the_key_is_in_both_regions(run_component: Any, identity: Identity) -> None:
    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        EncryptionKey("encryption", key_args(identity), opts)

    evaluation = run_component(build)
    (key,) = of_type(evaluation, "aws:kms/key:Key")
    (replica,) = of_type(evaluation, "aws:kms/replicaKey:ReplicaKey")
    assert key.inputs["multiRegion"] and key.inputs["enableKeyRotation"]
    assert (key.inputs["deletionWindowInDays"], replica.inputs["deletionWindowInDays"]) == (30, 30)
    assert replica.inputs["region"] == "eu-west-1"
    for made in (key, replica):
        (statement,) = json.loads(made.inputs["policy"])["Statement"]
        assert statement["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}


def test_the_driver_of_volumes_uses_keys_of_its_own_cluster_through_ec2_alone(identity: Identity) -> None:
    use, grant = json.loads(volume_encryption(identity, "retail-production"))["Statement"]
    for statement in (use, grant):
        assert statement["Resource"] == "arn:aws:kms:eu-central-1:111122223333:key/*"
        assert statement["Condition"]["StringEquals"] == {"kms:ViaService": "ec2.eu-central-1.amazonaws.com"}
        assert statement["Condition"]["ForAnyValue:StringLike"] == {
            "kms:ResourceAliases": "alias/volumes/retail-production/*"
        }
    # The alias of a key on this cluster fits; of one on another, or the alias that everything else goes by, doesn't.
    assert fnmatch(volume_alias("retail-production", identity.namespace), "alias/volumes/retail-production/*")
    assert not fnmatch(volume_alias("retail-test", identity.namespace), "alias/volumes/retail-production/*")
    assert not fnmatch(key_alias(identity), "alias/volumes/*")
    assert grant["Action"] == ["kms:CreateGrant"] and "kms:CreateGrant" not in use["Action"]
    assert grant["Condition"]["Bool"] == {"kms:GrantIsForAWSResource": "true"}


def test_a_replica_in_the_same_region_is_refused(identity: Identity) -> None:
    with pytest.raises(pulumi.InputPropertiesError, match="recovery_region"):
        dataclasses.replace(key_args(identity), recovery_region=identity.region)
