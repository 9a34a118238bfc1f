"""What a stack was promised and allowed, as plain data: the guardrails hold its resources against this."""

from typing import Any

from components.network import subnet_cidrs
from retail.load import pods_needed
from retail.node_sizing import HOSTED_RETAILER
from retail.plan import Plan


def contract(plan: Plan) -> dict[str, Any]:
    """Inputs of the stack's outermost component: Retailer's, or Foundation's where the stack is a platform.

    Seconds and days as named, money in US dollars a month, calendar in local time, days as YYYY-MM-DD or empty.
    """
    settings, objectives, database = plan.settings, plan.objectives, plan.database
    hosted = {} if settings.hosting.serves_retailer else HOSTED_RETAILER
    subnets = subnet_cidrs(settings.vpc_cidr, settings.zones).values()
    return {
        "retailer": settings.retailer,
        "environment": str(settings.environment),
        "hosting": str(settings.hosting),
        "platformStack": settings.platform_stack,
        "regulated": settings.regulated,
        "season": settings.season,
        "seasonEnds": settings.season_ends,
        "expires": settings.expires.isoformat() if settings.expires else "",
        "objectiveClass": str(settings.objective_class),
        "rpoSeconds": objectives.rpo_seconds,
        "rtoSeconds": objectives.rto_seconds,
        "regionRpoSeconds": objectives.region_rpo_seconds,
        "regionRtoSeconds": objectives.region_rto_seconds,
        "retentionDays": objectives.retention_days,
        "backupIntervalHours": objectives.backup_interval_hours,
        "drillIntervalDays": objectives.drill_interval_days,
        "processObjectives": [demand.model_dump(mode="json") for demand in settings.process_objectives],
        "databaseGib": settings.database_gib,
        "filestoreGib": settings.filestore_gib if settings.hosting.serves_retailer else 0,
        "restoreGibPerMinute": settings.restore_gib_per_minute,
        "timeZone": settings.time_zone,
        "peaks": [peak.model_dump(mode="json", exclude_none=True) for peak in settings.peaks],
        "freezes": [freeze.model_dump(mode="json") for freeze in settings.freezes],
        "workingHours": settings.working_hours,
        "regions": list(settings.allowed_regions or (settings.region, settings.recovery_region)),
        "account": settings.account,
        "backupAccount": settings.backup_account,
        "domain": settings.domain,
        # Of the Traefik that routes here, which in shared hosting is the platform's.
        "edge": settings.owner,
        "edgeReplicas": plan.traefik_replicas,
        "avoidZone": settings.avoid_zone,
        # Of the network that it runs in: where load balancers, pods and caches, and the Kubernetes API are.
        "loadBalancerCidrs": [each.public for each in subnets],
        "privateCidrs": [each.private for each in subnets],
        "controlPlaneCidrs": [each.control_plane for each in subnets],
        "maxConnections": database.budget.max_connections if database else settings.connections_per_retailer,
        "maxRetailers": 0 if settings.hosting.serves_retailer else settings.max_retailers,
        "connectionsPerRetailer": 0 if settings.hosting.serves_retailer else settings.connections_per_retailer,
        # What the node pools hold for each retailer that is hosted.
        "coresPerRetailer": {str(pool): cores for pool, (cores, _) in hosted.items()},
        "gibPerRetailer": {str(pool): gib for pool, (_, gib) in hosted.items()},
        "peakOrdersPerHour": round(settings.orders_per_hour * settings.peak_factor),
        "needs": {str(tier): sized.need for tier, sized in plan.tiers.items()},
        "needsAtPeaks": {
            str(tier): {peak.name: pods_needed(settings, tier, peak.factor) for peak in settings.peaks}
            for tier, sized in plan.tiers.items()
            if sized.profile.scaled
        },
        "serviceTimeMs": {str(tier): sized.service_time_ms for tier, sized in plan.tiers.items()},
        "grantedVcpus": settings.granted_vcpus,
        "grantedElasticIps": settings.granted_elastic_ips,
        "monthlyBudget": settings.monthly_budget,
        "peakMonthlyBudget": settings.peak_monthly_budget,
    }
