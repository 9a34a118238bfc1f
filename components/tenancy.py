"""The room a retailer lives in: its namespace, what it may take, who may talk to whom, who may look and change."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import LimitRange, Namespace, ResourceQuota
from pulumi_kubernetes.networking.v1 import NetworkPolicy
from pulumi_kubernetes.rbac.v1 import RoleBinding

from components.network import subnet_cidrs
from components.network_policies import Neighbours, network_policies
from components.quota import limit_range, resource_quota
from retail import versions
from retail.naming import LABEL_EDGE, Identity
from retail.plan import Plan
from retail.settings import Hosting

PLATFORM_TEAM, APPLICATION_TEAM = "platform-team", "application-team"
"""Kubernetes groups, as EKS access entries hand them out."""


@dataclass(frozen=True, kw_only=True)
class TenancyArgs:
    """identity, plan: whose namespace, and how much may run in it.

    edge: owner of the Traefik that routes here: this retailer, or the platform where hosting is shared.
    edge_namespace, database_namespace: the platform's, where hosting is shared; None where they are here.
    managed_redis: ElastiCache instead of a pod. load_balancer_cidrs: of the subnets that load balancers are in.
    """

    identity: Identity
    plan: Plan
    edge: str
    vpc_cidr: str
    load_balancer_cidrs: Sequence[str]
    managed_redis: bool
    edge_namespace: pulumi.Input[str] | None = None
    database_namespace: pulumi.Input[str] | None = None

    def __post_init__(self) -> None:
        errors: list[pulumi.InputPropertyErrorDetails] = []
        shared = self.plan.settings.hosting is Hosting.SHARED
        for field in ("edge_namespace", "database_namespace"):
            if (getattr(self, field) is not None) != shared:
                reason = "must be the platform's where hosting is shared, and left out elsewhere"
                errors.append({"property_path": field, "reason": f"{reason}; hosting is {self.plan.settings.hosting}"})
        if errors:
            joined = "; ".join(f"{error['property_path']} {error['reason']}" for error in errors)
            raise pulumi.InputPropertiesError(f"TenancyArgs: {joined}", errors)


class Tenancy(pulumi.ComponentResource):
    """A namespace under Pod Security `restricted`, quota and limits, closed to the network but for the tier matrix.

    The quota is what the plan can need at most, so it stops what is not planned and nothing that is. People: the
    platform team administers, the application team looks. Nobody has break-glass rights here: that role is a
    cluster-wide access entry of its own, whose every use the audit log shows.

    Example:
        Tenancy("acme", TenancyArgs(identity=identity, plan=plan, edge="acme", vpc_cidr=settings.vpc_cidr,
                                    load_balancer_cidrs=public_cidrs, managed_redis=True))
    """

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: TenancyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        hosting = args.plan.settings.hosting
        super().__init__(
            "retail:tenancy:Tenancy", name, {"namespace": args.identity.namespace, "hosting": str(hosting)}, opts
        )
        child = pulumi.ResourceOptions(parent=self)
        labels = args.identity.labels("tenancy")
        levels = ("enforce", "audit", "warn")
        namespace = Namespace(
            f"{name}-namespace",
            metadata={
                "name": args.identity.namespace,
                "labels": {
                    **labels,
                    LABEL_EDGE: args.edge,
                    **{f"pod-security.kubernetes.io/{level}": "restricted" for level in levels},
                    # The cluster's own version: with `latest` an upgrade of the control plane could refuse pods.
                    **{f"pod-security.kubernetes.io/{level}-version": f"v{versions.KUBERNETES}" for level in levels},
                },
            },
            opts=child,
        )
        inside = pulumi.ResourceOptions(parent=self, depends_on=[namespace])
        where = {"namespace": args.identity.namespace, "labels": labels}
        ResourceQuota(
            f"{name}-quota",
            metadata={**where, "name": "quota"},
            spec={"hard": resource_quota(args.plan, owns_edge=hosting.owns_database)},
            opts=inside,
        )
        LimitRange(
            f"{name}-limits",
            metadata={**where, "name": "limits"},
            spec={"limits": limit_range()},
            opts=inside,
        )
        database, settings = args.plan.database, args.plan.settings
        neighbours = Neighbours(
            edge=args.edge,
            edge_namespace=args.edge_namespace,
            database_namespace=args.database_namespace,
            serves_retailer=hosting.serves_retailer,
            owns_edge=hosting.owns_database,
            owns_database=hosting.owns_database,
            redis_cidrs=_private_subnets(args) if args.managed_redis else (),
            has_standbys=hosting.serves_retailer and database is not None and database.instances > 1,
            smtp_port=settings.smtp_port if settings.smtp_host else None,
            vpc_cidr=args.vpc_cidr,
            load_balancer_cidrs=args.load_balancer_cidrs,
        )
        for policy, spec in network_policies(neighbours).items():
            NetworkPolicy(f"{name}-{policy}", metadata={**where, "name": policy}, spec=spec, opts=inside)
        for group, role in ((PLATFORM_TEAM, "admin"), (APPLICATION_TEAM, "view")):
            RoleBinding(
                f"{name}-{group}",
                metadata={**where, "name": group},
                role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                subjects=[{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
                opts=inside,
            )
        self.namespace = pulumi.Output.from_input(args.identity.namespace)
        self.register_outputs({"namespace": self.namespace})


def _private_subnets(args: TenancyArgs) -> list[str]:
    return [cidrs.private for cidrs in subnet_cidrs(args.vpc_cidr, args.plan.settings.zones).values()]
