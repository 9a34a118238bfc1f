"""Node pools: what EKS and Karpenter take, on the right zones, kept apart by label and taint."""

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pulumi
import pytest

from components.access import ClusterAccess
from components.karpenter_pool import KarpenterPoolArgs
from components.managed_node_pool import ManagedNodePool, ManagedNodePoolArgs, node_user_data
from components.node_pools import NodePools, NodePoolsArgs
from components.placement import Placement
from rehearsal.check.run import check
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, Resource
from rehearsal.standins.karpenter_disruption import allowed_disruptions
from retail.naming import Identity, Pool
from retail.plan import Plan
from retail.versions import KUBERNETES

SUBNETS = {"eu-central-1a": "subnet-a", "eu-central-1b": "subnet-b", "eu-central-1c": "subnet-c"}
ACCESS = ClusterAccess(
    cluster_name="shared-production",
    vpc_id="vpc-1",
    vpc_cidr="10.20.0.0/16",
    private_subnet_ids=SUBNETS,
    public_subnet_ids=SUBNETS,
    cluster_security_group_id="sg-1",
    node_role_name="node",
    node_role_arn="arn:aws:iam::111122223333:role/node",
    node_instance_profile="node",
    external_secrets_role_arn="arn:aws:iam::111122223333:role/controller",
)


@pytest.fixture(scope="module")
def plan(make_test_plan: Callable[..., Plan]) -> Plan:
    return make_test_plan()


@pytest.fixture(scope="module")
def evaluation(run_component: Any, identity: Identity, plan: Plan) -> Evaluation:
    given = NodePoolsArgs(identity=identity, pools=plan.pools, access=ACCESS)
    evaluated: Evaluation = run_component(lambda opts, _: NodePools("pools", given, opts))
    return evaluated


def groups(evaluation: Evaluation) -> list[Resource]:
    return [resource for resource in evaluation.resources.values() if resource.type == "aws:eks/nodeGroup:NodeGroup"]


def test_data_pool_has_a_group_in_each_zone(evaluation: Evaluation) -> None:
    assert sorted(group.inputs["subnetIds"] for group in groups(evaluation)) == [
        ["subnet-a"],
        ["subnet-b"],
        ["subnet-c"],
    ]
    for group in groups(evaluation):
        assert group.inputs["capacityType"] == "ON_DEMAND"
        assert group.inputs["scalingConfig"] == {"minSize": 1, "desiredSize": 1, "maxSize": 2}
        assert group.ignore_changes == ("scalingConfig.desiredSize",)
        assert len(group.inputs["nodeGroupNamePrefix"]) <= 37


def test_eks_takes_the_labels_and_taints_and_pods_bear_them(evaluation: Evaluation) -> None:
    tolerated = {(t["key"], t["value"]) for t in Placement(Pool.DATA, "acme").tolerations}
    for group in groups(evaluation):
        assert group.inputs["labels"] == {"retail/pool": "data", "retail/tenant": "acme"}
        taints = group.inputs["taints"]
        assert {(taint["key"], taint["value"]) for taint in taints} == tolerated
        assert {taint["effect"] for taint in taints} == {"NO_SCHEDULE"}
        assert not any("kubernetes.io/" in key for key in (*group.inputs["labels"], *(t["key"] for t in taints)))


def test_nodes_keep_their_credentials_and_disks_to_themselves(evaluation: Evaluation, identity: Identity) -> None:
    (template,) = [r for r in evaluation.resources.values() if r.type == "aws:ec2/launchTemplate:LaunchTemplate"]
    metadata = template.inputs["metadataOptions"]
    assert (metadata["httpTokens"], metadata["httpPutResponseHopLimit"]) == ("required", 1)
    assert template.inputs["blockDeviceMappings"][0]["ebs"]["encrypted"] == "true"
    for specification in template.inputs["tagSpecifications"]:
        assert identity.tags.items() <= specification["tags"].items()
    classes = [item.manifest["spec"] for item in kubernetes_objects(evaluation) if item.kind == "EC2NodeClass"]
    for spec in classes:
        assert (spec["metadataOptions"]["httpTokens"], spec["metadataOptions"]["httpPutResponseHopLimit"]) == (
            "required",
            1,
        )
        assert spec["blockDeviceMappings"][0]["ebs"]["encrypted"] is True
        assert identity.tags.items() <= spec["tags"].items()


def test_karpenter_pools_follow_the_plan(evaluation: Evaluation, plan: Plan) -> None:
    pools = {item.name: item.manifest["spec"] for item in kubernetes_objects(evaluation) if item.kind == "NodePool"}
    assert set(pools) == {"acme-web", "acme-jobs", "acme-integration"}
    for name, spec in pools.items():
        wanted = plan.pools[Pool(name.removeprefix("acme-"))]
        node = spec["template"]["spec"]
        requirements = {entry["key"]: entry["values"] for entry in node["requirements"]}
        assert requirements["karpenter.sh/capacity-type"] == ["on-demand"]
        assert requirements["topology.kubernetes.io/zone"] == list(wanted.zones)
        assert requirements["node.kubernetes.io/instance-type"] == list(wanted.instance_types)
        assert spec["limits"] == {"cpu": str(wanted.cpu_limit), "memory": f"{wanted.memory_limit_gib}Gi"}
        assert node["expireAfter"] == "Never"
        assert "terminationGracePeriod" not in node
        assert node["taints"] == Placement(wanted.pool, "acme").taints
        assert spec["template"]["metadata"]["labels"] == Placement(wanted.pool, "acme").labels


def test_no_node_is_taken_in_freezes_and_peaks(
    run_component: Any, identity: Identity, make_test_plan: Callable[..., Plan]
) -> None:
    """Asked of the rehearsal's Karpenter, which reads budgets as the real one does, at each end of a window."""
    freeze = {"name": "year-end", "start": "2026-12-20T00:00", "end": "2027-01-04T00:00"}
    pools = make_test_plan(freezes=[freeze]).pools
    given = NodePoolsArgs(identity=identity, pools=pools, access=ACCESS)
    evaluated = run_component(lambda opts, _: NodePools("pools", given, opts))
    found = [item.manifest["spec"] for item in kubernetes_objects(evaluated) if item.kind == "NodePool"]
    # Local time is UTC+1: Black Friday (27 November, 00:00) begins 45 minutes before, with its pre-scaling.
    moments = {
        "2026-11-26T22:14": 2,
        "2026-11-26T22:15": 0,
        "2026-11-29T22:59": 0,
        "2026-11-29T23:01": 2,
        "2026-12-19T22:59": 2,
        "2026-12-19T23:01": 0,
        "2027-01-03T22:59": 0,
        "2027-01-03T23:01": 2,
        "2027-12-25T12:00": 0,
    }
    for spec in found:
        allowed = {
            moment: allowed_disruptions(
                spec["disruption"]["budgets"], 20, datetime.fromisoformat(moment).replace(tzinfo=UTC)
            )
            for moment in moments
        }
        assert allowed == moments
    assert len(found) == 3


def test_budgets_do_not_follow_the_season(make_test_plan: Callable[..., Plan]) -> None:
    normal, peak = (make_test_plan(season=season).pools for season in ("normal", "peak"))
    assert {pool: plan.quiet for pool, plan in normal.items()} == {pool: plan.quiet for pool, plan in peak.items()}


def test_every_node_is_of_the_one_tested_image(evaluation: Evaluation) -> None:
    (group, *_) = groups(evaluation)
    kubelet, _, release = group.inputs["releaseVersion"].partition("-")
    assert kubelet.startswith(f"{KUBERNETES}.")
    aliases = {
        item.manifest["spec"]["amiSelectorTerms"][0]["alias"]
        for item in kubernetes_objects(evaluation)
        if item.kind == "EC2NodeClass"
    }
    assert aliases == {f"al2023@v{release}"}


def test_a_zone_in_trouble_is_left_out_of_stateless_pools_alone(
    run_component: Any, identity: Identity, make_test_plan: Callable[..., Plan], plan: Plan
) -> None:
    away = make_test_plan(avoid_zone="eu-central-1b")
    assert away.pools[Pool.DATA] == plan.pools[Pool.DATA]
    assert away.pools[Pool.SYSTEM] == plan.pools[Pool.SYSTEM]
    given = NodePoolsArgs(identity=identity, pools=away.pools, access=ACCESS)
    evaluated = run_component(lambda opts, _: NodePools("pools", given, opts))
    zones = [
        entry["values"]
        for item in kubernetes_objects(evaluated)
        if item.kind == "NodePool"
        for entry in item.manifest["spec"]["template"]["spec"]["requirements"]
        if entry["key"] == "topology.kubernetes.io/zone"
    ]
    assert zones == [["eu-central-1a", "eu-central-1c"]] * 3


def test_objects_fit_their_schemas_in_up_and_preview(
    evaluation: Evaluation, run_component: Any, identity: Identity, plan: Plan
) -> None:
    given = NodePoolsArgs(identity=identity, pools=plan.pools, access=ACCESS)
    preview = run_component(lambda opts, _: NodePools("pools", given, opts), preview=True)
    for run in (evaluation, preview):
        assert check(run).findings == []
        assert all(resource.provider for resource in run.resources.values() if _is_custom(resource))


def _is_custom(resource: Resource) -> bool:
    return resource.custom and not resource.type.startswith("pulumi:")


def test_system_pool_is_one_open_group_over_all_zones(run_component: Any, identity: Identity, plan: Plan) -> None:
    given = ManagedNodePoolArgs(
        identity=identity,
        plan=plan.pools[Pool.SYSTEM],
        cluster_name="c",
        node_role_arn=ACCESS.node_role_arn,
        private_subnet_ids=SUBNETS,
    )
    (group,) = groups(run_component(lambda opts, _: ManagedNodePool("system", given, opts)))
    assert group.inputs["labels"] == {"retail/pool": "system"}
    assert not group.inputs.get("taints")
    assert group.inputs["subnetIds"] == list(SUBNETS.values())
    assert group.inputs["scalingConfig"]["minSize"] == 3


def test_node_user_data_is_multi_part_with_the_pod_limit() -> None:
    text = base64.b64decode(node_user_data(110)).decode()
    assert text.startswith('MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="//"\n')
    assert "Content-Type: application/node.eks.aws" in text
    assert "maxPods: 110" in text
    assert text.endswith("--//--\n")


def test_wrong_pools_are_refused_with_every_reason(identity: Identity, plan: Plan) -> None:
    web = plan.pools[Pool.WEB]
    with pytest.raises(pulumi.InputPropertiesError, match=r"plan.pool must be.*given web; private_subnet_ids.*1b"):
        ManagedNodePoolArgs(
            identity=identity,
            plan=replace(web, zones=("eu-central-1b",)),
            cluster_name="c",
            node_role_arn="r",
            private_subnet_ids={},
        )
    with pytest.raises(pulumi.InputPropertiesError, match=r"given system; .*no upper bound"):
        KarpenterPoolArgs(
            identity=identity,
            plan=plan.pools[Pool.SYSTEM],
            cluster_name="c",
            cluster_security_group_id="sg",
            node_instance_profile="p",
        )
