"""Settings -> plan -> cluster -> retailer -> outputs. What each of them is stands in retail/ and components/."""

import pulumi

from components.foundation import Foundation
from components.platform import Platform, PlatformArgs
from components.platform_reference import access_from_reference, kubernetes_provider_from_reference
from components.providers import make_providers
from components.retailer import Retailer, RetailerArgs
from retail.configuration import read_secret, read_settings
from retail.naming import Pool
from retail.settings import Hosting
from retail.sizing import make_plan

stack = pulumi.get_stack()
settings = read_settings()
plan = make_plan(settings)
identity = settings.identity(stack)
providers = make_providers(identity, backup_account=settings.backup_account, recovery_region=settings.recovery_region)
in_aws = pulumi.ResourceOptions(providers=[providers.workload, providers.random])

platform = None
if settings.hosting.owns_cluster:
    platform = Platform(
        f"{settings.retailer}-platform",
        PlatformArgs(
            identity=identity,
            zones=settings.zones,
            vpc_cidr=settings.vpc_cidr,
            system_pool=plan.pools[Pool.SYSTEM],
            endpoint_cidrs=settings.endpoint_cidrs,
            platform_team_role=settings.platform_team_role,
            break_glass_role=settings.break_glass_role,
            approver_role=settings.approver_role,
        ),
        opts=in_aws,
    )
    access, kubernetes_provider = platform.access, platform.kubernetes_provider
else:
    reference = pulumi.StackReference(settings.platform_stack)
    access = access_from_reference(reference, settings.zones)
    kubernetes_provider = kubernetes_provider_from_reference(f"{settings.retailer}-kubernetes", reference)

in_cluster = pulumi.ResourceOptions(providers=[providers.workload, providers.random, kubernetes_provider])
args = RetailerArgs(
    identity=identity,
    plan=plan,
    access=access,
    backup_provider=providers.backup,
    smtp_password=read_secret("smtp-password"),
)

if settings.hosting is Hosting.PLATFORM:
    foundation = Foundation(settings.retailer, args, opts=in_cluster)
else:
    retailer = Retailer(settings.retailer, args, opts=in_cluster)
    foundation = retailer.foundation
    pulumi.export("urls", retailer.urls)

pulumi.export("namespace", identity.namespace)
pulumi.export("season", settings.season)
if foundation.edge:
    pulumi.export("load_balancer", foundation.edge.address)
if platform:
    pulumi.export("alert_topics", platform.alert_topics)
    hosted_on = identity.namespace if settings.hosting is Hosting.PLATFORM else None
    exports = platform.outputs(shared_database=foundation.shared_database, edge_namespace=hosted_on)
    for output, value in exports.items():
        pulumi.export(output, value)
