"""AWS Load Balancer Controller: the network load balancers in front of the edges."""

from pathlib import Path
from typing import Any

import pulumi

from components.operators.operator import Chart
from components.operators.pods import PRIORITY_CLASS, REPLICAS, placed
from retail.versions import LOAD_BALANCER_CONTROLLER_CHART

CHART = Chart("aws-load-balancer-controller", LOAD_BALANCER_CONTROLLER_CHART, "https://aws.github.io/eks-charts")
SERVICE_ACCOUNT = "aws-load-balancer-controller"
LABELS = {
    "app.kubernetes.io/name": "aws-load-balancer-controller",
    "app.kubernetes.io/instance": "aws-load-balancer-controller",
}


def values(cluster_name: str, region: str, vpc_id: pulumi.Input[str]) -> dict[str, Any]:
    """Region and VPC are given: the instance metadata, where it would look, is out of reach of pods (hop limit 1).

    Its webhook on Services stays off: it would make the controller a condition for creating any Service in the
    cluster. Edges name their load balancer class themselves. cert-manager makes the webhook's certificate, as the
    chart's own would be a new one at every deployment.
    """
    return {
        "clusterName": cluster_name,
        "region": region,
        "vpcId": vpc_id,
        "replicaCount": REPLICAS,
        "serviceAccount": {"name": SERVICE_ACCOUNT},
        "priorityClassName": PRIORITY_CLASS,
        "podDisruptionBudget": {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"},
        "enableServiceMutatorWebhook": False,
        "enableCertManager": True,
        "createIngressClassResource": False,
        "ingressClassParams": {"create": False},
        "defaultTargetType": "ip",
        **placed(LABELS, "100m", "256Mi"),
    }


def policy() -> str:
    """The documented policy: docs/install/iam_policy.json of kubernetes-sigs/aws-load-balancer-controller v3.5.0."""
    return (Path(__file__).parent / "iam" / "aws_load_balancer_controller.json").read_text(encoding="utf-8")
