import copy
from typing import Any

import pytest

from rehearsal.crds.validate import CustomResources, strict
from rehearsal.engine.model import UNKNOWN, Secret

CLUSTER: dict[str, Any] = {
    "apiVersion": "postgresql.cnpg.io/v1",
    "kind": "Cluster",
    "metadata": {"name": "shop", "namespace": "shop", "labels": {"retail/tier": "database"}},
    "spec": {
        "instances": 3,
        "postgresql": {
            "parameters": {"max_connections": "400"},
            "synchronous": {"method": "any", "number": 1, "dataDurability": "required", "failoverQuorum": True},
        },
        "storage": {"size": "200Gi", "storageClass": "gp3"},
        "resources": {"requests": {"cpu": "4", "memory": "16Gi"}, "limits": {"memory": "16Gi"}},
        "affinity": {"podAntiAffinityType": "required", "topologyKey": "topology.kubernetes.io/zone"},
        "plugins": [{"name": "barman-cloud.cloudnative-pg.io", "isWALArchiver": True, "parameters": {"a": "b"}}],
    },
}
POOLER: dict[str, Any] = {
    "apiVersion": "postgresql.cnpg.io/v1",
    "kind": "Pooler",
    "metadata": {"name": "shop-rw-pool", "namespace": "shop"},
    "spec": {
        "cluster": {"name": "shop"},
        "instances": 3,
        "pgbouncer": {"poolMode": "transaction", "parameters": {"max_client_conn": "1000"}},
        "template": {"spec": {"containers": [{"name": "pgbouncer", "resources": {"requests": {"cpu": "100m"}}}]}},
    },
}
SCALED: dict[str, Any] = {
    "apiVersion": "keda.sh/v1alpha1",
    "kind": "ScaledObject",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "scaleTargetRef": {"name": "web"},
        "triggers": [{"type": "cron", "metadata": {"timezone": "Europe/Zurich", "start": "0 8 * * *"}}],
    },
}


def changed(manifest: dict[str, Any], value: Any, *path: str | int) -> dict[str, Any]:
    copied = copy.deepcopy(manifest)
    place: Any = copied
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return copied


@pytest.mark.parametrize("manifest", [CLUSTER, POOLER, SCALED], ids=["Cluster", "Pooler", "ScaledObject"])
def test_good_ones_pass(custom_resources: CustomResources, manifest: dict[str, Any]) -> None:
    assert custom_resources.problems(manifest) == []


@pytest.mark.parametrize(
    ("manifest", "path", "words"),
    [
        (changed(CLUSTER, 0, "spec", "instances"), "spec.instances", "1 or more"),
        (changed(CLUSTER, 3, "spec", "instancs"), "spec", "did you mean instances?"),
        (changed(CLUSTER, 400, "spec", "postgresql", "parameters", "max_connections"),
         "spec.postgresql.parameters.max_connections", "allowed: a text"),
        (changed(CLUSTER, "both", "spec", "postgresql", "synchronous", "method"),
         "spec.postgresql.synchronous.method", "any, first"),
        (changed(CLUSTER, "16 Gi", "spec", "resources", "requests", "memory"), "spec.resources.requests.memory", ""),
        (changed(CLUSTER, {"destinationPath": "s3://x"}, "spec", "backup"), "spec.backup", "unknown field"),
        (changed(CLUSTER, "not a label!", "metadata", "labels", "a"), "metadata.labels.a", "a label value"),
        (changed(CLUSTER, "Shop_1", "metadata", "name"), "metadata.name", "a DNS name"),
        (changed(CLUSTER, "postgresql.cnpg.io/v2", "apiVersion"), "apiVersion", "allowed: v1"),
        (changed(POOLER, "statement", "spec", "pgbouncer", "poolMode"),
         "spec.pgbouncer.poolMode", "session, transaction"),
        # Our own schema leaves the template open; Kubernetes' type closes it.
        (changed(POOLER, {}, "spec", "template", "spec", "containers", 0, "resorces"),
         "spec.template.spec.containers[0]", "did you mean resources?"),
        (changed(SCALED, [{"metadata": {}}], "spec", "triggers"), "spec.triggers[0]", "type is missing"),
        (changed(SCALED, {}, "spec"), "spec", "are missing"),
    ],
)  # fmt: skip
def test_bad_ones_are_told(custom_resources: CustomResources, manifest: dict[str, Any], path: str, words: str) -> None:
    (problem,) = custom_resources.problems(manifest)
    assert problem.path == path
    assert words in problem.message


def test_unknown_and_secret_values_pass(custom_resources: CustomResources) -> None:
    assert custom_resources.problems(changed(CLUSTER, UNKNOWN, "spec", "storage")) == []
    assert custom_resources.problems(changed(CLUSTER, Secret(3), "spec", "instances")) == []


def test_no_metadata_is_a_problem(custom_resources: CustomResources) -> None:
    manifest = {key: value for key, value in SCALED.items() if key != "metadata"}
    assert [problem.message for problem in custom_resources.problems(manifest)] == ["metadata is missing"]


def test_scope_and_knowledge(custom_resources: CustomResources) -> None:
    assert custom_resources.namespaced("keda.sh", "ScaledObject")
    assert not custom_resources.namespaced("karpenter.sh", "NodePool")
    assert custom_resources.knows("postgresql.cnpg.io", "DatabaseRole")
    assert not custom_resources.knows("argoproj.io", "Rollout")


def test_a_structural_schema_becomes_strict() -> None:
    schema = strict(
        {
            "type": "object",
            "properties": {
                "open": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "map": {"type": "object", "additionalProperties": {"type": "string", "nullable": True}},
                "size": {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
                "pod": {"type": "object", "x-kubernetes-embedded-resource": True},
                "one": {"type": "object", "properties": {"a": {"type": "string"}}, "oneOf": [{"required": ["a"]}]},
            },
        }
    )
    fields = schema["properties"]
    assert schema["additionalProperties"] is False
    assert "additionalProperties" not in fields["open"]
    assert fields["map"]["additionalProperties"]["type"] == ["string", "null"]
    assert fields["size"] == {"type": ["integer", "string"]}
    assert {"apiVersion", "kind", "metadata"} <= fields["pod"]["properties"].keys()
    # The alternatives only restrict: one that was closed itself would refuse the fields beside it.
    assert fields["one"]["oneOf"] == [{"required": ["a"]}]
