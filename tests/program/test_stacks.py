"""What holds of every shipped stack, in a preview and in an `up`."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.check.run import catalogue_schemas, check
from rehearsal.check.schemas import Schemas
from rehearsal.engine.kubernetes_objects import KubernetesObject, kubernetes_objects
from rehearsal.engine.model import UNKNOWN, Evaluation, Resource, Secret, contains, reveal

STATEFUL = {
    "aws:elasticache/replicationGroup:ReplicationGroup",
    "aws:kms/key:Key",
    "aws:kms/replicaKey:ReplicaKey",
    "aws:s3/bucket:Bucket",
    "aws:secretsmanager/secret:Secret",
    "kubernetes:postgresql.cnpg.io/v1:Cluster",
    "kubernetes:postgresql.cnpg.io/v1:Database",
    "kubernetes:postgresql.cnpg.io/v1:DatabaseRole",
}
"""Types whose loss is a loss of data."""

SECRET_ENV = re.compile(r"PASS|SECRET|TOKEN|CREDENTIAL|(ACCESS|API|PRIVATE)_?KEY", re.IGNORECASE)


@pytest.fixture(scope="module")
def schemas() -> Schemas:
    return catalogue_schemas()


def custom(evaluation: Evaluation) -> list[Resource]:
    return [resource for resource in evaluation.resources.values() if resource.custom]


def test_check_finds_nothing_wrong(evaluation: Evaluation, schemas: Schemas) -> None:
    report = check(evaluation, schemas=schemas)
    assert [f"{each.where}: {each.path}: {each.message}" for each in report.findings] == []
    assert report.references_proven > 50


def test_the_program_says_nothing(evaluation: Evaluation) -> None:
    assert evaluation.warnings == []


def test_every_resource_has_an_explicit_provider(evaluation: Evaluation) -> None:
    without = [
        resource.urn
        for resource in custom(evaluation)
        if not resource.provider and not resource.type.startswith("pulumi:")
    ]
    assert without == []
    unknown = {resource.provider for resource in custom(evaluation)} - {"", *evaluation.resources}
    assert unknown == set()
    assert not any("::default" in urn for urn in evaluation.resources)


def test_every_name_is_there_once(evaluation: Evaluation) -> None:
    found = kubernetes_objects(evaluation)  # raises for an object without an explicit metadata.name
    where = Counter((each.api_version.rpartition("/")[0], each.kind, each.namespace, each.name) for each in found)
    assert [address for address, count in where.items() if count > 1] == []
    assert all(urn == resource.urn for urn, resource in evaluation.resources.items())


def test_every_release_has_a_name_and_a_version(evaluation: Evaluation) -> None:
    for resource in custom(evaluation):
        if resource.type == "kubernetes:helm.sh/v3:Release":
            assert resource.inputs["name"] and re.match(r"v?\d+\.\d+\.\d+$", resource.inputs["version"]), resource.name


def test_what_holds_data_can_not_be_deleted_by_mistake(evaluation: Evaluation) -> None:
    bare = [
        resource.urn
        for resource in custom(evaluation)
        if resource.type in STATEFUL and not (resource.protect and resource.retain_on_delete)
    ]
    assert bare == []
    assert any(resource.type in STATEFUL for resource in custom(evaluation))


def test_no_output_was_formatted_as_text(evaluation: Evaluation) -> None:
    def formatted(value: Any) -> bool:
        return isinstance(value, str) and ("Calling __str__" in value or "<pulumi.output.Output" in value)

    found = [r.urn for r in evaluation.resources.values() if contains([r.inputs, r.outputs, r.name], formatted)]
    assert found == []
    assert not contains(evaluation.outputs, formatted)


def test_only_a_preview_has_unknown_values(evaluation: Evaluation) -> None:
    def unknown(value: Any) -> bool:
        return value is UNKNOWN

    found = [r.urn for r in evaluation.resources.values() if contains([r.inputs, r.outputs], unknown)]
    assert bool(found) is evaluation.preview


def test_both_modes_have_the_same_resources(evaluation: Evaluation, deployed: Evaluation) -> None:
    assert list(evaluation.resources) == list(deployed.resources)


def test_no_object_holds_a_secret(evaluation: Evaluation) -> None:
    """They come from Secrets Manager by ExternalSecrets; what is in an object is in Pulumi's state and in etcd."""
    for each in kubernetes_objects(evaluation):
        assert each.kind != "Secret", each.urn
        assert not contains(each.manifest, lambda value: isinstance(value, Secret)), each.urn


def test_no_environment_variable_holds_a_secret(evaluation: Evaluation) -> None:
    literal = [
        f"{each.kind} {each.name}: {variable['name']}"
        for each in kubernetes_objects(evaluation)
        for variable in environment(reveal(each.manifest))
        if SECRET_ENV.search(variable["name"]) and "value" in variable
    ]
    assert literal == []


def environment(manifest: Any) -> Iterator[dict[str, Any]]:
    """Every environment variable of every container in a manifest."""
    if isinstance(manifest, dict):
        for key, value in manifest.items():
            if key in ("containers", "initContainers"):
                yield from (variable for container in value for variable in container.get("env", []))
            else:
                yield from environment(value)
    elif isinstance(manifest, list):
        for item in manifest:
            yield from environment(item)


def test_environment_variables_are_found(objects: list[KubernetesObject], deployed: Evaluation) -> None:
    """So that the test above is not empty."""
    names = {variable["name"] for each in objects for variable in environment(reveal(each.manifest))}
    assert deployed.outputs["namespace"] == "platform-production" or "ODOO_SESSION_REDIS_URL" in names
