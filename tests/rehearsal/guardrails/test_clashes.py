"""What two stacks may not both claim."""

from typing import Any

from rehearsal.engine.model import Evaluation, Resource
from rehearsal.guardrails.clashes import clashes


def stack(name: str, *resources: tuple[str, str, dict[str, Any], dict[str, Any]], platform: str = "") -> Evaluation:
    made = {
        f"urn:{name}:{number}": Resource(f"urn:{name}:{number}", kind, called, "", True, inputs, outputs)
        for number, (kind, called, inputs, outputs) in enumerate(resources)
    }
    references = {f"o/p/{platform}": stack(platform)} if platform else {}
    return Evaluation("p", name, False, {}, frozenset(), made, {}, references)


def role(arn: str) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    return "aws:iam/role:Role", "role", {}, {"arn": arn}


def custom(kind: str, name: str, spec: dict[str, Any]) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    return f"kubernetes:example.org/v1:{kind}", name, {"metadata": {"name": name, "namespace": "n"}, "spec": spec}, {}


def route(name: str, match: str) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    return custom("IngressRoute", name, {"routes": [{"match": match}]})


def told(*stacks: Evaluation) -> list[str]:
    return [str(each) for each in clashes(stacks)]


def test_names_in_aws() -> None:
    assert told(stack("a", role("arn:x")), stack("b", role("arn:x")), stack("c", role("arn:y"))) == [
        "AWS resource arn:x is claimed by a and b"
    ]


def test_hosts_whatever_the_routes_are_called() -> None:
    one, two = route("r", "Host(`shop.example`) && Path(`/x`)"), route("q", "PathPrefix(`/`) && Host(`Shop.example`)")
    assert told(stack("a", one, one), stack("b", two)) == ["host shop.example is claimed by a and b"]


def test_objects_and_databases_of_a_shared_cluster_alone() -> None:
    role_of = custom("DatabaseRole", "r", {"cluster": {"name": "db"}, "name": "acme"})
    renamed = custom("DatabaseRole", "s", {"cluster": {"name": "db"}, "name": "acme"})
    assert told(stack("a", role_of), stack("b", role_of)) == []
    assert told(stack("a", role_of, platform="p"), stack("b", renamed, platform="p")) == [
        "DatabaseRole in PostgreSQL p/n/db acme is claimed by a and b"
    ]
    assert len(told(stack("a", role_of, platform="p"), stack("b", role_of, platform="p"))) == 2


def test_archives() -> None:
    store = custom("ObjectStore", "s", {"configuration": {"destinationPath": "s3://b/p"}})
    assert told(stack("a", store), stack("b", store)) == ["archive s3://b/p is claimed by a and b"]
