"""A retailer's Odoo: every tier of the plan, each on its own."""

from dataclasses import dataclass

import pulumi

from components.odoo_batch import OdooBatch, OdooBatchArgs
from components.odoo_pod import OdooPodArgs
from components.odoo_tier import OdooTier, OdooTierArgs, database_host
from components.tier_role import Filestore
from retail.naming import Identity
from retail.plan import Plan
from retail.tiers import Tier


@dataclass(frozen=True, kw_only=True)
class OdooArgs:
    """identity, plan: whose Odoo, and how much of it.

    placement_owner: retailer whose node pools are used: this one, or the platform's where hosting is shared.
    pooler_host, integration_host, direct_host: PostgreSQL through the poolers, through those of the integration tier,
    and the primary itself.
    cluster_name: the EKS cluster. filestore: where the attachments are.
    """

    identity: Identity
    plan: Plan
    placement_owner: str
    pooler_host: pulumi.Input[str]
    integration_host: pulumi.Input[str]
    direct_host: pulumi.Input[str]
    cluster_name: pulumi.Input[str]
    filestore: Filestore

    def __post_init__(self) -> None:
        missing = [str(tier) for tier in Tier if tier not in self.plan.tiers]
        if missing:
            reason = f"must hold every tier; missing {', '.join(missing)}"
            raise pulumi.InputPropertiesError(
                f"OdooArgs: plan {reason}", [{"property_path": "plan.tiers", "reason": reason}]
            )


class Odoo(pulumi.ComponentResource):
    """Eight Deployments and one CronJob, one for each tier of the design.

    Tiers are separate so that a queue that fills, a partner that floods the API or a report that eats memory slows down
    its own tier only: each has its own scaling, priority, nodes, time limits, AWS role and network policy.
    Web tiers run no scheduled actions (`--max-cron-threads=0`) and no queue runner (channel `root:0`).
    It gives up one thing: queue_job sends all channels to one address, so jobs can't be pinned to pods of their own.

    Needs of the image: tini, session_redis, queue_job, fs_attachment_s3, fs_storage_environment, click-odoo; and in the
    database an `fs.storage` record with the code `filestore`, and `report.url` = http://backoffice:8069.

    Example:
        Odoo("acme", OdooArgs(identity=identity, plan=plan, placement_owner="acme", pooler_host=postgres.pooler_host,
                              integration_host=postgres.integration_host, direct_host=postgres.direct_host,
                              cluster_name=access.cluster_name, filestore=filestore))
    """

    tiers: dict[Tier, OdooTier]
    services: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: OdooArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:odoo:Odoo",
            name,
            {"image": args.plan.settings.image, "odooVersion": args.plan.settings.odoo_version},
            opts,
        )
        child = pulumi.ResourceOptions(parent=self)
        pod = OdooPodArgs(
            identity=args.identity,
            plan=args.plan,
            placement_owner=args.placement_owner,
            direct_host=args.direct_host,
        )
        tier_args = {
            tier: OdooTierArgs(
                pod=pod,
                tier=plan,
                host=database_host(
                    plan,
                    pooler_host=args.pooler_host,
                    integration_host=args.integration_host,
                    direct_host=args.direct_host,
                ),
                cluster_name=args.cluster_name,
                filestore=args.filestore,
            )
            for tier, plan in args.plan.tiers.items()
        }
        self.tiers = {
            tier: OdooTier(f"{name}-{tier}", tier_args[tier], child) for tier in Tier if tier is not Tier.BATCH
        }
        OdooBatch(f"{name}-{Tier.BATCH}", OdooBatchArgs(tier=tier_args[Tier.BATCH]), child)
        self.services = {str(tier): made.service for tier, made in self.tiers.items() if made.service is not None}
        self.register_outputs({"services": self.services})
