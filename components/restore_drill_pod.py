"""The pod of a restore drill (its program is components/pod_scripts/restore_drill)."""

from dataclasses import dataclass
from typing import Any

import pulumi

from components.placement import Placement
from components.pod_scripts.restore_drill.drill import DELETION_TIMEOUT_SECONDS
from components.pod_scripts.restore_drill.metrics import PORT
from components.pod_security import container_security, pod_security
from components.tier_role import Filestore
from retail.naming import Identity, Pool
from retail.objectives import HOUR, Objectives, WorkloadClass

NOBODY = 65534
CPU_MILLIS, MEMORY_MIB = 50, 256

QUIET_SECONDS = HOUR
"""How long a quiet shop may commit nothing at night: Odoo's own scheduled actions run once an hour at least. A newest
commit may be so much older than the regional RPO without a loss."""

SAMPLE = 50
"""Attachments compared in each drill. If one in twenty were damaged, 50 would find it with 92 % (1 - 0.95^50)."""

LOOKING_SECONDS = 900
"""For the checks of data and attachments."""

LINGER_SECONDS = 90
"""After the drill, so that both Prometheus see its figures: three scrapes."""

GRACE_SECONDS = DELETION_TIMEOUT_SECONDS + 30
"""After SIGTERM: the scratch cluster is removed first."""


def drill_seconds(objectives: Objectives) -> int:
    """When a drill is ended: a restore may take the regional RTO, and scratch clusters are removed before and after."""
    return objectives.region_rto_seconds + 2 * DELETION_TIMEOUT_SECONDS + LOOKING_SECONDS + LINGER_SECONDS


@dataclass(frozen=True, kw_only=True)
class DrillPod:
    """database: which must have Odoo in it; empty for whichever have. name: of tier and container."""

    identity: Identity
    objectives: Objectives
    owner: str
    image: str
    name: str
    database: str
    filestore: Filestore | None

    def spec(self, account: pulumi.Input[str], files: pulumi.Input[str], manifest: pulumi.Input[str]) -> dict[str, Any]:
        """account: ServiceAccount. files, manifest: ConfigMaps, of the program and of the scratch cluster."""
        return {
            "serviceAccountName": account,
            "automountServiceAccountToken": True,
            "enableServiceLinks": False,
            "restartPolicy": "Never",
            "priorityClassName": str(WorkloadClass.DEFERRABLE),
            "terminationGracePeriodSeconds": GRACE_SECONDS,
            "securityContext": pod_security(user=NOBODY, group=NOBODY),
            **Placement(Pool.JOBS, self.owner).pod_fields(),
            "containers": [
                {
                    "name": self.name,
                    "image": self.image,
                    "command": ["python3", "-u", "-m", "restore_drill"],
                    "workingDir": "/drill",
                    "env": self._environment(),
                    "ports": [{"name": "metrics", "containerPort": PORT}],
                    "securityContext": container_security(),
                    "resources": {
                        "requests": {"cpu": f"{CPU_MILLIS}m", "memory": f"{MEMORY_MIB}Mi"},
                        "limits": {"memory": f"{MEMORY_MIB}Mi"},
                    },
                    "volumeMounts": [
                        {"name": "files", "mountPath": "/drill/restore_drill", "readOnly": True},
                        {"name": "manifest", "mountPath": "/manifest", "readOnly": True},
                    ],
                }
            ],
            "volumes": [
                {"name": "files", "configMap": {"name": files}},
                {"name": "manifest", "configMap": {"name": manifest}},
            ],
        }

    def _environment(self) -> list[dict[str, Any]]:
        objectives, filestore = self.objectives, self.filestore
        variables: dict[str, pulumi.Input[str]] = {
            "PYTHONDONTWRITEBYTECODE": "1",
            "AWS_DEFAULT_REGION": self.identity.region,
            "DRILL_MANIFEST": "/manifest/cluster.json",
            "DRILL_TIMEOUT_SECONDS": str(objectives.region_rto_seconds),
            "DRILL_ALLOWED_AGE_SECONDS": str(objectives.region_rpo_seconds + QUIET_SECONDS),
            "DRILL_DATABASE": self.database,
            "DRILL_BUCKET": filestore.bucket if filestore else "",
            "DRILL_PREFIX": filestore.prefix if filestore else "",
            "DRILL_SAMPLE": str(SAMPLE),
            "DRILL_LINGER_SECONDS": str(LINGER_SECONDS),
        }
        of_the_job = {"DRILL_JOB": "job-name", "DRILL_JOB_UID": "controller-uid"}
        labels = {key: f"metadata.labels['batch.kubernetes.io/{label}']" for key, label in of_the_job.items()}
        return [
            *({"name": key, "value": value} for key, value in variables.items()),
            *({"name": key, "valueFrom": {"fieldRef": {"fieldPath": path}}} for key, path in labels.items()),
        ]
