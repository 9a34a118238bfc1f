"""Karpenter: nodes for stateless tiers, as pods need them."""

import json
from typing import Any

import pulumi

from components.operators.interruption_queue import queue_arn
from components.operators.operator import Chart
from components.operators.pods import NODE_SELECTOR, REPLICAS, resources
from retail.naming import Identity
from retail.versions import KARPENTER_CHART

CHART = Chart("oci://public.ecr.aws/karpenter/karpenter", KARPENTER_CHART)
CRD_CHART = Chart("oci://public.ecr.aws/karpenter/karpenter-crd", KARPENTER_CHART)
SERVICE_ACCOUNT = "karpenter"

CRD_VALUES: dict[str, Any] = {"additionalAnnotations": {"helm.sh/resource-policy": "keep"}}
"""A chart of their own, because Helm never upgrades what is in a chart's `crds/` folder."""


def values(cluster_name: str, queue_name: pulumi.Input[str]) -> dict[str, Any]:
    """Replicas, budget, priority and the spread over zones and hosts are the chart's own defaults, and right.

    `enableZonalShift`: no nodes in a zone that is shifted away from.
    """
    return {
        "replicas": REPLICAS,
        "serviceAccount": {"name": SERVICE_ACCOUNT},
        "nodeSelector": NODE_SELECTOR,
        "controller": {"resources": resources("250m", "512Mi")},
        "settings": {"clusterName": cluster_name, "interruptionQueue": queue_name, "enableZonalShift": True},
        "serviceMonitor": {"enabled": True},
    }


def policy(identity: Identity, cluster_name: str, node_role: str, queue_name: str) -> str:
    """What Karpenter 1.14 documents for its controller, scoped to this cluster's tag.

    By names, so that the first preview shows all of it: node_role as `Identity.iam` has it, queue_name physical.

    Left out: creating, tagging and deleting instance profiles, as our node classes name a ready one.
    """
    region, account = identity.region, identity.account
    owned = f"kubernetes.io/cluster/{cluster_name}"

    def ec2(*kinds: str, owner: str = "*") -> list[str]:
        return [f"arn:aws:ec2:{region}:{owner}:{kind}/*" for kind in kinds]

    launched = ("fleet", "instance", "volume", "network-interface", "launch-template", "spot-instances-request")
    requested = {f"aws:RequestTag/{owned}": "owned", "aws:RequestTag/eks:eks-cluster-name": cluster_name}
    pool_requested = {"StringLike": {"aws:RequestTag/karpenter.sh/nodepool": "*"}}
    pool_tagged = {"StringLike": {"aws:ResourceTag/karpenter.sh/nodepool": "*"}}
    tagged = {f"aws:ResourceTag/{owned}": "owned"}
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "LaunchFrom",
                    "Effect": "Allow",
                    "Action": ["ec2:RunInstances", "ec2:CreateFleet"],
                    "Resource": [
                        *ec2("image", "snapshot", owner=""),
                        *ec2("security-group", "subnet", "capacity-reservation", "placement-group"),
                    ],
                },
                {
                    "Sid": "LaunchFromOwnTemplates",
                    "Effect": "Allow",
                    "Action": ["ec2:RunInstances", "ec2:CreateFleet"],
                    "Resource": ec2("launch-template"),
                    "Condition": {"StringEquals": tagged, **pool_tagged},
                },
                {
                    "Sid": "LaunchWithTags",
                    "Effect": "Allow",
                    "Action": ["ec2:RunInstances", "ec2:CreateFleet", "ec2:CreateLaunchTemplate"],
                    "Resource": ec2(*launched),
                    "Condition": {"StringEquals": requested, **pool_requested},
                },
                {
                    "Sid": "TagWhatItLaunches",
                    "Effect": "Allow",
                    "Action": "ec2:CreateTags",
                    "Resource": ec2(*launched),
                    "Condition": {
                        "StringEquals": {
                            **requested,
                            "ec2:CreateAction": ["RunInstances", "CreateFleet", "CreateLaunchTemplate"],
                        },
                        **pool_requested,
                    },
                },
                {
                    "Sid": "TagOwnInstances",
                    "Effect": "Allow",
                    "Action": "ec2:CreateTags",
                    "Resource": ec2("instance"),
                    "Condition": {
                        "StringEquals": tagged,
                        **pool_tagged,
                        "StringEqualsIfExists": {"aws:RequestTag/eks:eks-cluster-name": cluster_name},
                        "ForAllValues:StringEquals": {
                            "aws:TagKeys": ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"]
                        },
                    },
                },
                {
                    "Sid": "DeleteOwn",
                    "Effect": "Allow",
                    "Action": ["ec2:TerminateInstances", "ec2:DeleteLaunchTemplate"],
                    "Resource": ec2("instance", "launch-template"),
                    "Condition": {"StringEquals": tagged, **pool_tagged},
                },
                {
                    "Sid": "PassNodeRole",
                    "Effect": "Allow",
                    "Action": "iam:PassRole",
                    "Resource": f"arn:aws:iam::{account}:role/{node_role}",
                    "Condition": {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
                },
                {
                    "Sid": "ReadRegion",
                    "Effect": "Allow",
                    "Action": [
                        "ec2:DescribeCapacityReservations",
                        "ec2:DescribeImages",
                        "ec2:DescribeInstances",
                        "ec2:DescribeInstanceStatus",
                        "ec2:DescribeInstanceTypeOfferings",
                        "ec2:DescribeInstanceTypes",
                        "ec2:DescribeLaunchTemplates",
                        "ec2:DescribePlacementGroups",
                        "ec2:DescribeSecurityGroups",
                        "ec2:DescribeSpotPriceHistory",
                        "ec2:DescribeSubnets",
                    ],
                    "Resource": "*",
                    "Condition": {"StringEquals": {"aws:RequestedRegion": region}},
                },
                {
                    "Sid": "ReadImages",
                    "Effect": "Allow",
                    "Action": "ssm:GetParameter",
                    "Resource": f"arn:aws:ssm:{region}::parameter/aws/service/*",
                },
                {"Sid": "ReadPrices", "Effect": "Allow", "Action": "pricing:GetProducts", "Resource": "*"},
                {"Sid": "ListProfiles", "Effect": "Allow", "Action": "iam:ListInstanceProfiles", "Resource": "*"},
                {
                    "Sid": "ReadProfiles",
                    "Effect": "Allow",
                    "Action": "iam:GetInstanceProfile",
                    "Resource": f"arn:aws:iam::{account}:instance-profile/*",
                },
                {
                    "Sid": "ReadCluster",
                    "Effect": "Allow",
                    "Action": "eks:DescribeCluster",
                    "Resource": f"arn:aws:eks:{region}:{account}:cluster/{cluster_name}",
                },
                {
                    "Sid": "ReadZonalShift",
                    "Effect": "Allow",
                    "Action": "arc-zonal-shift:GetManagedResource",
                    "Resource": "*",
                    "Condition": {
                        "StringEquals": {
                            "arc-zonal-shift:ResourceIdentifier": (
                                f"arn:aws:eks:{region}:{account}:cluster/{cluster_name}"
                            )
                        }
                    },
                },
                {
                    "Sid": "ReadInterruptions",
                    "Effect": "Allow",
                    "Action": ["sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"],
                    "Resource": queue_arn(identity, queue_name),
                },
            ],
        }
    )
