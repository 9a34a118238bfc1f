"""Outputs of EKS. The cluster's CA only looks like one: nothing connects to this endpoint."""

import base64
from typing import Any

from rehearsal.engine.aws_outputs.facts import CREATED, Facts
from rehearsal.engine.aws_outputs.rules import Rule, Rules


def _certificate_authority(facts: Facts) -> str:
    """A certificate's shape, base64 of PEM as EKS gives it, around a digest."""
    body = base64.b64encode(facts.hex(64, "ca").encode()).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    return base64.b64encode(pem.encode()).decode()


def _cluster(facts: Facts) -> dict[str, Any]:
    token = facts.hex(32, "endpoint").upper()
    subnets = facts.get("vpcConfig", "subnetIds", default=[])
    vpc = facts.found(subnets[0], "vpcId", facts.ec2_id("vpc")) if subnets else facts.ec2_id("vpc")
    suffix = facts.account.dns_suffix
    return {
        "id": facts.name,
        "arn": facts.arn("eks", f"cluster/{facts.name}"),
        "certificateAuthority": {"data": _certificate_authority(facts)},
        "createdAt": CREATED,
        "endpoint": f"https://{token}.gr7.{facts.region}.eks.{suffix}",
        "identities": [{"oidcs": [{"issuer": f"https://oidc.eks.{facts.region}.{suffix}/id/{token}"}]}],
        "kubernetesNetworkConfig": {
            "serviceIpv4Cidr": "172.20.0.0/16",
            "ipFamily": "ipv4",
            **facts.get("kubernetesNetworkConfig", default={}),
        },
        "platformVersion": "eks.1",
        "status": "ACTIVE",
        "vpcConfig": {
            **facts.get("vpcConfig", default={}),
            "clusterSecurityGroupId": facts.ec2_id("sg"),
            "vpcId": vpc,
        },
    }


def _node_group(facts: Facts) -> dict[str, Any]:
    cluster = facts.get("clusterName")
    group = f"eks-{facts.name}-{facts.uuid('asg')}"
    return {
        "id": f"{cluster}:{facts.name}",
        "arn": facts.arn("eks", f"nodegroup/{cluster}/{facts.name}/{facts.uuid()}"),
        "resources": [{"autoscalingGroups": [{"name": group}], "remoteAccessSecurityGroupId": ""}],
        "status": "ACTIVE",
        "capacityType": facts.get("capacityType", default="ON_DEMAND"),
    }


def _addon(facts: Facts) -> dict[str, Any]:
    cluster, name = facts.get("clusterName"), facts.get("addonName")
    return {
        "id": f"{cluster}:{name}",
        "arn": facts.arn("eks", f"addon/{cluster}/{name}/{facts.uuid()}"),
        "createdAt": CREATED,
        "modifiedAt": CREATED,
    }


def _access_entry(facts: Facts) -> dict[str, Any]:
    cluster, principal = facts.get("clusterName"), str(facts.get("principalArn"))
    kind, _, name = principal.rpartition(":")[2].partition("/")
    return {
        "id": f"{cluster}:{principal}",
        "accessEntryArn": facts.arn("eks", f"access-entry/{cluster}/{kind}/{facts.account.id}/{name}/{facts.uuid()}"),
        "createdAt": CREATED,
        "modifiedAt": CREATED,
        "type": facts.get("type", default="STANDARD"),
        "userName": facts.get("userName", default=principal),
    }


def _access_policy_association(facts: Facts) -> dict[str, Any]:
    return {
        "id": f"{facts.get('clusterName')}#{facts.get('principalArn')}#{facts.get('policyArn')}",
        "associatedAt": CREATED,
        "modifiedAt": CREATED,
    }


def _pod_identity_association(facts: Facts) -> dict[str, Any]:
    identifier = f"a-{facts.hex(17)}"
    return {
        "id": identifier,
        "associationId": identifier,
        "associationArn": facts.arn("eks", f"podidentityassociation/{facts.get('clusterName')}/{identifier}"),
        "externalId": "",
    }


RULES: Rules = {
    "aws:eks/cluster:Cluster": Rule(_cluster, named="name"),
    "aws:eks/nodeGroup:NodeGroup": Rule(_node_group, named="nodeGroupName"),
    "aws:eks/addon:Addon": Rule(_addon),
    "aws:eks/accessEntry:AccessEntry": Rule(_access_entry),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Rule(_access_policy_association, tagged=False),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Rule(_pod_identity_association),
}
