"""What teams of people may do: ClusterRoles that are bound namespace by namespace, never to the whole cluster."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.rbac.v1 import ClusterRole

from components.admission import Admission, AdmissionArgs
from retail.naming import APPLICATION_TEAM, APPROVER, BREAK_GLASS, Identity

READ = ["get", "list", "watch"]

READABLE: dict[str, list[str]] = {
    "": [
        "configmaps",
        "endpoints",
        "events",
        "limitranges",
        "persistentvolumeclaims",
        "pods",
        "pods/log",
        "pods/status",
        "replicationcontrollers",
        "resourcequotas",
        "serviceaccounts",
        "services",
    ],
    "apps": ["*"],
    "autoscaling": ["*"],
    "barmancloud.cnpg.io": ["*"],
    "batch": ["*"],
    "cert-manager.io": ["*"],
    "discovery.k8s.io": ["*"],
    "events.k8s.io": ["*"],
    "external-secrets.io": ["*"],
    "keda.sh": ["*"],
    "metrics.k8s.io": ["*"],
    "monitoring.coreos.com": ["*"],
    "networking.k8s.io": ["*"],
    "policy": ["*"],
    "postgresql.cnpg.io": ["*"],
    "rbac.authorization.k8s.io": ["rolebindings", "roles"],
    "traefik.io": ["*"],
}
"""Everything a namespace holds but Secrets, by API group. The core group is listed, as RBAC has no exceptions."""


@dataclass(frozen=True, kw_only=True)
class AccessRolesArgs:
    """identity: of the cluster's owner."""

    identity: Identity


class AccessRoles(pulumi.ComponentResource):
    """`application-team` looks at everything but Secrets, restarts Deployments, and runs and suspends CronJobs.
    RBAC can't tell a restart from another image, or a run of a CronJob from a pod that prints a Secret: what these
    requests may contain is the admission policies' to say (components/admission.py).

    `break-glass` mends workloads in an emergency: it enters pods, evicts them, scales, rolls back, and promotes a
    standby. No network policy, route, quota, disruption budget, Secret, role or binding is in it, so that it can't open
    one retailer to another. Nobody has it. Its group has an access entry and no rights, until the platform team binds
    it, in one namespace and for at most eight hours (docs/admission.md has the command). The binding says when it ends,
    and is taken away then.

    `approver` makes the approvals that a change in a freeze needs, and nothing else.

    Why a group and not a second administrator: an IAM role that may do all may also be used for all, and the audit log
    tells afterwards only. Should nobody of the platform team get in, an administrator of the AWS account makes an
    access entry, which CloudTrail shows.

    Example:
        AccessRoles("access", AccessRolesArgs(identity=identity))
    """

    def __init__(self, name: str, args: AccessRolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:cluster:AccessRoles", name, {}, opts)
        child = pulumi.ResourceOptions(parent=self)
        labels = args.identity.labels("access")
        # Before the role that they hold in: bound first, it would be without limits.
        admission = Admission(name, AdmissionArgs(identity=args.identity), opts=child)
        roles = {APPLICATION_TEAM: _application_team(), BREAK_GLASS: _break_glass(), APPROVER: _approver()}
        for role, rules in roles.items():
            ClusterRole(
                f"{name}-{role}",
                metadata={"name": role, "labels": labels},
                rules=rules,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[admission]),
            )
        self.register_outputs({})


def _reading() -> list[dict[str, Any]]:
    return [{"apiGroups": [group], "resources": kinds, "verbs": READ} for group, kinds in READABLE.items()]


def _application_team() -> list[dict[str, Any]]:
    return [
        *_reading(),
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["patch"]},
        {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": ["patch"]},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create"]},
    ]


def _break_glass() -> list[dict[str, Any]]:
    mend = ["patch", "update"]
    return [
        *_reading(),
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]},
        {"apiGroups": [""], "resources": ["pods/eviction", "pods/exec", "pods/portforward"], "verbs": ["create"]},
        # Not `deployments/scale`: no freeze can hold it without holding up autoscalers should its parameter be gone.
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": mend},
        {"apiGroups": ["batch"], "resources": ["cronjobs"], "verbs": mend},
        {"apiGroups": ["batch"], "resources": ["jobs"], "verbs": ["create", "delete"]},
        {"apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "verbs": mend},
        {
            "apiGroups": ["postgresql.cnpg.io"],
            "resources": ["clusters", "clusters/status", "poolers"],
            "verbs": mend,
        },
        {"apiGroups": ["postgresql.cnpg.io"], "resources": ["backups"], "verbs": [*mend, "create"]},
    ]


def _approver() -> list[dict[str, Any]]:
    return [*_reading(), {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create", "delete"]}]
