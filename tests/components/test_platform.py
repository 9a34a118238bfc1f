"""The platform as a whole: in the right order, explicit, and readable by the stacks it hosts."""

import json
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi_kubernetes.core.v1 import Namespace

from components.platform import Platform, PlatformArgs
from rehearsal.check.run import check
from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import Evaluation, Resource, reveal
from rehearsal.errors import UserError
from retail.naming import Identity, Pool
from retail.plan import Plan

RELEASE = "kubernetes:helm.sh/v3:Release"
ZONES = ("eu-central-1a", "eu-central-1b", "eu-central-1c")


def args(identity: Identity, plan: Plan) -> PlatformArgs:
    return PlatformArgs(
        identity=identity,
        zones=ZONES,
        vpc_cidr="10.20.0.0/16",
        system_pool=plan.pools[Pool.SYSTEM],
        platform_team_role="platform-team",
        break_glass_role="break-glass",
        approver_role="approver",
    )


@pytest.fixture(scope="module")
def program(identity: Identity, make_test_plan: Callable[..., Plan]) -> Callable[..., None]:
    given = args(identity, make_test_plan())

    def build(opts: pulumi.ResourceOptions, _: object) -> None:
        platform = Platform("acme", given, opts)
        # Some object of a retailer: what comes with its provider comes after everything of the platform.
        Namespace("shop", metadata={"name": "shop"}, opts=pulumi.ResourceOptions(provider=platform.kubernetes_provider))
        for key, value in platform.outputs().items():
            pulumi.export(key, value)

    return build


@pytest.fixture(scope="module")
def evaluation(program: Callable[..., None], run_component: Any) -> Evaluation:
    evaluated: Evaluation = run_component(program)
    return evaluated


def awaited(evaluation: Evaluation, resource: Resource) -> set[str]:
    """URNs of everything that must be there before `resource`, near and far: dependencies and providers."""
    found: set[str] = set()
    waiting = [*resource.dependencies, resource.provider]
    while waiting:
        urn = waiting.pop()
        if urn in evaluation.resources and urn not in found:
            found.add(urn)
            waiting += [*evaluation.resources[urn].dependencies, evaluation.resources[urn].provider]
    return found


def releases(evaluation: Evaluation) -> dict[str, Resource]:
    return {r.inputs["name"]: r for r in evaluation.resources.values() if r.type == RELEASE}


def test_every_object_is_accepted_and_every_reference_leads_somewhere(
    evaluation: Evaluation, program: Callable[..., None], run_component: Any
) -> None:
    for run in (evaluation, run_component(program, preview=True)):
        assert check(run).findings == []
        assert run.warnings == []
        for resource in run.resources.values():
            assert resource.provider or not resource.custom or resource.type.startswith("pulumi:"), resource.urn


def test_pods_wait_for_nodes_and_nodes_for_the_network(evaluation: Evaluation) -> None:
    (group,) = [r for r in evaluation.resources.values() if r.type == "aws:eks/nodeGroup:NodeGroup"]
    before_nodes = {evaluation.resources[urn].name for urn in awaited(evaluation, group)}
    assert {f"acme-network-{zone}-nat" for zone in ZONES} <= before_nodes
    assert "acme-cluster-vpc-cni-addon" in before_nodes
    for name in ("acme-coredns-addon", "acme-ebs-csi-addon", "acme-metrics-server-addon"):
        (addon,) = [r for r in evaluation.resources.values() if r.name == name]
        assert group.urn in awaited(evaluation, addon), name
    for release in releases(evaluation).values():
        before = {evaluation.resources[urn].name for urn in awaited(evaluation, release)}
        assert "acme-coredns-addon" in before, release.name


def test_retailers_wait_for_every_operator(evaluation: Evaluation) -> None:
    (shop,) = [r for r in evaluation.resources.values() if r.name == "shop"]
    before = awaited(evaluation, shop)
    assert {release.urn for release in releases(evaluation).values()} <= before
    assert any(evaluation.resources[urn].type.endswith(":ClusterIssuer") for urn in before)


def test_providers_keep_their_cluster_when_its_endpoint_changes(evaluation: Evaluation) -> None:
    providers = [r for r in evaluation.resources.values() if r.name in ("acme-bootstrap", "acme-kubernetes")]
    assert [provider.inputs["clusterIdentifier"] for provider in providers] == ["acme-production"] * 2
    assert all(json.loads(str(provider.inputs["enableServerSideApply"])) for provider in providers)


def test_metrics_server_and_dns_are_add_ons_and_the_disk_driver_has_its_own_role(evaluation: Evaluation) -> None:
    addons = {r.inputs["addonName"]: r.inputs for r in evaluation.resources.values() if r.type == "aws:eks/addon:Addon"}
    assert {"coredns", "metrics-server", "aws-ebs-csi-driver"} <= set(addons)
    assert json.loads(addons["coredns"]["configurationValues"])["autoScaling"]["minReplicas"] == 3
    assert addons["aws-ebs-csi-driver"]["podIdentityAssociations"][0]["serviceAccount"] == "ebs-csi-controller-sa"


HOSTED = """
import json
import pulumi, pulumi_aws
from components.access import SharedDatabase
from components.platform import Platform
from components.platform_reference import access_from_reference, kubernetes_provider_from_reference
from program_under_test import given, database, zones

if pulumi.get_stack() == "platform":
    aws = pulumi_aws.Provider("aws", region="eu-central-1")
    platform = Platform("acme", given, pulumi.ResourceOptions(providers=[aws]))
    exports = platform.outputs(shared_database=SharedDatabase(**database), edge_namespace="acme-production")
    for key, value in exports.items():
        pulumi.export(key, value)
else:
    reference = pulumi.StackReference("organization/odoo-retail/platform")
    access = access_from_reference(reference, zones)
    kubernetes_provider_from_reference("cluster", reference)
    for field in vars(access):
        value = getattr(access, field)
        pulumi.export(field, vars(value) if field == "shared_database" else value)
"""


@pytest.fixture
def hosted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, identity: Identity, make_test_plan: Callable[..., Plan]
) -> Callable[..., Evaluation]:
    """`hosted(zones)`: a stack in those zones that lives on the platform stack beside it."""
    (tmp_path / "Pulumi.yaml").write_text("name: odoo-retail\nruntime: python\n")
    for stack in ("platform", "shop"):
        (tmp_path / f"Pulumi.{stack}.yaml").write_text("config: {}\n")
    (tmp_path / "__main__.py").write_text(HOSTED)

    def run(zones: tuple[str, ...]) -> Evaluation:
        module = types.ModuleType("program_under_test")
        names = ("namespace", "cluster", "direct_host", "pooler_host", "integration_pooler_host")
        vars(module).update(
            given=args(identity, make_test_plan()), database={name: f"db-{name}" for name in names}, zones=zones
        )
        monkeypatch.setitem(sys.modules, "program_under_test", module)
        return evaluate(tmp_path, "shop", preview=True)

    return run


def test_a_hosted_stack_reads_back_what_the_platform_exports(hosted: Callable[..., Evaluation]) -> None:
    shop = hosted(ZONES)
    (platform,) = shop.references.values()
    exported = reveal(platform.outputs)
    read = reveal(shop.outputs)
    assert read == {key: value for key, value in exported.items() if key != "kubeconfig"}
    assert sorted(read["private_subnet_ids"]) == sorted(ZONES)
    assert all(value not in (None, "") for value in read.values())
    (provider,) = [r for r in shop.resources.values() if r.type == "pulumi:providers:kubernetes"]
    assert reveal(provider.inputs["kubeconfig"]) == exported["kubeconfig"]


def test_a_hosted_stack_in_another_region_is_told_so(hosted: Callable[..., Evaluation]) -> None:
    with pytest.raises(UserError, match=r"no subnet in eu-west-1a.*must be its platform's"):
        hosted(("eu-west-1a",))
