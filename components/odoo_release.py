"""A release: the Job that brings the database to an image's code before any pod of that image serves."""

from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.batch.v1 import Job
from pulumi_kubernetes.core.v1 import ConfigMap, ServiceAccount
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from components.database_archive import PLUGIN
from components.external_secret import external_secret
from components.odoo_config import (
    CONF_DIR,
    CONF_FILE,
    DATA_DIR,
    FILESTORE_CODE,
    HTTP_PORT,
    REPORT_TIER,
    conf_secrets,
    literals,
    process_environment,
    release_conf,
)
from components.odoo_pod import GROUP, TMP_DIR, USER, OdooPodArgs, script
from components.placement import Placement
from components.pod_security import container_security, pod_security
from components.postgres_roles import release_grants
from components.quota import UPGRADE_CPU_MILLIS, UPGRADE_MEMORY_MIB
from components.tier_role import Filestore, tier_role
from retail.connection_budget import UPGRADE_CONNECTIONS
from retail.naming import Pool, hosts
from retail.objectives import WorkloadClass
from retail.tiers import Tier

NAME = "release"
SCRIPTS_DIR = "/opt/release"
SCRIPTS = ("release_cluster", "release_database", "release_settings")

QUIESCED = (Tier.SCHEDULED, Tier.JOBRUNNER)
"""What acts by itself: on a half-upgraded database it would do so with the wrong code. Web tiers go on serving."""

TAKE_BACK = {"pulumi.com/patchForce": "true"}
"""Annotation of the quiesced Deployments: the release owns their `replicas` after it has scaled them to none, and
`pulumi up`, which comes next with the new image, takes the field back instead of stopping at the conflict."""

SECONDS = 6 * 3600
"""For the checkpoint (a base backup of 400 GiB takes two hours at 50 MB/s), the longest scheduled action to end, and
the upgrade itself. Hours too many cost nothing, and too few end an upgrade in its middle."""

TOKEN_DIR = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - where a token is mounted


@dataclass(frozen=True, kw_only=True)
class OdooReleaseArgs:
    """What all tiers share, and what a release needs beside it.

    database_cluster: the CNPG Cluster that a checkpoint is taken of; None where hosting is shared, for one retailer
    can't restore what is the platform's.
    """

    pod: OdooPodArgs
    cluster_name: pulumi.Input[str]
    filestore: Filestore
    database_cluster: str | None


class OdooRelease(pulumi.ComponentResource):
    """One Job for each image: checkpoint, quiet, then the database, then the settings. Deployments wait for it.

    - The first deployment: the database is empty, and is initialised with what the image asks for. There is nothing to
      take a checkpoint of, and nothing to stop.
    - A new image: a new Job, for it is named after the digest. When it has ended the Deployments roll, and the former
      Job is removed last. Web tiers serve meanwhile, with the old code on the new schema.
    - The same image: nothing runs, in either season; nothing here depends on it. The Job stays as the record of it,
      without a time to live: `pulumi refresh` would miss it, and `pulumi up` would run it again.
    - A restored database: its first Job initialises or upgrades what came back, and states this stack's settings anew.
    - A failed release: `pulumi up` ends there. Deployments keep the old image, and `scheduled` and `jobrunner` stay at
      none: nothing acts by itself until a person has looked (`kubectl logs job/release-...`). Then, forward: a mended
      image, and `pulumi up`; the same image again, `pulumi up --replace URN-of-the-Job`. Or back: the old image in the
      stack file and `pulumi up --refresh`, which brings the two Deployments back, and if the schema has changed before
      that the database, from the Backup of the pod's name.

    What it gives up: zero downtime holds for additive changes only. Dropping or renaming what the old code reads breaks
    it until the Deployments have rolled, and long locks stop it; such a release wants a maintenance window. Jobs that
    were already running in `background` end on the old code.

    It is one attempt, unless its node goes away: an upgrade that failed is not to be tried blindly. The API server's
    token is mounted in the steps that ask it for something, and not where the image's modules run.

    Example:
        OdooRelease("acme-release", OdooReleaseArgs(pod=pod, cluster_name=access.cluster_name, filestore=filestore,
                                                    database_cluster=cluster_name(identity)))
    """

    job: Job

    def __init__(self, name: str, args: OdooReleaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        settings = args.pod.plan.settings
        super().__init__("retail:odoo:OdooRelease", name, {"image": settings.image}, opts)
        child = pulumi.ResourceOptions(parent=self)
        identity = args.pod.identity
        labels = identity.tier_labels(NAME, str(WorkloadClass.CRITICAL))
        metadata = {"name": NAME, "namespace": identity.namespace, "labels": labels}
        account = ServiceAccount(
            f"{name}-account", metadata=metadata, automount_service_account_token=False, opts=child
        )
        role = Role(f"{name}-role", metadata=metadata, rules=_permissions(args), opts=child)
        binding = RoleBinding(
            f"{name}-binding",
            metadata={**metadata, "annotations": identity.review()},
            role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": NAME},
            subjects=[{"kind": "ServiceAccount", "name": NAME, "namespace": identity.namespace}],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[role, account]),
        )
        conf = external_secret(
            f"odoo-{NAME}",
            identity.namespace,
            labels=labels,
            data=conf_secrets(identity, mail=False),
            template={
                CONF_FILE: release_conf(
                    args.pod.plan,
                    database=identity.database,
                    host=args.pod.direct_host,
                    filestore=args.filestore,
                    connections=UPGRADE_CONNECTIONS,
                )
            },
            opts=child,
        )
        scripts = ConfigMap(
            f"{name}-scripts",
            metadata={**metadata, "name": f"{NAME}-scripts"},
            data={f"{each}.py": script(each) for each in SCRIPTS},
            opts=child,
        )
        attachments = tier_role(
            f"{name}-attachments",
            NAME,
            identity,
            cluster_name=args.cluster_name,
            filestore=args.filestore,
            opts=child,
        )
        digest = image_digest(settings.image)[:12]
        self.job = Job(
            # By digest here as well: the new Job is made before the old one goes, and an old image's never runs again.
            f"{name}-{digest}",
            metadata={**metadata, "name": f"{NAME}-{digest}"},
            spec={
                "backoffLimit": 0,
                "activeDeadlineSeconds": SECONDS,
                "podFailurePolicy": {
                    "rules": [
                        {
                            "action": "Ignore",
                            "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
                        }
                    ]
                },
                "template": {
                    # Karpenter leaves the node alone; what can't be helped (a lost zone) starts over on another.
                    "metadata": {"labels": labels, "annotations": {"karpenter.sh/do-not-disrupt": "true"}},
                    "spec": _pod(args),
                },
            },
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[binding, conf, scripts, attachments],
                # The provider gives up after ten minutes unless told otherwise.
                custom_timeouts=pulumi.CustomTimeouts(create=f"{SECONDS}s", update=f"{SECONDS}s"),
            ),
        )
        self.register_outputs({})


def image_digest(image: str) -> str:
    """The hexadecimal part of `registry/name@sha256:...`."""
    return image.rpartition("@sha256:")[2]


def _permissions(args: OdooReleaseArgs) -> list[dict[str, Any]]:
    """What the two first steps ask for. Pods and creation have no names that a rule could be held to."""
    quiesced = [str(tier) for tier in QUIESCED]
    rules: list[dict[str, Any]] = [
        {"apiGroups": ["apps"], "resources": ["deployments"], "resourceNames": quiesced, "verbs": ["get"]},
        {"apiGroups": ["apps"], "resources": ["deployments/scale"], "resourceNames": quiesced, "verbs": ["patch"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    ]
    if args.database_cluster is not None:
        rules.append({"apiGroups": ["postgresql.cnpg.io"], "resources": ["backups"], "verbs": ["create", "get"]})
    if args.pod.plan.settings.hours:
        scaled = {"apiGroups": ["keda.sh"], "resources": ["scaledobjects"], "resourceNames": quiesced}
        rules.append({**scaled, "verbs": ["get", "patch"]})
    return rules


def _pod(args: OdooReleaseArgs) -> dict[str, Any]:
    pod = args.pod
    steps: list[dict[str, Any]] = []
    if args.database_cluster is not None:
        steps.append(_cluster_step(args, "checkpoint", args.database_cluster, PLUGIN))
    # With working hours KEDA would start again what is scaled to none.
    steps.append(_cluster_step(args, "quiesce", *(["paused"] if pod.plan.settings.hours else [])))
    return {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        # Nothing that serves may push an upgrade off its node.
        "priorityClassName": str(WorkloadClass.CRITICAL),
        "terminationGracePeriodSeconds": 120,
        "securityContext": pod_security(user=USER, group=GROUP),
        "initContainers": steps,
        "containers": [_database_step(args)],
        "volumes": [
            {"name": "conf", "secret": {"secretName": f"odoo-{NAME}", "defaultMode": 0o440}},
            {"name": "scripts", "configMap": {"name": f"{NAME}-scripts"}},
            {"name": "data", "emptyDir": {"sizeLimit": "2Gi"}},
            {"name": "tmp", "emptyDir": {"sizeLimit": "2Gi"}},
            {"name": "token", "projected": {"sources": _token(), "defaultMode": 0o440}},
        ],
        **Placement(Pool.JOBS, pod.placement_owner).pod_fields(),
    }


def _token() -> list[dict[str, Any]]:
    """What the kubelet mounts by itself where a token is automounted."""
    return [
        {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}},
    ]


def _cluster_step(args: OdooReleaseArgs, step: str, *arguments: str) -> dict[str, Any]:
    image = args.pod.plan.settings.image
    return {
        "name": step,
        "image": image,
        "command": ["python3", "-u", f"{SCRIPTS_DIR}/release_cluster.py", step, *arguments],
        "env": [
            {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
            {"name": "RELEASE_IMAGE", "value": image},
            {"name": "RELEASE_QUIESCED", "value": ",".join(str(tier) for tier in QUIESCED)},
        ],
        "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": container_security(),
        "volumeMounts": [
            {"name": "scripts", "mountPath": SCRIPTS_DIR, "readOnly": True},
            {"name": "token", "mountPath": TOKEN_DIR, "readOnly": True},
        ],
    }


def _database_step(args: OdooReleaseArgs) -> dict[str, Any]:
    pod, settings = args.pod, args.pod.plan.settings
    stated = {
        "RELEASE_SERIES": settings.odoo_version,
        "RELEASE_REPORT_URL": f"http://{REPORT_TIER}:{HTTP_PORT}",
        "RELEASE_BASE_URL": f"https://{hosts(settings.domain)[Tier.BACKOFFICE]}",
        "RELEASE_FILESTORE": FILESTORE_CODE,
        "RELEASE_GRANTS": "\n".join(release_grants(pod.identity)),
    }
    return {
        "name": NAME,
        "image": settings.image,
        # To the group: Python waits for a child, which is who has to hear of SIGTERM.
        "command": ["tini", "-g", "--"],
        "args": ["python3", "-u", f"{SCRIPTS_DIR}/release_database.py"],
        # No sessions: nothing is served here.
        "env": literals(process_environment(pod.plan) | stated),
        "resources": {
            "requests": {"cpu": f"{UPGRADE_CPU_MILLIS}m", "memory": f"{UPGRADE_MEMORY_MIB}Mi"},
            "limits": {"memory": f"{UPGRADE_MEMORY_MIB}Mi"},
        },
        "securityContext": container_security(),
        "volumeMounts": [
            {"name": "conf", "mountPath": CONF_DIR, "readOnly": True},
            {"name": "scripts", "mountPath": SCRIPTS_DIR, "readOnly": True},
            {"name": "data", "mountPath": DATA_DIR},
            {"name": "tmp", "mountPath": TMP_DIR},
        ],
    }
