"""A retailer's Odoo: every tier of the plan, each on its own."""

from dataclasses import dataclass

import pulumi

from components.odoo_batch import OdooBatch, OdooBatchArgs
from components.odoo_pod import OdooPodArgs
from components.odoo_release import OdooRelease, OdooReleaseArgs
from components.odoo_tier import OdooTier, OdooTierArgs
from components.tier_role import Filestore
from retail.naming import Identity
from retail.plan import Plan
from retail.tiers import PROFILES, READING_TIERS, DatabasePath, Tier


@dataclass(frozen=True, kw_only=True)
class OdooArgs:
    """identity, plan: whose Odoo, and how much of it.

    placement_owner: retailer whose node pools are used: this one, or the platform's where hosting is shared.
    pooler_host, direct_host: PostgreSQL through the poolers, and the primary itself. integration_host: through poolers
    that only partners' calls use. standby_host: what may be seconds old, None where there is no standby to read from.
    database_cluster: the CNPG Cluster, None where it is the platform's.
    cluster_name: the EKS cluster. filestore: where the attachments are.
    """

    identity: Identity
    plan: Plan
    placement_owner: str
    pooler_host: pulumi.Input[str]
    integration_host: pulumi.Input[str]
    direct_host: pulumi.Input[str]
    standby_host: pulumi.Input[str] | None
    database_cluster: str | None
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
    """Eight Deployments and one CronJob, one for each tier of the design, after the release that their image needs.

    Tiers are separate so that a queue that fills, a partner that floods the API or a report that eats memory slows down
    its own tier only: each has its own scaling, priority, nodes, time limits, AWS role and network policy.
    Web tiers run no scheduled actions (`--max-cron-threads=0`) and no queue runner (channel `root:0`).
    It gives up one thing: queue_job sends all channels to one address, so jobs can't be pinned to pods of their own.

    What the image must have in it: image/README.md.

    Example:
        Odoo("acme", OdooArgs(identity=identity, plan=plan, placement_owner="acme", pooler_host=postgres.pooler_host,
                              integration_host=postgres.integration_host, direct_host=postgres.direct_host,
                              standby_host=postgres.read_only_host, database_cluster=cluster_name(identity),
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
        release = OdooRelease(
            f"{name}-release",
            OdooReleaseArgs(
                pod=pod,
                cluster_name=args.cluster_name,
                filestore=args.filestore,
                database_cluster=args.database_cluster,
            ),
            child,
        )
        tier_args = {
            tier: OdooTierArgs(
                pod=pod,
                tier=plan,
                host=_database_host(tier, args),
                standby_host=args.standby_host if tier in READING_TIERS else None,
                cluster_name=args.cluster_name,
                filestore=args.filestore,
                after=[release.job],
            )
            for tier, plan in args.plan.tiers.items()
        }
        self.tiers = {
            tier: OdooTier(f"{name}-{tier}", tier_args[tier], child) for tier in Tier if tier is not Tier.BATCH
        }
        OdooBatch(f"{name}-{Tier.BATCH}", OdooBatchArgs(tier=tier_args[Tier.BATCH]), child)
        self.services = {str(tier): made.service for tier, made in self.tiers.items() if made.service is not None}
        self.register_outputs({"services": self.services})


def _database_host(tier: Tier, args: OdooArgs) -> pulumi.Input[str]:
    """Tiers that LISTEN or hold session locks go to the primary, the others through poolers; partners' calls have
    poolers of their own, so that their retries can't take the connections that customers need."""
    if PROFILES[tier].path is DatabasePath.DIRECT:
        return args.direct_host
    return args.integration_host if tier is Tier.INTEGRATION else args.pooler_host
