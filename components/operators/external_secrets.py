"""External Secrets Operator: copies secrets out of AWS Secrets Manager, each tenant's with the tenant's own role."""

import json
from typing import Any

from components.external_secret import ROLE_SUFFIX
from components.operators.operator import Chart
from components.operators.pods import PRIORITY_CLASS, REPLICAS, placed
from retail.naming import Identity
from retail.versions import EXTERNAL_SECRETS_CHART

CHART = Chart("external-secrets", EXTERNAL_SECRETS_CHART, "https://charts.external-secrets.io")
NAMESPACE = "external-secrets"
SERVICE_ACCOUNT = "external-secrets"

_BUDGET = {"enabled": True, "maxUnavailable": 1}


def values() -> dict[str, Any]:
    """Controller, webhook and certificate controller, twice each. CRDs stay when the release goes: with them would go
    every copied Secret.

    Cluster-wide stores are not served: with one, any namespace could read what the store can.
    """

    def labels(name: str) -> dict[str, str]:
        return {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": "external-secrets"}

    def part(name: str, cpu: str, memory: str) -> dict[str, Any]:
        return {
            "replicaCount": REPLICAS,
            "priorityClassName": PRIORITY_CLASS,
            "podDisruptionBudget": _BUDGET,
            **placed(labels(name), cpu, memory),
        }

    return {
        "installCRDs": True,
        "crds": {"annotations": {"helm.sh/resource-policy": "keep"}},
        "leaderElect": True,
        "serviceAccount": {"name": SERVICE_ACCOUNT},
        "processClusterStore": False,
        "processClusterExternalSecret": False,
        "processClusterPushSecret": False,
        "processClusterGenerator": False,
        **part("external-secrets", "25m", "128Mi"),
        "webhook": part("external-secrets-webhook", "25m", "64Mi"),
        "certController": part("external-secrets-cert-controller", "25m", "128Mi"),
        "serviceMonitor": {"enabled": True},
    }


def policy(identity: Identity) -> str:
    """The controller reads no secret itself: it may only take on tenants' roles, by name and by the tag that every role
    of this program has. `sts:TagSession` goes with it, as Pod Identity's session tags are passed on."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": ["sts:AssumeRole", "sts:TagSession"],
                    "Resource": f"arn:aws:iam::{identity.account}:role/*-{ROLE_SUFFIX}",
                    "Condition": {"StringEquals": {"aws:ResourceTag/managed-by": identity.tags["managed-by"]}},
                }
            ],
        }
    )
