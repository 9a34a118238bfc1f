"""A node pool that follows its pods: Karpenter, for stateless tiers."""

from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.managed_node_pool import ROOT_DEVICE, ROOT_VOLUME_GIB
from components.placement import ZONE, Placement
from retail.instances import instance_type
from retail.naming import Identity, Pool
from retail.plan import NodePoolPlan
from retail.versions import NODE_IMAGE


@dataclass(frozen=True)
class Consolidation:
    """When Karpenter may take nodes away: `policy` and the quiet time before it."""

    policy: str
    after: str


CONSOLIDATION = {
    Pool.WEB: Consolidation("WhenEmptyOrUnderutilized", "10m"),
    Pool.INTEGRATION: Consolidation("WhenEmptyOrUnderutilized", "10m"),
    # A running job is not moved for a few cents: executors would start it again from the beginning.
    Pool.JOBS: Consolidation("WhenEmpty", "10m"),
}

DISRUPTION_BUDGET = "10%"
"""Of a pool's nodes at once, one at least: Karpenter rounds up."""

BUDGET_LIMIT = 50
"""Budgets a NodePool may have (its CRD, `maxItems`)."""


@dataclass(frozen=True, kw_only=True)
class KarpenterPoolArgs:
    """plan: of a stateless pool, with limits. cluster_name also finds the subnets, by their discovery tag.

    node_instance_profile: of nodes that may join the cluster.
    """

    identity: Identity
    plan: NodePoolPlan
    cluster_name: pulumi.Input[str]
    cluster_security_group_id: pulumi.Input[str]
    node_instance_profile: pulumi.Input[str]

    def __post_init__(self) -> None:
        errors: list[pulumi.InputPropertyErrorDetails] = []
        if self.plan.pool not in CONSOLIDATION:
            known = ", ".join(CONSOLIDATION)
            reason = f"must be one of {known}; given {self.plan.pool}"
            errors.append({"property_path": "plan.pool", "reason": reason})
        if self.plan.cpu_limit < 1 or self.plan.memory_limit_gib < 1:
            reason = "must be at least 1: a pool without limits has no upper bound on cost"
            errors.append({"property_path": "plan.cpu_limit, plan.memory_limit_gib", "reason": reason})
        if 1 + len(self.plan.quiet) > BUDGET_LIMIT:
            reason = f"must be at most {BUDGET_LIMIT - 1} windows, one budget each; given {len(self.plan.quiet)}"
            errors.append({"property_path": "plan.quiet", "reason": reason})
        if errors:
            joined = "; ".join(f"{error['property_path']} {error['reason']}" for error in errors)
            raise pulumi.InputPropertiesError(f"KarpenterPoolArgs: {joined}", errors)


class KarpenterPool(pulumi.ComponentResource):
    """A NodePool and its EC2NodeClass, both named `<retailer>-<pool>`: unique in a cluster that retailers share.

    Nodes never expire: expiry takes no notice of disruption budgets, while a new image (`retail.versions.NODE_IMAGE`)
    replaces nodes within them, so that is how patches come in (Karpenter, concepts/disruption). There is no termination
    grace period either, it would override the pods' disruption budgets. In freezes and peaks no node is taken away, the
    calendar's and in UTC, which is all that Karpenter's schedules know; the budgets stand there all year, so the season
    changes none of them. They hold back consolidation and drift, not EC2's own interruptions. What that gives up:
    nodes that a peak left empty are paid for until the window ends.
    With a zone in trouble, say so in `avoid-zone`. EKS' zonal shift stops launches there, but Karpenter still counts
    the zone, as an empty one, for pods that must spread (kubernetes-sigs/karpenter, `buildDomainGroups` in topology.go;
    AWS' blueprint of zonal shift shows such pods pending). So it starts no node for them in the other zones either,
    until the pool's own requirements leave that zone out.
    On-demand, unless the plan allows spot: then Karpenter takes spot first and on-demand where there is none. The
    account needs EC2's service-linked role for spot (`aws iam create-service-linked-role`) once.
    The instance profile is given, so Karpenter needs no permission to make IAM objects. Tags are repeated here, because
    the AWS provider's default tags do not reach what Karpenter launches.

    Example:
        KarpenterPool("acme-web", KarpenterPoolArgs(identity=identity, plan=plan.pools[Pool.WEB],
            cluster_name=access.cluster_name, cluster_security_group_id=access.cluster_security_group_id,
            node_instance_profile=access.node_instance_profile))
    """

    pool_name: str

    def __init__(self, name: str, args: KarpenterPoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        plan = args.plan
        super().__init__(
            "retail:nodes:KarpenterPool",
            name,
            {"pool": str(plan.pool), "cpuLimit": plan.cpu_limit, "memoryLimitGib": plan.memory_limit_gib},
            opts,
        )
        self.pool_name = f"{args.identity.retailer}-{plan.pool}"
        labels = args.identity.labels("node-pool")
        node_class = CustomResource(
            f"{name}-class",
            api_version="karpenter.k8s.aws/v1",
            kind="EC2NodeClass",
            metadata={"name": self.pool_name, "labels": labels},
            spec={
                "amiSelectorTerms": [{"alias": f"al2023@v{NODE_IMAGE}"}],
                "instanceProfile": args.node_instance_profile,
                "subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": args.cluster_name}}],
                "securityGroupSelectorTerms": [{"id": args.cluster_security_group_id}],
                "metadataOptions": {"httpEndpoint": "enabled", "httpTokens": "required", "httpPutResponseHopLimit": 1},
                "blockDeviceMappings": [
                    {
                        "deviceName": ROOT_DEVICE,
                        "ebs": {
                            "volumeSize": f"{ROOT_VOLUME_GIB}Gi",
                            "volumeType": "gp3",
                            "encrypted": True,
                            "deleteOnTermination": True,
                        },
                    }
                ],
                "kubelet": {"maxPods": min(instance_type(kind).max_pods for kind in plan.instance_types)},
                "tags": {**args.identity.tags, "Name": self.pool_name},
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        placement = Placement(plan.pool, args.identity.retailer)
        consolidation = CONSOLIDATION[plan.pool]
        CustomResource(
            f"{name}-pool",
            api_version="karpenter.sh/v1",
            kind="NodePool",
            metadata={"name": self.pool_name, "labels": labels},
            spec={
                "template": {
                    "metadata": {"labels": placement.labels},
                    "spec": {
                        "nodeClassRef": {
                            "group": "karpenter.k8s.aws",
                            "kind": "EC2NodeClass",
                            "name": self.pool_name,
                        },
                        "requirements": [
                            _one_of("node.kubernetes.io/instance-type", plan.instance_types),
                            _one_of(ZONE, plan.zones),
                            _one_of("karpenter.sh/capacity-type", plan.capacity_types),
                            _one_of("kubernetes.io/arch", ("amd64",)),
                            _one_of("kubernetes.io/os", ("linux",)),
                        ],
                        "taints": placement.taints,
                        "expireAfter": "Never",
                    },
                },
                "disruption": {
                    "consolidationPolicy": consolidation.policy,
                    "consolidateAfter": consolidation.after,
                    "budgets": _budgets(plan),
                },
                "limits": {"cpu": str(plan.cpu_limit), "memory": f"{plan.memory_limit_gib}Gi"},
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[node_class]),
        )
        self.register_outputs({"pool_name": self.pool_name})


def _budgets(plan: NodePoolPlan) -> list[dict[str, object]]:
    """The usual one, and none at all in each quiet window; of all that are active Karpenter takes the strictest."""
    closed: list[dict[str, object]] = [
        {"nodes": "0", "schedule": window.schedule, "duration": window.duration} for window in plan.quiet
    ]
    return [{"nodes": DISRUPTION_BUDGET}, *closed]


def _one_of(key: str, values: tuple[str, ...]) -> dict[str, object]:
    return {"key": key, "operator": "In", "values": list(values)}
