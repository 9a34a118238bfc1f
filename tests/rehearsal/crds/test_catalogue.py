from collections.abc import Iterator
from typing import Any

from rehearsal.crds.catalogue import crd_dir, load_crds, own_crds

# What the platform is made of; a kind that is missing here would be a finding in every stack.
NEEDED = {
    "scaledobjects.keda.sh", "triggerauthentications.keda.sh", "clustertriggerauthentications.keda.sh",
    "ingressroutes.traefik.io", "middlewares.traefik.io", "tlsoptions.traefik.io", "serverstransports.traefik.io",
    "traefikservices.traefik.io", "certificates.cert-manager.io", "issuers.cert-manager.io",
    "clusterissuers.cert-manager.io", "externalsecrets.external-secrets.io", "secretstores.external-secrets.io",
    "clustersecretstores.external-secrets.io", "prometheusrules.monitoring.coreos.com",
    "servicemonitors.monitoring.coreos.com", "podmonitors.monitoring.coreos.com", "nodepools.karpenter.sh",
    "nodeclaims.karpenter.sh", "ec2nodeclasses.karpenter.k8s.aws", "objectstores.barmancloud.cnpg.io",
    "volumesnapshotclasses.snapshot.storage.k8s.io", "clusters.postgresql.cnpg.io", "poolers.postgresql.cnpg.io",
    "scheduledbackups.postgresql.cnpg.io", "backups.postgresql.cnpg.io", "databases.postgresql.cnpg.io",
    "databaseroles.postgresql.cnpg.io",
}  # fmt: skip


def test_every_kind_of_the_platform_is_there_once() -> None:
    names = [crd["metadata"]["name"] for crd in load_crds()]
    assert set(names) >= NEEDED
    assert len(names) == len(set(names))


def test_every_crd_is_served_in_a_stored_version() -> None:
    for crd in load_crds():
        assert sum(version["storage"] for version in crd["spec"]["versions"]) == 1


def test_fetched_ones_are_files_named_after_them() -> None:
    fetched = {file.stem for file in crd_dir().iterdir()}
    assert fetched | {crd["metadata"]["name"] for crd in own_crds()} == {c["metadata"]["name"] for c in load_crds()}


def open_fields(schema: dict[str, Any], path: str) -> Iterator[str]:
    if schema.get("x-kubernetes-preserve-unknown-fields"):
        yield path
    for name, field in schema.get("properties", {}).items():
        yield from open_fields(field, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from open_fields(schema[key], path)


def test_our_own_schemas_let_nothing_unknown_pass_but_a_pod_template() -> None:
    found = [
        place
        for crd in own_crds()
        for version in crd["spec"]["versions"]
        for place in open_fields(version["schema"]["openAPIV3Schema"], crd["spec"]["names"]["kind"])
    ]
    assert found == ["Pooler.spec.template"]
