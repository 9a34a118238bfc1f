"""Small programs, written as the manifests they declare."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml

from rehearsal.check.inventory import declared
from rehearsal.check.references import Proof, prove
from rehearsal.check.run import catalogue_schemas
from rehearsal.check.schemas import Schemas
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, Resource

Manifest = dict[str, Any]
MakeEvaluation = Callable[..., Evaluation]
ProveYaml = Callable[..., Proof]


@pytest.fixture(scope="session")
def schemas() -> Schemas:
    """All kinds of the rehearsal; CRDs are fetched into the cache if this is their first use."""
    return catalogue_schemas()


def resource(type_token: str, name: str, inputs: Manifest, custom: bool = True) -> Resource:
    urn = f"urn:pulumi:test::odoo-retail::{type_token}::{name}"
    return Resource(urn, type_token, name, "", custom, inputs, dict(inputs))


@pytest.fixture
def evaluation_of() -> MakeEvaluation:
    """Makes the evaluation of a program that declares `manifests`, beside other resources and referenced stacks."""

    def make(
        manifests: list[Manifest], *more: tuple[str, str, Manifest], references: dict[str, Evaluation] | None = None
    ) -> Evaluation:
        made = []
        for number, manifest in enumerate(manifests):
            version = manifest["apiVersion"] if "/" in manifest["apiVersion"] else "core/v1"
            made.append(resource(f"kubernetes:{version}:{manifest['kind']}", f"object-{number}", manifest))
        made += [resource(*entry) for entry in more]
        stack = "platform" if references is None else "hosted"
        resources = {one.urn.replace(":test:", f":{stack}:"): one for one in made}
        for urn, one in resources.items():
            one.urn = urn
        return Evaluation("odoo-retail", stack, False, {}, frozenset(), resources, {}, references or {})

    return make


@pytest.fixture
def prove_yaml(schemas: Schemas, evaluation_of: MakeEvaluation) -> ProveYaml:
    """Proves the references of YAML documents, in a namespace `shop` that is declared beside them."""

    def run(text: str, *more: tuple[str, str, Manifest], platform: str | None = None) -> Proof:
        references = None if platform is None else {"o/p/platform": evaluation_of(documents(platform))}
        evaluation = evaluation_of([*documents(text), NAMESPACE], *more, references=references)

        def of(stack: Evaluation) -> list[Any]:
            objects = kubernetes_objects(stack)
            return [declared(item, schemas.cluster_scoped(item.api_version, item.kind)) for item in objects]

        return prove(evaluation, of(evaluation), [item for stack in (references or {}).values() for item in of(stack)])

    return run


NAMESPACE: Manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}


def documents(text: str) -> list[Manifest]:
    return [document for document in yaml.safe_load_all(text) if document]
