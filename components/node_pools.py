"""All node pools of one owner: a retailer's own, or those that a platform's retailers share."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.access import ClusterAccess
from components.karpenter_pool import KarpenterPool, KarpenterPoolArgs
from components.managed_node_pool import ManagedNodePool, ManagedNodePoolArgs
from retail.naming import Identity, Pool
from retail.plan import NodePoolPlan


@dataclass(frozen=True, kw_only=True)
class NodePoolsArgs:
    """identity: of the owner, whose name is on every node. pools: the plan's; `system` is the cluster's and skipped."""

    identity: Identity
    pools: Mapping[Pool, NodePoolPlan]
    access: ClusterAccess


class NodePools(pulumi.ComponentResource):
    """The data pool as managed node groups, the stateless ones as Karpenter pools.

    Needs an aws and a kubernetes provider; Karpenter and its CRDs must be there (`Platform.kubernetes_provider` waits
    for them).

    Example:
        NodePools("acme", NodePoolsArgs(identity=identity, pools=plan.pools, access=platform.access),
            opts=in_cluster)
    """

    def __init__(self, name: str, args: NodePoolsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        pools = {pool: plan for pool, plan in args.pools.items() if pool != Pool.SYSTEM}
        super().__init__("retail:nodes:NodePools", name, {"pools": sorted(str(pool) for pool in pools)}, opts)
        child = pulumi.ResourceOptions(parent=self)
        access = args.access
        for pool, plan in pools.items():
            if pool == Pool.DATA:
                ManagedNodePool(
                    f"{name}-{pool}",
                    ManagedNodePoolArgs(
                        identity=args.identity,
                        plan=plan,
                        cluster_name=access.cluster_name,
                        node_role_arn=access.node_role_arn,
                        private_subnet_ids=access.private_subnet_ids,
                    ),
                    opts=child,
                )
            else:
                KarpenterPool(
                    f"{name}-{pool}",
                    KarpenterPoolArgs(
                        identity=args.identity,
                        plan=plan,
                        cluster_name=access.cluster_name,
                        cluster_security_group_id=access.cluster_security_group_id,
                        node_instance_profile=access.node_instance_profile,
                    ),
                    opts=child,
                )
        self.register_outputs({})
