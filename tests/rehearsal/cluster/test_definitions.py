"""Installing CustomResourceDefinitions: once, again, changed, and refused."""

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.cluster.client import Client
from rehearsal.cluster.definitions import install
from rehearsal.errors import RehearsalError
from rehearsal.progress import QuietProgress

pytestmark = pytest.mark.cluster


@pytest.fixture
def group(client: Client) -> Iterator[str]:
    name = f"cl-{uuid.uuid4().hex[:8]}.retail.example"
    yield name
    client.delete("apiextensions.k8s.io/v1", "CustomResourceDefinition", f"tills.{name}")


def definition(group: str, **spec_of_till: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": spec_of_till}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"tills.{group}", "annotations": {"made-by": "test"}},
        "spec": {
            "group": group,
            "names": {"kind": "Till", "plural": "tills", "singular": "till", "listKind": "TillList"},
            "scope": "Namespaced",
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
        "status": {"acceptedNames": {"kind": "", "plural": ""}, "conditions": [], "storedVersions": []},
    }


def test_objects_can_be_made_as_soon_as_it_returns(client: Client, group: str, namespace: str) -> None:
    assert install(client, [definition(group, name={"type": "string"})], QuietProgress()) == 1
    till = {"apiVersion": f"{group}/v1", "kind": "Till", "metadata": {"name": "one", "namespace": namespace}}
    assert client.apply({**till, "spec": {"name": "front"}})["spec"] == {"name": "front"}


def test_only_what_is_missing_or_differs_is_applied(client: Client, group: str) -> None:
    first, second = definition(group), definition(group, name={"type": "string"})
    assert install(client, [first], QuietProgress()) == 1
    assert install(client, [first], QuietProgress()) == 0
    assert install(client, [second], QuietProgress()) == 1


def test_refusals_are_told_by_name(client: Client, group: str) -> None:
    with pytest.raises(RehearsalError, match=rf"(?s)refused.*tills\.{group}: .*type"):
        install(client, [definition(group, name={"type": "sting"})], QuietProgress())
