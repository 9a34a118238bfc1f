"""Every password of a retailer is replaced on a schedule, by a job that nobody has to watch."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.batch.v1 import CronJob
from pulumi_kubernetes.core.v1 import ConfigMap, ServiceAccount
from pulumi_kubernetes.rbac.v1 import Role, RoleBinding

from components.database_pods import object_labels
from components.encryption import key_use
from components.external_secret import API_VERSION
from components.managed_valkey import PORT, group_id
from components.odoo_pod import GROUP, USER, script
from components.placement import Placement
from components.pod_identity import PodIdentity, PodIdentityArgs
from components.pod_security import container_security, pod_security
from components.secret_store import secret_arn
from components.secrets import DATABASE_APP, DATABASE_KEDA, DATABASE_READONLY, ODOO_ADMIN, REDIS, login_secret
from retail.database_roles import SLOTS, owner_role
from retail.naming import Identity, Pool
from retail.objectives import WorkloadClass

NAME = "rotation"
"""Of all its objects, and its tier: network policies know its pods by that."""

DIRECTORY = "/opt/retail"
PACKAGE = "components/pod_scripts"
"""Where the scripts are here and, below DIRECTORY, in the pod: they import each other by the same name."""

SCRIPTS = ("rotate", "rotation_clients")
DEADLINE_SECONDS = 2 * 3600
ATTEMPTS = 4
RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class SharedCopy:
    """The ExternalSecret of a shared retailer's password, in its platform's database namespace."""

    namespace: pulumi.Input[str]
    name: str


@dataclass(frozen=True, kw_only=True)
class RotationArgs:
    """schedule: five-field cron (retail/rotation.py) in time_zone, an IANA name. image: the retailer's Odoo.

    owner: whose job pool it runs on. database_host: the primary, not a pooler. redis_host: the session store's.
    managed_redis: whether that is ElastiCache. shared_copy: where the database is the platform's; None where it is the
    retailer's own, with two roles that take turns.
    """

    identity: Identity
    schedule: str
    time_zone: str
    image: str
    owner: str
    eks_cluster_name: pulumi.Input[str]
    database_host: pulumi.Input[str]
    redis_host: pulumi.Input[str]
    managed_redis: bool
    shared_copy: SharedCopy | None = None

    @property
    def secrets(self) -> list[str]:
        """Names of what is rotated. The mail relay's password is not: it is the relay's to change."""
        own = [*map(login_secret, SLOTS), DATABASE_READONLY, DATABASE_KEDA] if self.shared_copy is None else []
        return [DATABASE_APP, *own, ODOO_ADMIN, REDIS]


class Rotation(pulumi.ComponentResource):
    """A CronJob that never runs in a freeze and at least every 90 days, and the rights it needs and no more.

    What it does and what it can't stands in its script (components/pod_scripts/rotate.py): nobody is logged out of
    PostgreSQL or the session store, except in development and in shared databases, where there is one role, or one pod
    that holds the sessions. A leaked password is gone after two runs: start them by hand, the second when the pods have
    restarted (`kubectl create job --from=cronjob/rotation`).

    Its AWS role reads and writes the retailer's own secrets and changes its own session store. In Kubernetes it may
    change any ExternalSecret of its namespace: they copy what it can read anyway.

    Example:
        Rotation("rotation", RotationArgs(identity=identity, schedule="0 5 22 1,2,3,4,5,6,7,8,9,10,11 *",
            time_zone="Europe/Paris", image=settings.image, owner=identity.retailer,
            eks_cluster_name=access.cluster_name, database_host=postgres.direct_host, redis_host=redis.host,
            managed_redis=True))
    """

    cron_job: pulumi.Output[str]

    def __init__(self, name: str, args: RotationArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:security:Rotation",
            name,
            {"schedule": args.schedule, "timeZone": args.time_zone, "secrets": args.secrets},
            opts,
        )
        self._name, self._args = name, args
        child = pulumi.ResourceOptions(parent=self)
        identity = args.identity
        labels = object_labels(identity, NAME, WorkloadClass.IMPORTANT)
        self._metadata = {"name": NAME, "namespace": identity.namespace, "labels": labels}
        account = ServiceAccount(
            f"{name}-account", metadata=self._metadata, automount_service_account_token=False, opts=child
        )
        aws = PodIdentity(
            f"{name}-identity",
            PodIdentityArgs(
                role_name=identity.iam(NAME),
                cluster_name=args.eks_cluster_name,
                namespace=identity.namespace,
                service_account=NAME,
                policy=_permissions(args),
            ),
            opts=child,
        )
        self._allow(f"{name}-copies", self._metadata, [{"verbs": ["list", "get", "patch"]}], account)
        if args.shared_copy is not None:
            # Named after the retailer, as all that it has there is.
            there = {"name": f"{identity.namespace}-{NAME}", "namespace": args.shared_copy.namespace, "labels": labels}
            rule = {"verbs": ["get", "patch"], "resourceNames": [args.shared_copy.name]}
            self._allow(f"{name}-shared-copy", there, [rule], account)
        files = ConfigMap(
            f"{name}-files",
            metadata=self._metadata,
            data={**{f"{each}.py": script(each) for each in SCRIPTS}, "plan.json": _plan(args)},
            opts=child,
        )
        job = CronJob(
            f"{name}-job",
            metadata=self._metadata,
            spec={
                "schedule": args.schedule,
                "timeZone": args.time_zone,
                "concurrencyPolicy": "Forbid",
                # Missed by more than an hour it waits for the next: a freeze may have begun.
                "startingDeadlineSeconds": 3600,
                "successfulJobsHistoryLimit": 3,
                "failedJobsHistoryLimit": 3,
                "jobTemplate": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "backoffLimit": ATTEMPTS - 1,
                        "activeDeadlineSeconds": DEADLINE_SECONDS,
                        "template": {"metadata": {"labels": labels}, "spec": _pod(args, files)},
                    },
                },
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[aws, account]),
        )
        self.cron_job = job.metadata["name"]
        self.register_outputs({"cron_job": self.cron_job})

    def _allow(self, name: str, metadata: dict[str, Any], rules: list[dict[str, Any]], account: ServiceAccount) -> None:
        """Rules on ExternalSecrets, for the job's account."""
        child = pulumi.ResourceOptions(parent=self)
        what = {"apiGroups": [API_VERSION.partition("/")[0]], "resources": ["externalsecrets"]}
        role = Role(f"{name}-role", metadata=metadata, rules=[{**what, **rule} for rule in rules], opts=child)
        RoleBinding(
            f"{name}-binding",
            metadata={**metadata, "annotations": self._args.identity.review()},
            role_ref={"apiGroup": RBAC, "kind": "Role", "name": role.metadata["name"]},
            subjects=[
                {
                    "kind": "ServiceAccount",
                    "name": account.metadata["name"],
                    "namespace": self._args.identity.namespace,
                }
            ],
            opts=child,
        )


def _permissions(args: RotationArgs) -> str:
    """IAM policy (JSON): every name in it is known before there is anything, so it can be judged in a preview."""
    identity = args.identity
    statements: list[dict[str, Any]] = [
        {
            "Sid": "Secrets",
            "Effect": "Allow",
            "Action": [
                "secretsmanager:DescribeSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
                "secretsmanager:UpdateSecretVersionStage",
            ],
            "Resource": [secret_arn(identity, identity.secret_path(secret)) for secret in args.secrets],
        },
        key_use(identity, ["kms:Decrypt", "kms:GenerateDataKey"], service="secretsmanager"),
    ]
    if args.managed_redis:
        group = f"arn:aws:elasticache:{identity.region}:{identity.account}:replicationgroup:{group_id(identity)}"
        statements.append(
            {
                "Sid": "SessionStore",
                "Effect": "Allow",
                "Action": ["elasticache:DescribeReplicationGroups", "elasticache:ModifyReplicationGroup"],
                "Resource": group,
            }
        )
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def _plan(args: RotationArgs) -> pulumi.Output[str]:
    """rotate.py's Plan, as JSON."""
    identity = args.identity
    path, own = identity.secret_path, args.shared_copy is None
    elsewhere = [] if args.shared_copy is None else [_copies(args.shared_copy.namespace, f"/{args.shared_copy.name}")]
    return pulumi.Output.json_dumps(
        {
            "login": path(DATABASE_APP),
            "slots": [path(login_secret(slot)) for slot in SLOTS] if own else [],
            "acts_as": owner_role(identity),
            "readers": [path(DATABASE_READONLY), path(DATABASE_KEDA)] if own else [],
            "admin": path(ODOO_ADMIN),
            "store": path(REDIS),
            "group": group_id(identity) if args.managed_redis else "",
            "copies": _copies(identity.namespace),
            "elsewhere": elsewhere,
            "region": identity.region,
            "database": {
                "host": args.database_host,
                "port": 5432,
                "dbname": identity.database,
                "sslmode": "require",
            },
            "store_host": args.redis_host,
            "store_port": PORT,
        },
        indent=2,
    )


def _copies(namespace: pulumi.Input[str], name: str = "") -> pulumi.Output[str]:
    return pulumi.Output.concat(f"/apis/{API_VERSION}/namespaces/", namespace, f"/externalsecrets{name}")


def _pod(args: RotationArgs, files: ConfigMap) -> dict[str, Any]:
    items = [{"key": f"{each}.py", "path": f"{PACKAGE}/{each}.py"} for each in SCRIPTS]
    return {
        # Plain, so that a preview shows whose AWS role replaces the passwords.
        "serviceAccountName": NAME,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "restartPolicy": "Never",
        "priorityClassName": str(WorkloadClass.IMPORTANT),
        "securityContext": pod_security(user=USER, group=GROUP),
        **Placement(Pool.JOBS, args.owner).pod_fields(),
        "containers": [
            {
                "name": NAME,
                "image": args.image,
                # Under tini a signal ends it at once, which is safe at any moment.
                "command": ["tini", "--", "python3", "-u", "-m", f"{PACKAGE.replace('/', '.')}.{SCRIPTS[0]}"],
                "workingDir": DIRECTORY,
                "env": [
                    {"name": "ROTATION_PLAN", "value": f"{DIRECTORY}/plan.json"},
                    {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
                ],
                "securityContext": container_security(),
                "resources": {"requests": {"cpu": "50m", "memory": "192Mi"}, "limits": {"memory": "192Mi"}},
                "volumeMounts": [{"name": "files", "mountPath": DIRECTORY, "readOnly": True}],
            }
        ],
        "volumes": [
            {
                "name": "files",
                "configMap": {
                    "name": files.metadata["name"],
                    "items": [*items, {"key": "plan.json", "path": "plan.json"}],
                },
            }
        ],
    }
