"""The cluster: closed by default, encrypted, logged, and joinable before anybody launches a node."""

import json
from typing import Any

import pulumi
import pytest

from components.cluster import CONTROL_PLANE_LOGS, Cluster, ClusterArgs
from rehearsal.engine.model import UNKNOWN, Evaluation, Resource
from retail.naming import Identity

SUBNETS = {"eu-central-1a": "subnet-a", "eu-central-1b": "subnet-b", "eu-central-1c": "subnet-c"}


def args(identity: Identity, **changes: Any) -> ClusterArgs:
    given: dict[str, Any] = {
        "identity": identity,
        "cluster_name": "acme-production",
        "version": "1.35",
        "control_plane_subnet_ids": SUBNETS,
        "platform_team_role": "platform-team",
        "break_glass_role": "break-glass",
        "approver_role": "approver",
    }
    return ClusterArgs(**{**given, **changes})


def of_type(evaluation: Evaluation, kind: str) -> list[Resource]:
    return [resource for resource in evaluation.resources.values() if resource.type.endswith(f":{kind}")]


@pytest.fixture(scope="module")
def evaluation(run_component: Any, identity: Identity) -> Evaluation:
    evaluated: Evaluation = run_component(lambda opts, _: Cluster("c", args(identity), opts))
    return evaluated


@pytest.fixture(scope="module")
def control_plane(evaluation: Evaluation) -> Resource:
    (found,) = [resource for resource in of_type(evaluation, "Cluster") if resource.custom]
    return found


def test_api_is_private_unless_networks_are_named(
    control_plane: Resource, run_component: Any, identity: Identity
) -> None:
    network = control_plane.inputs["vpcConfig"]
    assert (network["endpointPrivateAccess"], network["endpointPublicAccess"]) == (True, False)
    opened = run_component(lambda opts, _: Cluster("c", args(identity, endpoint_cidrs=("192.0.2.0/24",)), opts))
    (cluster,) = [resource for resource in of_type(opened, "Cluster") if resource.custom]
    assert cluster.inputs["vpcConfig"]["endpointPublicAccess"] is True
    assert cluster.inputs["vpcConfig"]["publicAccessCidrs"] == ["192.0.2.0/24"]


def test_only_access_entries_let_people_in(evaluation: Evaluation, control_plane: Resource) -> None:
    assert control_plane.inputs["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }
    entries = {entry.inputs["principalArn"].rpartition("/")[2]: entry for entry in of_type(evaluation, "AccessEntry")}
    assert {role: entry.inputs["kubernetesGroups"] for role, entry in entries.items()} == {
        "platform-team": ["platform-team"],
        "break-glass": ["break-glass"],
        "approver": ["approvers"],
    }


def test_break_glass_has_no_standing_rights(evaluation: Evaluation) -> None:
    granted = {
        link.inputs["principalArn"].rpartition("/")[2]: link.inputs["policyArn"].rpartition("/")[2]
        for link in of_type(evaluation, "AccessPolicyAssociation")
    }
    assert granted == {"platform-team": "AmazonEKSClusterAdminPolicy"}


def test_control_plane_is_encrypted_logged_and_hard_to_lose(evaluation: Evaluation, control_plane: Resource) -> None:
    (key,) = of_type(evaluation, "Key")
    assert control_plane.inputs["encryptionConfig"]["provider"]["keyArn"] == key.outputs["arn"]
    assert key.protect
    assert key.retain_on_delete
    assert sorted(control_plane.inputs["enabledClusterLogTypes"]) == sorted(CONTROL_PLANE_LOGS)
    assert {"api", "audit", "authenticator"} <= set(CONTROL_PLANE_LOGS)
    (logs,) = of_type(evaluation, "LogGroup")
    assert logs.urn in control_plane.dependencies
    assert control_plane.protect
    assert control_plane.inputs["deletionProtection"] is True
    assert control_plane.inputs["zonalShiftConfig"] == {"enabled": True}
    assert control_plane.inputs["upgradePolicy"] == {"supportType": "STANDARD"}


def test_network_policies_are_enforced(evaluation: Evaluation) -> None:
    addons = {addon.inputs["addonName"]: addon for addon in of_type(evaluation, "Addon") if addon.custom}
    assert set(addons) == {"eks-pod-identity-agent", "kube-proxy", "vpc-cni"}
    cni = addons["vpc-cni"]
    configuration = json.loads(cni.inputs["configurationValues"])
    assert configuration["enableNetworkPolicy"] == "true"
    assert configuration["env"]["ENABLE_PREFIX_DELEGATION"] == "true"
    assert [role["serviceAccount"] for role in cni.inputs["podIdentityAssociations"]] == ["aws-node"]
    assert addons["eks-pod-identity-agent"].urn in cni.dependencies


def test_nodes_wait_for_the_add_ons_and_policies_they_need(run_component: Any, identity: Identity) -> None:
    def build(opts: pulumi.ResourceOptions, _: object) -> None:
        cluster = Cluster("c", args(identity), opts)
        pulumi.export("role", cluster.node_role_name)

    evaluation = run_component(build, preview=True)
    assert evaluation.outputs["role"] == "acme-production-node", "known before the first deployment"
    (profile,) = of_type(evaluation, "InstanceProfile")
    awaited = {evaluation.resources[urn].type.rpartition(":")[2] for urn in profile.dependencies}
    assert {"Addon", "RolePolicyAttachment"} <= awaited
    (node_role,) = [role for role in of_type(evaluation, "Role") if role.name == "c-node-role"]
    attached = [link for link in of_type(evaluation, "RolePolicyAttachment") if node_role.urn in link.dependencies]
    assert not any("CNI" in link.inputs["policyArn"] for link in attached), "the CNI has a role of its own"


def test_kubeconfig_holds_no_credential(run_component: Any, identity: Identity) -> None:
    def build(opts: pulumi.ResourceOptions, _: object) -> None:
        pulumi.export("kubeconfig", Cluster("c", args(identity), opts).kubeconfig)

    evaluation = run_component(build)
    kubeconfig = json.loads(evaluation.outputs["kubeconfig"])
    assert kubeconfig["clusters"][0]["cluster"]["server"].startswith("https://")
    assert set(kubeconfig["users"][0]["user"]) == {"exec"}
    assert kubeconfig["users"][0]["user"]["exec"]["args"][:2] == ["eks", "get-token"]
    assert run_component(build, preview=True).outputs["kubeconfig"] is UNKNOWN


def test_all_mistakes_are_in_one_message(identity: Identity) -> None:
    with pytest.raises(
        pulumi.InputPropertiesError,
        match=r"endpoint_cidrs must not be.*; break_glass_role must not be platform_team_role.*; approver_role must",
    ):
        roles = {"break_glass_role": "platform-team", "approver_role": "platform-team"}
        args(identity, endpoint_cidrs=("0.0.0.0/0",), **roles)
