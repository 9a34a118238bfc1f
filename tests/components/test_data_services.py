"""The data components together, as a retailer has them: accepted by every schema, whole, explicit and safe."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v3 import Release
from pulumi_kubernetes.scheduling.v1 import PriorityClass

from components.access import SharedDatabase
from components.backups import Backups, BackupsArgs
from components.database_archive import cluster_name
from components.encryption import EncryptionKey, EncryptionKeyArgs
from components.observability import Observability, ObservabilityArgs
from components.postgres import Postgres, PostgresArgs
from components.recovery import Recovery, RecoveryArgs
from components.redis import Redis, RedisArgs
from components.secrets import Secrets, SecretsArgs
from components.shared_database import SharedDatabaseTenant, SharedDatabaseTenantArgs
from rehearsal.check.run import catalogue_schemas, check
from rehearsal.check.schemas import Schemas
from rehearsal.engine.model import Secret, reveal
from retail.naming import Identity
from retail.plan import Plan

CONTROLLER_ROLE = "arn:aws:iam::111122223333:role/external-secrets-controller"
SUBNETS = {"eu-central-1a": "subnet-a", "eu-central-1b": "subnet-b", "eu-central-1c": "subnet-c"}


def key_and_secrets(identity: Identity, opts: pulumi.ResourceOptions, *, owns_database: bool) -> tuple[Any, Any]:
    key = EncryptionKey(
        "encryption",
        EncryptionKeyArgs(identity=identity, cluster_name="retail-production", recovery_region="eu-west-1"),
        opts,
    )
    secrets = Secrets(
        "secrets",
        SecretsArgs(
            identity=identity,
            owns_database=owns_database,
            serves_retailer=True,
            kms_key_arn=key.key_arn,
            recovery_region="eu-west-1",
            recovery_key_arn=key.recovery_key_arn,
            external_secrets_role_arn=CONTROLLER_ROLE,
            smtp_password=pulumi.Output.secret("relay-password"),
        ),
        opts,
    )
    return key, secrets


def sessions(identity: Identity, plan: Plan, key: Any, secrets: Any, opts: pulumi.ResourceOptions) -> Redis:
    return Redis(
        "redis",
        RedisArgs(
            identity=identity,
            objectives=plan.objectives,
            owner=identity.retailer,
            time_zone="Europe/Paris",
            vpc_id="vpc-1",
            subnet_ids=SUBNETS,
            client_security_group_id="sg-cluster",
            kms_key_arn=key.key_arn,
            password=secrets.redis_password,
        ),
        opts,
    )


def dedicated(identity: Identity, plan: Plan) -> Callable[..., None]:
    """A program with all data services of a retailer that shares nothing."""
    database = plan.database
    assert database is not None

    def build(opts: pulumi.ResourceOptions, backup: pulumi.ProviderResource) -> None:
        surroundings(identity, opts)
        key, secrets = key_and_secrets(identity, opts, owns_database=True)
        backups = Backups(
            "backups",
            BackupsArgs(
                identity=identity,
                objectives=plan.objectives,
                backup_account="444455556666",
                recovery_region="eu-west-1",
                backup_provider=backup,
                kms_key_arn=key.key_arn,
                lock_mode="COMPLIANCE",
            ),
            opts,
        )
        assert backups.backup_bucket is not None
        postgres = Postgres(
            "database",
            PostgresArgs(
                identity=identity,
                plan=database,
                objectives=plan.objectives,
                owner=identity.retailer,
                eks_cluster_name="acme-production",
                backup_bucket=backups.backup_bucket,
                kms_key_arn=key.key_arn,
            ),
            opts,
        )
        Recovery(
            "recovery",
            RecoveryArgs(
                identity=identity,
                objectives=plan.objectives,
                plan=database,
                owner=identity.retailer,
                image=plan.settings.image,
                time_zone=plan.settings.time_zone,
                eks_cluster_name="acme-production",
                server_name=postgres.server_name,
                backup_bucket=backups.backup_bucket,
                kms_key_arn=key.key_arn,
                api_cidrs=("10.20.240.0/27",),
                filestore=None,
            ),
            opts,
        )
        sessions(identity, plan, key, secrets, opts)
        Observability(
            "observability",
            ObservabilityArgs(
                identity=identity,
                objectives=plan.objectives,
                cluster_name=cluster_name(identity),
                drills=True,
                database_namespace=identity.namespace,
                edge_replicas=3,
                tiers=tuple(plan.tiers),
            ),
            opts,
        )

    return build


def shared(identity: Identity, plan: Plan) -> Callable[..., None]:
    """A program with the data services of a retailer on a shared database."""

    def build(opts: pulumi.ResourceOptions, backup: pulumi.ProviderResource) -> None:
        surroundings(identity, opts)
        key, secrets = key_and_secrets(identity, opts, owns_database=False)
        Backups(
            "backups",
            BackupsArgs(
                identity=identity,
                objectives=plan.objectives,
                backup_account="444455556666",
                recovery_region="eu-west-1",
                backup_provider=backup,
                kms_key_arn=key.key_arn,
                lock_mode="GOVERNANCE",
                database=False,
            ),
            opts,
        )
        SharedDatabaseTenant(
            "database",
            SharedDatabaseTenantArgs(
                identity=identity,
                database=SharedDatabase(
                    namespace="retail-production",
                    cluster="retail-db",
                    direct_host="retail-db-rw.retail-production.svc",
                    integration_pooler_host="retail-db-pooler-integration.retail-production.svc",
                    pooler_host="retail-db-pooler.retail-production.svc",
                ),
                connection_limit=60,
                external_secrets_role_arn=CONTROLLER_ROLE,
            ),
            opts,
        )
        sessions(identity, plan, key, secrets, opts)
        Observability(
            "observability",
            ObservabilityArgs(
                identity=identity,
                objectives=plan.objectives,
                cluster_name=None,
                drills=False,
                database_namespace="retail-production",
                edge_replicas=0,
                tiers=tuple(plan.tiers),
            ),
            opts,
        )

    return build


PROGRAMS = {
    "gold": (dedicated, {}),
    "silver": (dedicated, {"objective_class": "silver"}),
    "bronze": (dedicated, {"objective_class": "bronze", "environment": "development"}),
    "shared": (shared, {"objective_class": "bronze", "environment": "training"}),
}


@pytest.fixture(scope="module", params=sorted(PROGRAMS))
def program(request: Any, identity: Identity, make_test_plan: Callable[..., Plan]) -> Callable[..., None]:
    make, changes = PROGRAMS[request.param]
    plan = make_test_plan(**changes)
    return make(replace(identity, environment=str(plan.settings.environment)), plan)


@pytest.fixture(scope="module")
def schemas() -> Schemas:
    return catalogue_schemas()


def surroundings(identity: Identity, opts: pulumi.ResourceOptions) -> None:
    """What other components make: a namespace, priority classes, and the platform's database."""
    for namespace in (identity.namespace, "retail-production"):
        Namespace(f"namespace-{namespace}", metadata={"name": namespace}, opts=opts)
    for value, name in enumerate(("headroom", "deferrable", "important", "critical")):
        PriorityClass(f"priority-{name}", metadata={"name": name}, value=value, opts=opts)
    for operator in ("cnpg-system", "observability"):
        Release(operator, chart=operator, name=operator, namespace=operator, create_namespace=True, opts=opts)
    CustomResource(
        "platform-database",
        api_version="postgresql.cnpg.io/v1",
        kind="Cluster",
        metadata={"name": "retail-db", "namespace": "retail-production"},
        spec={"instances": 1, "storage": {"size": "1Gi"}},
        opts=opts,
    )


@pytest.mark.parametrize("preview", [True, False])
def test_every_object_fits_its_schema_and_every_reference_leads_somewhere(
    program: Any, run_component: Any, schemas: Schemas, preview: bool
) -> None:
    report = check(run_component(program, preview=preview), schemas=schemas)
    assert [f"{finding.where.kind} {finding.path}: {finding.message}" for finding in report.findings] == []


def test_no_secret_is_in_plain_text(program: Any, run_component: Any) -> None:
    evaluation = run_component(program)
    secrets = {"relay-password"} | {
        reveal(resource.outputs["result"]) for resource in evaluation.resources.values() if "result" in resource.outputs
    }
    assert len(secrets) > 1
    for resource in evaluation.resources.values():
        for values in (resource.inputs, resource.outputs):
            assert not any(text in json.dumps(_public(values)) for text in secrets), resource.urn


def _public(value: Any) -> Any:
    """`value` as anybody may see it."""
    if isinstance(value, Secret):
        return "[secret]"
    if isinstance(value, dict):
        return {key: _public(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_public(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


STATEFUL = (
    "aws:kms/key:Key",
    "aws:kms/replicaKey:ReplicaKey",
    "aws:s3/bucket:Bucket",
    "aws:secretsmanager/secret:Secret",
    "aws:elasticache/replicationGroup:ReplicationGroup",
    "kubernetes:postgresql.cnpg.io/v1:Cluster",
    "kubernetes:postgresql.cnpg.io/v1:Database",
    "kubernetes:postgresql.cnpg.io/v1:DatabaseRole",
)


def test_what_holds_data_is_protected_and_retained(program: Any, run_component: Any) -> None:
    evaluation = run_component(program)
    stateful = [
        resource
        for resource in evaluation.resources.values()
        if resource.type in STATEFUL and resource.name != "platform-database"
    ]
    assert stateful
    assert [resource.name for resource in stateful if not (resource.protect and resource.retain_on_delete)] == []


def test_every_resource_has_an_explicit_provider(program: Any, run_component: Any) -> None:
    evaluation = run_component(program)
    own = [
        resource
        for resource in evaluation.resources.values()
        if resource.custom and not resource.type.startswith("pulumi:")
    ]
    assert [resource.urn for resource in own if not resource.provider] == []


def test_the_season_changes_nothing(
    identity: Identity, make_test_plan: Callable[..., Plan], run_component: Any
) -> None:
    """Databases, volumes, session stores and backups are sized for the peak all year."""

    def inputs(season: str) -> dict[str, Any]:
        evaluation = run_component(dedicated(identity, make_test_plan(season=season)), preview=True)
        return {urn: resource.inputs for urn, resource in evaluation.resources.items()}

    assert inputs("normal") == inputs("peak")
