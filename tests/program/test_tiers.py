"""What the tiers' objects say, taken together: who scales them, and which way they take to the database."""

import configparser
from typing import Any

import pytest

from rehearsal.engine.kubernetes_objects import KubernetesObject, kubernetes_objects
from rehearsal.engine.model import Evaluation, reveal
from retail.naming import LABEL_TIER
from retail.tiers import PROFILES, Tier

pytestmark = pytest.mark.usefixtures("deployed")

DIRECT = {Tier.WEBSOCKET, Tier.JOBRUNNER, Tier.SCHEDULED}
"""The tiers that LISTEN, which transaction pooling breaks (docs/architecture.md, tiers)."""


def of_kind(objects: list[KubernetesObject], kind: str) -> list[dict[str, Any]]:
    return [reveal(each.manifest) for each in objects if each.kind == kind]


def name_of(manifest: dict[str, Any]) -> tuple[str, str]:
    return manifest["metadata"]["namespace"], manifest["metadata"]["name"]


def test_replicas_are_left_to_who_scales(objects: list[KubernetesObject]) -> None:
    scaled = {
        (name_of(each)[0], each["spec"]["scaleTargetRef"]["name"]): name_of(each)
        for each in of_kind(objects, "ScaledObject")
    }
    deployments = {name_of(each): each for each in of_kind(objects, "Deployment")}
    assert scaled.keys() <= deployments.keys()
    for name, deployment in deployments.items():
        assert ("replicas" in deployment["spec"]) is (name not in scaled), name


def test_every_tier_is_there_and_is_scaled_as_its_profile_says(
    objects: list[KubernetesObject], deployed: Evaluation
) -> None:
    kinds = {
        each["metadata"]["labels"].get(LABEL_TIER): each["kind"]
        for kind in ("Deployment", "CronJob")
        for each in of_kind(objects, kind)
    }
    serves = deployed.config["odoo-retail:hosting"] != "platform"
    found = {tier: kinds[tier] for tier in Tier if tier in kinds}
    wanted = {tier: "CronJob" if tier is Tier.BATCH else "Deployment" for tier in Tier}
    assert found == (wanted if serves else {})
    scaled = {each["spec"]["scaleTargetRef"]["name"]: each["spec"] for each in of_kind(objects, "ScaledObject")}
    by_load = {str(tier) for tier, profile in PROFILES.items() if profile.scaled}
    if not serves:
        assert scaled == {}
    elif deployed.config.get("odoo-retail:working-hours"):
        # What is fixed elsewhere sleeps with the rest, by the clock alone.
        own_edge = {"traefik"} if deployed.config["odoo-retail:hosting"] != "shared" else set()
        assert scaled.keys() == {str(tier) for tier in Tier if tier is not Tier.BATCH} | own_edge
        assert {spec["minReplicaCount"] for spec in scaled.values()} == {0}
        for name in scaled.keys() - by_load:
            assert {trigger["type"] for trigger in scaled[name]["triggers"]} == {"cron"}, name
    else:
        assert scaled.keys() == by_load
        assert all(spec["minReplicaCount"] > 0 for spec in scaled.values())


def test_tiers_that_listen_go_straight_to_the_database_and_no_others(
    objects: list[KubernetesObject], deployed: Evaluation
) -> None:
    around = [*objects, *(each for other in deployed.references.values() for each in kubernetes_objects(other))]
    poolers = {f"{name}.{space}.svc" for space, name in map(name_of, of_kind(around, "Pooler"))}
    clusters = {f"{name}-rw.{space}.svc" for space, name in map(name_of, of_kind(around, "Cluster"))}
    hosts = {}
    for each in of_kind(objects, "ExternalSecret"):
        if text := each["spec"]["target"].get("template", {}).get("data", {}).get("odoo.conf"):
            conf = configparser.RawConfigParser()
            conf.read_string(text)
            hosts[each["metadata"]["labels"][LABEL_TIER]] = conf["options"]["db_host"]
    if deployed.config["odoo-retail:hosting"] == "platform":
        assert hosts == {}
        return
    assert hosts.keys() == {*(str(tier) for tier in Tier), "release"}
    assert hosts["release"] in clusters
    for tier in Tier:
        assert hosts[tier] in (clusters if tier in DIRECT else poolers), tier


def test_a_node_that_is_drained_waits_for_the_longest_request(
    objects: list[KubernetesObject], deployed: Evaluation
) -> None:
    """Karpenter kills what is left after a NodePool's terminationGracePeriod; without one it waits for the pods'."""
    around = [*objects, *(each for other in deployed.references.values() for each in kubernetes_objects(other))]
    limits = {
        tuple(sorted(each["spec"]["template"]["metadata"]["labels"].items())): each["spec"]["template"]["spec"].get(
            "terminationGracePeriod"
        )
        for each in of_kind(around, "NodePool")
    }
    for deployment in of_kind(objects, "Deployment"):
        pod = deployment["spec"]["template"]["spec"]
        if "retail/pool" not in pod.get("nodeSelector", {}):
            continue
        needed = pod.get("terminationGracePeriodSeconds", 30)
        homes = [limit for labels, limit in limits.items() if pod["nodeSelector"].items() <= dict(labels).items()]
        assert homes, name_of(deployment)
        for limit in homes:
            assert limit is None or int(limit.removesuffix("s")) > needed, name_of(deployment)
