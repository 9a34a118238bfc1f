"""A retailer's freeze as the API server knows it, and the CronJob that switches it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import ValidatingAdmissionPolicyBinding
from pulumi_kubernetes.batch.v1 import CronJob
from pulumi_kubernetes.core.v1 import ConfigMap, ServiceAccount
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from components.admission import FREEZE_POLICY, NAMESPACE_NAME
from components.change_control import TIER
from components.database_pods import object_labels
from components.odoo_pod import GROUP, USER, script
from components.placement import Placement
from components.pod_security import container_security, pod_security
from retail.naming import CHANGE_CONTROL, Identity, Pool, shorten
from retail.objectives import WorkloadClass
from retail.peaks import Window

MINUTES = 5
"""Between two looks at the calendar. Borders of windows are minutes; approvals and the ends of emergencies wait as long
at most."""

LEAD_SECONDS = 2 * MINUTES * 60
"""A freeze is on this much before it begins: one run may be missed."""

DIRECTORY = "/opt/retail"
RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class FreezeSwitchArgs:
    """freezes: in local time of time_zone, an IANA name. image: with Python 3.11 in it; the retailer's Odoo has.

    owner: whose job pool it runs on.
    """

    identity: Identity
    freezes: Sequence[Window]
    time_zone: str
    image: str
    owner: str


class FreezeSwitch(pulumi.ComponentResource):
    """CEL has no clock: the admission policy of freezes has a ConfigMap as its parameter, and this writes into it.

    The ConfigMap is FreezeState's (components/freeze_state.py), which is there before the retailer's namespace and goes
    after it: while the binding holds, or the API server still remembers it, a missing parameter denies everything.

    What a run does stands in its script (components/pod_scripts/freeze.py). If it can't run, a freeze stays as it was,
    and emergencies don't end: an alert says so.

    Example:
        FreezeSwitch("freeze", FreezeSwitchArgs(identity=identity, freezes=settings.freezes, time_zone="Europe/Paris",
            image=settings.image, owner=settings.owner))
    """

    def __init__(self, name: str, args: FreezeSwitchArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        windows = _windows(args)
        super().__init__("retail:tenancy:FreezeSwitch", name, {"windows": windows}, opts)
        child = pulumi.ResourceOptions(parent=self)
        self._name, self._identity, self._child = name, args.identity, child
        tenant = args.identity.namespace
        self._labels = object_labels(args.identity, TIER, WorkloadClass.IMPORTANT)
        own = self._metadata(CHANGE_CONTROL)
        account = ServiceAccount(f"{name}-account", metadata=own, automount_service_account_token=False, opts=child)
        state = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [tenant]}
        self._allow("own", own, [{**state, "verbs": ["get", "create", "patch"]}], account)
        self._allow(
            "tenant",
            {**own, "name": TIER, "namespace": tenant},
            [
                {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]},
                # Which of them it may delete is for admission to say.
                {"apiGroups": [RBAC], "resources": ["rolebindings"], "verbs": ["list", "delete"]},
            ],
            account,
        )
        plan = {
            "namespace": tenant,
            "object": tenant,
            "own_namespace": CHANGE_CONTROL,
            "lead_seconds": LEAD_SECONDS,
            "windows": windows,
        }
        files = ConfigMap(
            f"{name}-files",
            metadata={**own, "name": shorten(f"{tenant}-files")},
            data={"freeze.py": script("freeze"), "plan.json": json.dumps(plan, indent=2)},
            opts=child,
        )
        ValidatingAdmissionPolicyBinding(
            f"{name}-binding",
            metadata={"name": f"{FREEZE_POLICY}-{tenant}", "labels": self._labels},
            spec={
                "policyName": FREEZE_POLICY,
                "validationActions": ["Deny"],
                "paramRef": {"name": tenant, "namespace": CHANGE_CONTROL, "parameterNotFoundAction": "Deny"},
                "matchResources": {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: tenant}}},
            },
            opts=child,
        )
        CronJob(
            f"{name}-job",
            metadata=own,
            spec={
                "schedule": f"*/{MINUTES} * * * *",
                "timeZone": "Etc/UTC",
                "concurrencyPolicy": "Forbid",
                "startingDeadlineSeconds": MINUTES * 60 - 60,
                "successfulJobsHistoryLimit": 1,
                "failedJobsHistoryLimit": 1,
                "jobTemplate": {
                    "metadata": {"labels": self._labels},
                    "spec": {
                        # The next run is a try that knows the time.
                        "backoffLimit": 0,
                        "activeDeadlineSeconds": 2 * MINUTES * 60,
                        "template": {
                            "metadata": {"labels": self._labels},
                            "spec": _pod(args, tenant, files.metadata["name"]),
                        },
                    },
                },
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[account]),
        )
        self.register_outputs({})

    def _metadata(self, namespace: str) -> dict[str, Any]:
        """Named after the retailer, as its objects in other namespaces are."""
        return {"name": self._identity.namespace, "namespace": namespace, "labels": self._labels}

    def _allow(self, what: str, metadata: dict[str, Any], rules: list[dict[str, Any]], account: ServiceAccount) -> None:
        role = Role(f"{self._name}-{what}-role", metadata=metadata, rules=rules, opts=self._child)
        RoleBinding(
            f"{self._name}-{what}-binding",
            metadata={**metadata, "annotations": self._identity.review()},
            role_ref={"apiGroup": RBAC, "kind": "Role", "name": role.metadata["name"]},
            subjects=[{"kind": "ServiceAccount", "name": account.metadata["name"], "namespace": CHANGE_CONTROL}],
            opts=self._child,
        )


def _windows(args: FreezeSwitchArgs) -> list[dict[str, str]]:
    spans = [(freeze.name, *freeze.in_utc(args.time_zone)) for freeze in args.freezes]
    return [
        {"name": name, "start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "end": f"{end:%Y-%m-%dT%H:%M:%SZ}"}
        for name, start, end in sorted(spans, key=lambda span: span[1])
    ]


def _pod(args: FreezeSwitchArgs, account: str, files: pulumi.Input[str]) -> dict[str, Any]:
    return {
        "serviceAccountName": account,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "priorityClassName": str(WorkloadClass.IMPORTANT),
        "securityContext": pod_security(user=USER, group=GROUP),
        **Placement(Pool.JOBS, args.owner).pod_fields(),
        "containers": [
            {
                "name": TIER,
                "image": args.image,
                "command": ["tini", "--", "python3", "-u", f"{DIRECTORY}/freeze.py"],
                "env": [
                    {"name": "FREEZE_PLAN", "value": f"{DIRECTORY}/plan.json"},
                    {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
                ],
                "securityContext": container_security(),
                "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
                "volumeMounts": [{"name": "files", "mountPath": DIRECTORY, "readOnly": True}],
            }
        ],
        "volumes": [{"name": "files", "configMap": {"name": files}}],
    }
