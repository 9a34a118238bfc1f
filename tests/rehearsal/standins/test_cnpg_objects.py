from typing import Any

import kubernetes_validate
import pytest

from rehearsal.standins import cnpg_objects as objects
from rehearsal.standins import cnpg_secrets as secrets
from rehearsal.standins.generated import Generator
from rehearsal.standins.tls import Authority
from retail import versions


def cluster(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "postgresql.cnpg.io/v1",
        "kind": "Cluster",
        "metadata": {"name": "pg", "namespace": "shop", "uid": "uid"},
        "spec": {"instances": 3, "storage": {"size": "10Gi", "storageClass": "gp3"}, **spec},
    }


FULL = cluster(
    walStorage={"size": "5Gi", "storageClass": "gp3"},
    imageName="registry/postgres@sha256:1",
    resources={"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"memory": "8Gi"}},
    priorityClassName="critical",
    inheritedMetadata={"labels": {"retail/tier": "database"}, "annotations": {"note": "x"}},
    topologySpreadConstraints=[
        {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
    ],
    affinity={
        "podAntiAffinityType": "required",
        "topologyKey": "topology.kubernetes.io/zone",
        "nodeSelector": {"retail/pool": "data"},
        "tolerations": [{"key": "postgres", "operator": "Exists"}],
    },
)


@pytest.mark.parametrize("item", [cluster(), FULL])
def test_everything_is_valid_kubernetes(item: dict[str, Any]) -> None:
    made = [
        objects.pod(item, 1, primary=True),
        *objects.claims(item, 1),
        *objects.services(item),
        *objects.disruption_budgets(item),
        *objects.service_account(item),
        *(secrets.secret(item, suffix, Generator(b""), Authority()) for suffix in secrets.secret_names(item)),
    ]
    for manifest in made:
        kubernetes_validate.validate(manifest, versions.KUBERNETES, strict=True)
        assert manifest["metadata"]["namespace"] == "shop"
        assert manifest["metadata"]["labels"]["retail/stand-in"] == "cnpg"
        assert manifest["metadata"]["ownerReferences"][0]["uid"] == "uid"


def test_the_pod_is_the_clusters() -> None:
    pod = objects.pod(FULL, 2, primary=False)
    labels, spec = pod["metadata"]["labels"], pod["spec"]
    assert pod["metadata"]["name"] == labels["cnpg.io/instanceName"] == "pg-2"
    assert labels["cnpg.io/cluster"] == "pg"
    assert labels["cnpg.io/instanceRole"] == labels["role"] == "replica"
    assert labels["cnpg.io/podRole"] == "instance"
    assert labels["retail/tier"] == "database"
    assert spec["containers"][0]["image"] == "registry/postgres@sha256:1"
    assert spec["containers"][0]["resources"] == FULL["spec"]["resources"]
    assert spec["nodeSelector"] == {"retail/pool": "data"}
    assert spec["tolerations"] == FULL["spec"]["affinity"]["tolerations"]
    assert spec["priorityClassName"] == "critical"
    assert spec["topologySpreadConstraints"] == FULL["spec"]["topologySpreadConstraints"]
    held = {volume.get("persistentVolumeClaim", {}).get("claimName") for volume in spec["volumes"]}
    assert {"pg-2", "pg-2-wal"} <= held


def test_the_pod_passes_the_restricted_profile() -> None:
    spec = objects.pod_spec(cluster(), 1)
    security = spec["securityContext"]
    assert security["runAsNonRoot"]
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in spec["containers"]:
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert {key for volume in spec["volumes"] for key in volume} <= {"name", "persistentVolumeClaim", "emptyDir"}


def anti_affinity(**affinity: Any) -> dict[str, Any]:
    found: dict[str, Any] = (
        objects.pod_spec(cluster(affinity=affinity), 1).get("affinity", {}).get("podAntiAffinity", {})
    )
    return found


def test_anti_affinity_is_preferred_by_host_unless_the_cluster_says_otherwise() -> None:
    (preferred,) = anti_affinity()["preferredDuringSchedulingIgnoredDuringExecution"]
    assert preferred["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
    (required,) = anti_affinity(podAntiAffinityType="required", topologyKey="zone")[
        "requiredDuringSchedulingIgnoredDuringExecution"
    ]
    assert required["topologyKey"] == "zone"
    assert anti_affinity(enablePodAntiAffinity=False) == {}


def test_additional_affinity_is_kept() -> None:
    term = {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "batch"}}}
    field = "requiredDuringSchedulingIgnoredDuringExecution"
    both = anti_affinity(podAntiAffinityType="required", additionalPodAntiAffinity={field: [term]})[field]
    assert len(both) == 2
    assert both[1] == term


def test_the_pods_hash_is_of_its_spec_alone() -> None:
    def hashed(item: dict[str, Any], *, primary: bool = False) -> str:
        return str(objects.pod(item, 1, primary=primary)["metadata"]["annotations"]["retail/stand-in-hash"])

    assert hashed(cluster()) == hashed(cluster(), primary=True)
    assert hashed(cluster()) == hashed(cluster(inheritedMetadata={"labels": {"a": "b"}}, postgresql={"parameters": {}}))
    assert hashed(cluster()) != hashed(cluster(imageName="other"))


def test_services_follow_the_roles() -> None:
    selectors = {item["metadata"]["name"]: item["spec"]["selector"] for item in objects.services(cluster())}
    assert selectors == {
        "pg-rw": {"cnpg.io/cluster": "pg", "cnpg.io/instanceRole": "primary"},
        "pg-ro": {"cnpg.io/cluster": "pg", "cnpg.io/instanceRole": "replica"},
        "pg-r": {"cnpg.io/cluster": "pg", "cnpg.io/podRole": "instance"},
    }
    fewer = cluster(managed={"services": {"disabledDefaultServices": ["ro", "r"]}})
    assert [item["metadata"]["name"] for item in objects.services(fewer)] == ["pg-rw"]


def test_service_accounts() -> None:
    template = {"metadata": {"annotations": {"eks": "role"}}}
    (account,) = objects.service_account(cluster(serviceAccountTemplate=template))
    assert account["metadata"]["name"] == "pg"
    assert account["metadata"]["annotations"]["eks"] == "role"
    given = cluster(serviceAccountName="mine")
    assert list(objects.service_account(given)) == []
    assert objects.pod_spec(given, 1)["serviceAccountName"] == "mine"
