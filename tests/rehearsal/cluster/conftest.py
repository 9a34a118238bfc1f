"""Programs made of a few resources, and a namespace of its own for each test that needs a cluster."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import pytest

from rehearsal.cluster.client import Client
from rehearsal.cluster.state import State, open_state
from rehearsal.engine.model import Evaluation, Resource
from rehearsal.progress import QuietProgress


class Plane(Protocol):
    kubeconfig: Path


MakeResource = Callable[..., Resource]
MakeProgram = Callable[..., Evaluation]


@pytest.fixture
def kubernetes() -> MakeResource:
    """Makes the resource of an object: `kubernetes("ConfigMap", "settings", {"data": ...}, namespace="shop")`.

    The logical name is the object's, unless `logical` says otherwise; other keywords are the resource's options.
    """

    def make(
        kind: str,
        name: str,
        body: Mapping[str, Any] | None = None,
        *,
        api_version: str = "v1",
        namespace: str | None = None,
        logical: str = "",
        **options: Any,
    ) -> Resource:
        token = f"kubernetes:{api_version if '/' in api_version else 'core/' + api_version}:{kind}"
        metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
        inputs = {"apiVersion": api_version, "kind": kind, "metadata": metadata, **(body or {})}
        urn = f"urn:pulumi:dev::odoo-retail::{token}::{logical or name}"
        options = {"parent": "", "custom": True, "outputs": {}, **options}
        return Resource(urn=urn, type=token, name=logical or name, inputs=inputs, **options)

    return make


@pytest.fixture
def resource() -> MakeResource:
    """Makes any other resource: `resource("aws:s3/bucket:Bucket", "backups", custom=True)`."""

    def make(token: str, name: str, **options: Any) -> Resource:
        options = {"parent": "", "custom": True, "inputs": {}, "outputs": {}, **options}
        return Resource(urn=f"urn:pulumi:dev::odoo-retail::{token}::{name}", type=token, name=name, **options)

    return make


@pytest.fixture
def program() -> MakeProgram:
    """Makes the evaluation of a program that has these resources, in the order of registration."""

    def make(*resources: Resource, stack: str = "dev") -> Evaluation:
        return Evaluation(
            project="odoo-retail",
            stack=stack,
            preview=False,
            config={},
            secret_keys=frozenset(),
            resources={resource.urn: resource for resource in resources},
            outputs={},
            references={},
        )

    return make


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with open_state(tmp_path, "dev", QuietProgress()) as opened:
        yield opened


@pytest.fixture
def client(plane: Plane) -> Iterator[Client]:
    with Client(plane.kubeconfig) as connected:
        yield connected


@pytest.fixture
def namespace(client: Client) -> Iterator[str]:
    """A namespace of the test's own, removed when it ends."""
    name = f"cl-{uuid.uuid4().hex[:8]}"
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    client.delete("v1", "Namespace", name)
