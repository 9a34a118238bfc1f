"""The database of every shipped stack: what its class, its environment and its hosting ask of it."""

import re
from typing import Any

import pytest

from rehearsal.engine.kubernetes_objects import KubernetesObject
from rehearsal.engine.model import Evaluation, reveal


@pytest.fixture(scope="session")
def contract(deployed: Evaluation) -> dict[str, Any]:
    """The configuration of the stack, by key."""
    return {key.removeprefix("odoo-retail:"): value for key, value in deployed.config.items()}


def specs(objects: list[KubernetesObject], kind: str) -> dict[str, Any]:
    return {item.name: reveal(item.manifest["spec"]) for item in objects if item.kind == kind}


def test_gold_declares_both_regions_and_no_other_class_does(
    objects: list[KubernetesObject], contract: dict[str, Any]
) -> None:
    for cluster in specs(objects, "Cluster").values():
        ends = [end["name"].removeprefix(f"{contract['retailer']}-db-") for end in cluster.get("externalClusters", ())]
        gold = contract["objective-class"] == "gold"
        assert ends == (sorted([contract["region"], contract["recovery-region"]]) if gold else [])
        assert ("replica" in cluster) == gold


def test_production_updates_wait_for_a_person(objects: list[KubernetesObject], contract: dict[str, Any]) -> None:
    for cluster in specs(objects, "Cluster").values():
        production = contract["environment"] == "production"
        assert cluster["primaryUpdateStrategy"] == ("supervised" if production else "unsupervised")


def test_integration_alone_uses_its_poolers(objects: list[KubernetesObject]) -> None:
    hosts: dict[str, str] = {}
    for name, secret in specs(objects, "ExternalSecret").items():
        conf = str(secret["target"].get("template", {}).get("data", {}).get("odoo.conf", ""))
        if found := re.search(r"^db_host = (\S+)", conf, re.MULTILINE):
            hosts[name.removeprefix("odoo-")] = found[1].partition(".")[0]
    assert {tier for tier, host in hosts.items() if host.endswith("-pooler-integration")} <= {"integration"}
    assert not hosts or hosts["integration"].endswith("-pooler-integration")


def test_every_role_that_may_log_in_has_a_limit_and_a_password(objects: list[KubernetesObject]) -> None:
    clusters = specs(objects, "Cluster").values()
    roles = [role for cluster in clusters for role in cluster["managed"]["roles"]]
    roles += specs(objects, "DatabaseRole").values()
    for role in roles:
        assert not role["login"] or (role["connectionLimit"] > 0 and role["passwordSecret"]["name"]), role["name"]
