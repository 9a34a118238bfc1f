"""What requests may contain, where RBAC only knows which objects they are about."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.admissionregistration.v1 import (
    ValidatingAdmissionPolicy,
    ValidatingAdmissionPolicyBinding,
)

from retail.naming import APPLICATION_TEAM, Identity

RUNNABLE = ("reconciliation",)
"""CronJobs that a team may run out of turn (components/odoo_batch.py)."""

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
"""What `kubectl rollout restart` writes, and nothing else."""


@dataclass(frozen=True)
class Limit:
    """One policy. who: CEL, whose requests. validations: (CEL, message); all must hold. of_cron_jobs: evaluated once
    for each CronJob of the namespace, as `params`."""

    name: str
    who: str
    group: str
    resource: str
    operation: str
    validations: Sequence[tuple[str, str]]
    of_cron_jobs: bool = False


def _same(*fields: str) -> str:
    """CEL: those fields of `spec`, which may be missing, are as they were."""
    return " && ".join(f"object.spec.?{field} == oldObject.spec.?{field}" for field in fields)


TEAM = f"request.userInfo.groups.exists(group, group.endsWith('-{APPLICATION_TEAM}'))"
PODS = "request.userInfo.username.startsWith('system:serviceaccount:')"

_METADATA = (
    "object.metadata.?labels == oldObject.metadata.?labels"
    " && object.metadata.?annotations == oldObject.metadata.?annotations"
    " && object.metadata.?ownerReferences == oldObject.metadata.?ownerReferences"
    " && object.metadata.?finalizers == oldObject.metadata.?finalizers"
)
_PODS = "object.spec.template"
_OWNERS = "object.metadata.?ownerReferences.orValue([])"

LIMITS = (
    Limit(
        f"{APPLICATION_TEAM}-restarts",
        TEAM,
        "apps",
        "deployments",
        "UPDATE",
        [
            (
                f"{_METADATA}"
                f" && {_same('replicas', 'strategy', 'paused', 'minReadySeconds', 'progressDeadlineSeconds')}"
                f" && {_PODS}.spec == oldObject.spec.template.spec"
                f" && {_PODS}.metadata.?labels == oldObject.spec.template.metadata.?labels",
                "an application team restarts Deployments and changes nothing else in them",
            ),
            (
                f"{_PODS}.metadata.?annotations.orValue({{}}).all(key, key == '{RESTARTED_AT}'"
                " || (key in oldObject.spec.template.metadata.?annotations.orValue({})"
                f" && {_PODS}.metadata.annotations[key] == oldObject.spec.template.metadata.annotations[key]))",
                f"of the pods' annotations only {RESTARTED_AT} may change",
            ),
            (
                "oldObject.spec.template.metadata.?annotations.orValue({}).all(key,"
                f" key in {_PODS}.metadata.?annotations.orValue({{}}))",
                "no annotation of the pods may go",
            ),
        ],
    ),
    Limit(
        f"{APPLICATION_TEAM}-suspensions",
        TEAM,
        "batch",
        "cronjobs",
        "UPDATE",
        [
            (
                f"{_METADATA} && "
                + _same(
                    "schedule",
                    "timeZone",
                    "concurrencyPolicy",
                    "startingDeadlineSeconds",
                    "jobTemplate",
                    "successfulJobsHistoryLimit",
                    "failedJobsHistoryLimit",
                ),
                "an application team suspends and resumes CronJobs and changes nothing else in them",
            )
        ],
    ),
    Limit(
        f"{APPLICATION_TEAM}-runs",
        TEAM,
        "batch",
        "jobs",
        "CREATE",
        [
            (
                f"{_OWNERS}.size() == 1 && {_OWNERS}.all(owner, owner.kind == 'CronJob' && owner.name in ["
                + ", ".join(f"'{name}'" for name in RUNNABLE)
                + "])",
                f"an application team runs CronJobs out of turn (kubectl create job --from), of {', '.join(RUNNABLE)}",
            ),
            (
                f"{_OWNERS}.all(owner, owner.name != params.metadata.name)"
                " || (object.spec.template.spec == params.spec.jobTemplate.spec.template.spec"
                " && params.spec.jobTemplate.spec.template.metadata.?labels.orValue({}).all(key,"
                " object.spec.template.metadata.labels[key]"
                " == params.spec.jobTemplate.spec.template.metadata.labels[key]))",
                "a run out of turn is what the CronJob would have run",
            ),
        ],
        of_cron_jobs=True,
    ),
    # A rotation asks for a fresh copy by an annotation, a shared retailer's in its platform's namespace. Whoever could
    # change what is copied there, and into which Secret, would have the platform's credentials.
    Limit(
        "copies-of-secrets",
        PODS,
        "external-secrets.io",
        "externalsecrets",
        "UPDATE",
        [
            (
                "object.spec == oldObject.spec && object.metadata.?labels == oldObject.metadata.?labels",
                "what an ExternalSecret copies is changed by people and by Pulumi, not by pods",
            )
        ],
    ),
)


@dataclass(frozen=True, kw_only=True)
class TeamAdmissionArgs:
    """identity: of the cluster's owner."""

    identity: Identity


class TeamAdmission(pulumi.ComponentResource):
    """ValidatingAdmissionPolicies for application teams' groups and for pods, in every namespace.

    Without them the right to restart would be the right to run any image with any Secret of the namespace mounted, and
    the right to refresh a copy of a Secret would be the right to copy another one.

    Example:
        TeamAdmission("admission", TeamAdmissionArgs(identity=identity))
    """

    def __init__(self, name: str, args: TeamAdmissionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:cluster:TeamAdmission", name, {"limits": [limit.name for limit in LIMITS]}, opts)
        for limit in LIMITS:
            metadata = {"name": limit.name, "labels": args.identity.labels("access")}
            policy = ValidatingAdmissionPolicy(
                f"{name}-{limit.name}", metadata=metadata, spec=_policy(limit), opts=pulumi.ResourceOptions(parent=self)
            )
            binding: dict[str, Any] = {"policyName": metadata["name"], "validationActions": ["Deny"]}
            if limit.of_cron_jobs:
                binding["paramRef"] = {"selector": {}, "parameterNotFoundAction": "Deny"}
            ValidatingAdmissionPolicyBinding(
                f"{name}-{limit.name}",
                metadata=metadata,
                spec=binding,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
            )
        self.register_outputs({})


def _policy(limit: Limit) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "failurePolicy": "Fail",
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": [limit.group],
                    "apiVersions": ["*"],
                    "resources": [limit.resource],
                    "operations": [limit.operation],
                }
            ]
        },
        "matchConditions": [
            {"name": "who", "expression": limit.who},
        ],
        "validations": [
            {"expression": expression, "message": message, "reason": "Forbidden"}
            for expression, message in limit.validations
        ],
    }
    if limit.of_cron_jobs:
        spec["paramKind"] = {"apiVersion": "batch/v1", "kind": "CronJob"}
    return spec
