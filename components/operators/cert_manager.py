"""cert-manager, and the issuer of public certificates."""

import json
from typing import Any

from components.operators.operator import Chart
from components.operators.pods import NODE_SELECTOR, PRIORITY_CLASS, REPLICAS, placed
from retail.versions import CERT_MANAGER_CHART

CHART = Chart("oci://quay.io/jetstack/charts/cert-manager", CERT_MANAGER_CHART)
NAMESPACE = "cert-manager"
SERVICE_ACCOUNT = "cert-manager"
ISSUER = "letsencrypt"

_BUDGET = {"enabled": True, "maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}


def values() -> dict[str, Any]:
    """Controller, webhook and CA injector, twice each; leases in its own namespace, so it needs no rights in
    kube-system. CRDs stay when the release goes: with them would go every certificate."""

    def labels(name: str, component: str) -> dict[str, str]:
        return {
            "app.kubernetes.io/name": name,
            "app.kubernetes.io/instance": "cert-manager",
            "app.kubernetes.io/component": component,
        }

    return {
        "crds": {"enabled": True, "keep": True},
        "global": {"priorityClassName": PRIORITY_CLASS, "leaderElection": {"namespace": NAMESPACE}},
        "serviceAccount": {"name": SERVICE_ACCOUNT},
        "replicaCount": REPLICAS,
        "podDisruptionBudget": _BUDGET,
        **placed(labels("cert-manager", "controller"), "25m", "128Mi"),
        "webhook": {
            "replicaCount": REPLICAS,
            "podDisruptionBudget": _BUDGET,
            **placed(labels("webhook", "webhook"), "25m", "64Mi"),
        },
        "cainjector": {
            "replicaCount": REPLICAS,
            "podDisruptionBudget": _BUDGET,
            **placed(labels("cainjector", "cainjector"), "25m", "128Mi"),
        },
        "startupapicheck": {"nodeSelector": NODE_SELECTOR},
        "prometheus": {"servicemonitor": {"enabled": True}},
    }


def policy() -> str:
    """Route 53, as cert-manager documents it, cut down to TXT records of challenges: a stolen credential can't move a
    shop to another address."""
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "route53:GetChange", "Resource": "arn:aws:route53:::change/*"},
                {
                    "Effect": "Allow",
                    "Action": "route53:ChangeResourceRecordSets",
                    "Resource": "arn:aws:route53:::hostedzone/*",
                    "Condition": {
                        "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": ["TXT"]},
                        "ForAllValues:StringLike": {
                            "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["_acme-challenge.*"]
                        },
                    },
                },
                {
                    "Effect": "Allow",
                    "Action": "route53:ListResourceRecordSets",
                    "Resource": "arn:aws:route53:::hostedzone/*",
                },
                {"Effect": "Allow", "Action": "route53:ListHostedZonesByName", "Resource": "*"},
            ],
        }
    )


def issuer_spec(region: str) -> dict[str, Any]:
    """The ClusterIssuer: Let's Encrypt, proven by DNS records in Route 53.

    Why not by HTTP: cert-manager would put solver pods and Ingress objects into retailers' namespaces, where the edges
    read no Ingress and the network policies let nobody in, and a host would have to point here before its certificate
    exists, which rules out a move without downtime. The hosted zone of a retailer's domain is found by name, in the
    workload account; a domain served elsewhere delegates `_acme-challenge.<host>` by CNAME (`cnameStrategy: Follow`).
    No e-mail address: Let's Encrypt sends no reminders any more, and expiry is an alert of ours.
    """
    return {
        "acme": {
            "server": "https://acme-v02.api.letsencrypt.org/directory",
            "privateKeySecretRef": {"name": f"{ISSUER}-account"},
            "solvers": [{"dns01": {"cnameStrategy": "Follow", "route53": {"region": region}}}],
        }
    }
