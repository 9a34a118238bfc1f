"""A cluster ready for retailers: network, control plane, system nodes, add-ons and operators."""

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.access import ClusterAccess, SharedDatabase
from components.access_roles import AccessRoles, AccessRolesArgs
from components.addon import Addon, AddonArgs
from components.change_control import ChangeControl, ChangeControlArgs
from components.cluster import Cluster, ClusterArgs
from components.cluster_defaults import ClusterDefaults, ClusterDefaultsArgs
from components.encryption import volume_encryption
from components.managed_node_pool import ManagedNodePool, ManagedNodePoolArgs
from components.network import Network, NetworkArgs
from components.operators import Operators, OperatorsArgs
from components.platform_reference import platform_outputs
from retail.naming import Identity
from retail.plan import NodePoolPlan
from retail.versions import KUBERNETES


@dataclass(frozen=True, kw_only=True)
class PlatformArgs:
    """identity: of the stack that owns the cluster. zones: three. vpc_cidr: a /16. system_pool: the plan's.

    endpoint_cidrs, and the names of the three roles: see ClusterArgs.
    """

    identity: Identity
    zones: tuple[str, ...]
    vpc_cidr: str
    system_pool: NodePoolPlan
    endpoint_cidrs: tuple[str, ...] = ()
    platform_team_role: str
    break_glass_role: str
    approver_role: str


class Platform(pulumi.ComponentResource):
    """Everything that retailers share of a cluster, whether there is one of them or many.

    The order is in the wiring: nodes wait for the network's way out and for the CNI, add-ons that run as pods for
    nodes, operators for those add-ons. There are two kubernetes providers for one cluster. The first is for the
    operators; `kubernetes_provider`, for everybody else, waits for them, so that whatever it is handed to finds CRDs
    and webhooks in place, and is gone before them when a stack is taken down.

    Example:
        platform = Platform("acme", PlatformArgs(identity=identity, zones=settings.zones, vpc_cidr=settings.vpc_cidr,
            system_pool=plan.pools[Pool.SYSTEM], platform_team_role=settings.platform_team_role,
            break_glass_role=settings.break_glass_role, approver_role=settings.approver_role),
            opts=in_aws)
    """

    access: ClusterAccess
    kubernetes_provider: kubernetes.Provider
    kubeconfig: pulumi.Output[str]
    alert_topics: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: PlatformArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:platform:Platform", name, {"zones": list(args.zones), "version": KUBERNETES}, opts)
        child = pulumi.ResourceOptions(parent=self)
        identity, cluster_name = args.identity, args.identity.namespace
        network = Network(
            f"{name}-network",
            NetworkArgs(identity=identity, cluster_name=cluster_name, vpc_cidr=args.vpc_cidr, zones=args.zones),
            opts=child,
        )
        cluster = Cluster(
            f"{name}-cluster",
            ClusterArgs(
                identity=identity,
                cluster_name=cluster_name,
                version=KUBERNETES,
                control_plane_subnet_ids=network.control_plane_subnet_ids,
                endpoint_cidrs=args.endpoint_cidrs,
                platform_team_role=args.platform_team_role,
                break_glass_role=args.break_glass_role,
                approver_role=args.approver_role,
            ),
            opts=child,
        )
        system = ManagedNodePool(
            f"{name}-system",
            ManagedNodePoolArgs(
                identity=identity,
                plan=args.system_pool,
                cluster_name=cluster.cluster_name,
                node_role_arn=cluster.node_role_arn,
                private_subnet_ids=network.private_subnet_ids,
            ),
            opts=child,
        )
        addons = self._addons(name, identity, system.cluster_name)
        self.kubeconfig = cluster.kubeconfig
        bootstrap = self._reach(f"{name}-bootstrap", cluster_name, [system, *addons])
        in_cluster = pulumi.ResourceOptions(parent=self, providers=[bootstrap])
        defaults = ClusterDefaults(f"{name}-defaults", ClusterDefaultsArgs(identity=identity), opts=in_cluster)
        roles = AccessRoles(f"{name}-access", AccessRolesArgs(identity=identity), opts=in_cluster)
        control = ChangeControl(
            f"{name}-change-control",
            ChangeControlArgs(identity=identity, vpc_cidr=args.vpc_cidr, zones=args.zones),
            opts=in_cluster,
        )
        operators = Operators(
            f"{name}-operators",
            OperatorsArgs(
                identity=identity,
                cluster_name=cluster_name,
                cluster=system.cluster_name,
                vpc_id=network.vpc_id,
                after=[defaults],
            ),
            opts=in_cluster,
        )
        self.alert_topics = operators.alert_topics
        self.kubernetes_provider = self._reach(
            f"{name}-kubernetes", cluster_name, [defaults, operators, roles, control]
        )
        self.access = ClusterAccess(
            cluster_name=cluster.cluster_name,
            vpc_id=network.vpc_id,
            vpc_cidr=args.vpc_cidr,
            private_subnet_ids=network.private_subnet_ids,
            public_subnet_ids=network.public_subnet_ids,
            cluster_security_group_id=cluster.security_group_id,
            node_role_name=cluster.node_role_name,
            node_role_arn=cluster.node_role_arn,
            node_instance_profile=cluster.node_instance_profile,
            external_secrets_role_arn=operators.external_secrets_role_arn,
        )
        self.register_outputs({"cluster_name": self.access.cluster_name, "kubeconfig": self.kubeconfig})

    def outputs(
        self, *, shared_database: SharedDatabase | None = None, edge_namespace: str | None = None
    ) -> dict[str, Any]:
        """The stack's exports, from which hosted stacks make their ClusterAccess (components/platform_reference.py).

        A stack of hosting `platform` adds its database and its edge; on a dedicated one nobody else lives.
        """
        return platform_outputs(self.access, self.kubeconfig, shared_database, edge_namespace)

    def _addons(self, name: str, identity: Identity, cluster_name: pulumi.Output[str]) -> list[Addon]:
        """The add-ons that run as pods: created before there are nodes they would never get healthy.

        CoreDNS grows with the cluster, and starts with one copy a zone: a shop's every request asks it.
        """
        dns = {"autoScaling": {"enabled": True, "minReplicas": 3, "maxReplicas": 10}}
        child = pulumi.ResourceOptions(parent=self)
        return [
            Addon(
                f"{name}-coredns",
                AddonArgs(identity=identity, cluster_name=cluster_name, addon="coredns", configuration=dns),
                opts=child,
            ),
            Addon(
                f"{name}-metrics-server",
                AddonArgs(identity=identity, cluster_name=cluster_name, addon="metrics-server"),
                opts=child,
            ),
            Addon(
                f"{name}-ebs-csi",
                AddonArgs(
                    identity=identity,
                    cluster_name=cluster_name,
                    addon="aws-ebs-csi-driver",
                    service_account="ebs-csi-controller-sa",
                    managed_policy="service-role/AmazonEBSCSIDriverPolicy",
                    own_policy=volume_encryption(identity, identity.namespace),
                ),
                opts=child,
            ),
        ]

    def _reach(self, name: str, cluster_name: str, after: list[pulumi.Resource]) -> kubernetes.Provider:
        """A provider for the cluster. Its identity is the cluster's name: a changed endpoint or certificate authority
        must not look like another cluster, which would replace every object in it."""
        return kubernetes.Provider(
            name,
            kubeconfig=self.kubeconfig,
            cluster_identifier=cluster_name,
            enable_server_side_apply=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=after),
        )
