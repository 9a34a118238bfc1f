"""The room a retailer lives in: its namespace, what it may take, who may talk to whom, who may look and change."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.rbac.v1 import RoleBinding

from components.access_entry import access_entry
from components.closed_namespace import ClosedNamespace, ClosedNamespaceArgs
from components.network import SubnetCidrs, subnet_cidrs
from components.network_policies import Neighbours, network_policies
from components.quota import resource_quotas
from retail.naming import APPLICATION_TEAM, APPROVER, APPROVERS, LABEL_EDGE, PLATFORM_TEAM, Identity
from retail.plan import Plan
from retail.settings import Hosting


@dataclass(frozen=True, kw_only=True)
class TenancyArgs:
    """identity, plan: whose namespace, and how much may run in it. cluster_name: of the EKS cluster that it is in.

    edge: owner of the Traefik that routes here: this retailer, or the platform where hosting is shared.
    edge_namespace, database_namespace: the platform's, where hosting is shared; None where they are here.
    managed_redis: ElastiCache instead of a pod. load_balancer_cidrs: of the subnets that load balancers are in.
    """

    identity: Identity
    plan: Plan
    cluster_name: pulumi.Input[str]
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
    platform team administers; the retailer's own team comes in by an access entry of its own and may look, restart and
    run jobs (components/access_roles.py). Its group carries the namespace's name: a group that two namespaces had in
    common would let one retailer's team into the other's. Approvers are the cluster's, and may approve here.

    Example:
        Tenancy("acme", TenancyArgs(identity=identity, plan=plan, cluster_name=access.cluster_name, edge="acme",
                                    vpc_cidr=settings.vpc_cidr,
                                    load_balancer_cidrs=("10.20.192.0/20",),
                                    managed_redis=True))
    """

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: TenancyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        hosting = args.plan.settings.hosting
        super().__init__(
            "retail:tenancy:Tenancy", name, {"namespace": args.identity.namespace, "hosting": str(hosting)}, opts
        )
        database, settings = args.plan.database, args.plan.settings
        neighbours = Neighbours(
            edge=args.edge,
            edge_namespace=args.edge_namespace,
            database_namespace=args.database_namespace,
            serves_retailer=hosting.serves_retailer,
            owns_edge=hosting.owns_database,
            owns_database=hosting.owns_database,
            redis_cidrs=[cidrs.private for cidrs in _subnets(args)] if args.managed_redis else (),
            has_standbys=hosting.serves_retailer and database is not None and database.instances > 1,
            smtp_port=settings.smtp_port if settings.smtp_host else None,
            api_cidrs=[cidrs.control_plane for cidrs in _subnets(args)],
            load_balancer_cidrs=args.load_balancer_cidrs,
        )
        room = ClosedNamespace(
            name,
            ClosedNamespaceArgs(
                identity=args.identity,
                namespace=args.identity.namespace,
                component="tenancy",
                quotas=resource_quotas(args.plan, owns_edge=hosting.owns_database),
                policies=network_policies(neighbours),
                labels={LABEL_EDGE: args.edge},
                holds_data=hosting.owns_database,
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        inside = pulumi.ResourceOptions(parent=self, depends_on=[room])
        child = pulumi.ResourceOptions(parent=self)
        self._team(name, args, PLATFORM_TEAM, "admin", args.identity.review(), inside)
        self._team(name, args, APPROVERS, APPROVER, args.identity.review(), inside)
        if hosting.serves_retailer:
            role = args.plan.settings.application_team_role
            group = args.identity.application_team
            access_entry(
                f"{name}-{APPLICATION_TEAM}", args.identity, args.cluster_name, role=role, group=group, opts=child
            )
            self._team(name, args, group, APPLICATION_TEAM, args.identity.review(role), inside)
        self.namespace = pulumi.Output.from_input(args.identity.namespace)
        self.register_outputs({"namespace": self.namespace})

    def _team(
        self,
        name: str,
        args: TenancyArgs,
        group: str,
        cluster_role: str,
        review: dict[str, str],
        opts: pulumi.ResourceOptions,
    ) -> None:
        """What a group of people may do in this namespace."""
        RoleBinding(
            f"{name}-{cluster_role}",
            metadata={
                "name": group,
                "namespace": args.identity.namespace,
                "labels": args.identity.labels("tenancy"),
                "annotations": review,
            },
            role_ref={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": cluster_role},
            subjects=[{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}],
            opts=opts,
        )


def _subnets(args: TenancyArgs) -> list[SubnetCidrs]:
    return list(subnet_cidrs(args.vpc_cidr, args.plan.settings.zones).values())
