"""The batch tier: heavy work at night, as CronJobs. What Odoo itself queues goes to the channel `root.batch`."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.batch.v1 import CronJob
from pulumi_kubernetes.core.v1 import ConfigMap

from components.odoo_config import CONF_DIR, CONF_FILE, LONGEST_SECONDS
from components.odoo_pod import odoo_container, pod_labels, pod_spec, script
from components.odoo_tier import OdooTierArgs, tier_account
from retail.peaks import Peak, months_without
from retail.tiers import Tier

MINUTE_AND_HOUR = "30 3"
"""Half past three, local time: after the day's closing, before stores open, and outside the hours that a change to or
from summer time skips or repeats (one to three o'clock, in Europe and America)."""

SCRIPTS_DIR = "/opt/retail"


@dataclass(frozen=True, kw_only=True)
class OdooBatchArgs:
    """The batch tier's own arguments are those of any tier."""

    tier: OdooTierArgs

    def __post_init__(self) -> None:
        if self.tier.tier.tier is not Tier.BATCH:
            reason = f"must be the batch tier; given {self.tier.tier.tier}"
            raise pulumi.InputPropertiesError(
                f"OdooBatchArgs: tier {reason}", [{"property_path": "tier", "reason": reason}]
            )


def nights(peaks: Sequence[Peak]) -> str:
    """Every night of the months without a peak, five fields; of all months where each has one.

    Cron can't leave out single nights, and nothing heavy may begin before a peak and run into it.
    """
    months = months_without(peaks)
    return f"{MINUTE_AND_HOUR} * {','.join(map(str, months)) if 0 < len(months) < 12 else '*'} *"


class OdooBatch(pulumi.ComponentResource):
    """One CronJob, `reconciliation`: a count of what the day left open, by click-odoo in the retailer's image.

    It reads from a standby where the database has one (`db_replica_host`, `registry.cursor(readonly=True)`): what it
    counts is days old, so a standby's seconds don't matter, and the primary has the night to itself. What it writes
    goes to the primary, through the poolers. Bulk imports write, so theirs is the queue's channel `root.batch`.

    It is the pattern for a retailer's own exports, imports and reports: a script, a schedule, the lowest priority, and
    never two runs at once. It runs in no month of a peak, and in season peak it is suspended: the
    night belongs to the shop then.

    Example:
        OdooBatch("acme-batch", OdooBatchArgs(tier=tier_args[Tier.BATCH]))
    """

    def __init__(self, name: str, args: OdooBatchArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        pod, tier = args.tier.pod, args.tier.tier
        settings = pod.plan.settings
        schedule = nights(settings.peaks)
        suspended = settings.season == "peak" or not months_without(settings.peaks)
        super().__init__("retail:odoo:OdooBatch", name, {"schedule": schedule, "suspended": suspended}, opts)
        child = pulumi.ResourceOptions(parent=self)
        labels = pod_labels(pod.identity, tier)
        needed = tier_account(name, args.tier, child)
        scripts = ConfigMap(
            f"{name}-scripts",
            metadata={"name": "batch-scripts", "namespace": pod.identity.namespace, "labels": labels},
            data={"reconciliation.py": script("reconciliation")},
            opts=child,
        )
        container = odoo_container(pod, tier)
        container = {
            **container,
            "command": ["tini", "--"],
            "args": [
                "click-odoo",
                "-c",
                f"{CONF_DIR}/{CONF_FILE}",
                "-d",
                pod.identity.database,
                f"{SCRIPTS_DIR}/reconciliation.py",
            ],
            "volumeMounts": [
                *container["volumeMounts"],
                {"name": "scripts", "mountPath": SCRIPTS_DIR, "readOnly": True},
            ],
        }
        run = {
            **pod_spec(pod, tier, [container], [{"name": "scripts", "configMap": {"name": "batch-scripts"}}]),
            "restartPolicy": "Never",
        }
        CronJob(
            f"{name}-reconciliation",
            metadata={"name": "reconciliation", "namespace": pod.identity.namespace, "labels": labels},
            spec={
                "schedule": schedule,
                "timeZone": settings.time_zone,
                "suspend": suspended,
                "concurrencyPolicy": "Forbid",
                "startingDeadlineSeconds": 3600,
                "successfulJobsHistoryLimit": 3,
                "failedJobsHistoryLimit": 3,
                "jobTemplate": {
                    "metadata": {"labels": labels},
                    "spec": {
                        "backoffLimit": 2,
                        "activeDeadlineSeconds": LONGEST_SECONDS[Tier.BATCH],
                        "ttlSecondsAfterFinished": 7 * 24 * 3600,
                        "template": {"metadata": {"labels": labels}, "spec": run},
                    },
                },
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*needed, scripts, *args.tier.after]),
        )
        self.register_outputs({})
