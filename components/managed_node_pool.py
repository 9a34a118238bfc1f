"""A node pool that does not come and go: EKS managed node groups, for the system and for databases."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import ec2, eks

from components.placement import Placement
from retail.instances import instance_type
from retail.naming import LABEL_POOL, Identity, Pool, shorten
from retail.plan import NodePoolPlan
from retail.versions import KUBERNETES, NODE_IMAGE, NODE_KUBELET

ROOT_DEVICE = "/dev/xvda"
ROOT_VOLUME_GIB = 50
"""Images and logs; databases have volumes of their own. The AMI's own 20 GiB fill up with a few Odoo images."""

GROUP_NAME_PREFIX_LIMIT = 37
"""EKS allows 63 characters, of which the provider takes 26 for a unique end."""


@dataclass(frozen=True, kw_only=True)
class ManagedNodePoolArgs:
    """plan: of the system or the data pool. cluster_name, node_role_arn: of a cluster that nodes can join.

    private_subnet_ids: by zone, at least the plan's.
    """

    identity: Identity
    plan: NodePoolPlan
    cluster_name: pulumi.Input[str]
    node_role_arn: pulumi.Input[str]
    private_subnet_ids: Mapping[str, pulumi.Input[str]]

    def __post_init__(self) -> None:
        errors: list[pulumi.InputPropertyErrorDetails] = []
        if self.plan.pool not in (Pool.SYSTEM, Pool.DATA):
            reason = f"must be of the system or the data pool, Karpenter has the others; given {self.plan.pool}"
            errors.append({"property_path": "plan.pool", "reason": reason})
        missing = [zone for zone in self.plan.zones if zone not in self.private_subnet_ids]
        if missing:
            reason = f"must have a subnet in each of the plan's zones; {', '.join(missing)} has none"
            errors.append({"property_path": "private_subnet_ids", "reason": reason})
        if errors:
            joined = "; ".join(f"{error['property_path']} {error['reason']}" for error in errors)
            raise pulumi.InputPropertiesError(f"ManagedNodePoolArgs: {joined}", errors)


class ManagedNodePool(pulumi.ComponentResource):
    """On-demand nodes at a size that only a person changes.

    The data pool is one group per zone: an EBS volume never leaves its zone, and a group over three zones may replace a
    lost node in another one, where the volume can't follow. Each of its groups may grow by one node, so that a
    replacement is there before the old one goes. The system pool is one group over all zones.
    Nodes run AL2023 with IMDSv2 at hop limit 1 (pods can't reach the node's role) and an encrypted gp3 root volume.

    CloudNativePG advises the label and taint `node-role.kubernetes.io/postgres`. EKS refuses both: keys of managed node
    groups may not hold `kubernetes.io/` (aws/containers-roadmap#1451). `retail/pool` does the same work.
    The desired size is ignored after creation: schedules and people change it, and a deployment must not undo that.
    So before `nodes_per_zone` is raised, raise the desired size by hand: EKS refuses a minimum above it.
    A group's name ends in something unique, so that a replacement (another instance type) comes up beside the old one.

    Example:
        ManagedNodePool("acme-data", ManagedNodePoolArgs(identity=identity, plan=plan.pools[Pool.DATA],
            cluster_name=access.cluster_name, node_role_arn=access.node_role_arn,
            private_subnet_ids=access.private_subnet_ids))
    """

    cluster_name: pulumi.Output[str]
    """The same name as in args, known once the nodes are there: hand it to what needs nodes to run on."""

    def __init__(self, name: str, args: ManagedNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        plan = args.plan
        super().__init__(
            "retail:nodes:ManagedNodePool",
            name,
            {
                "pool": str(plan.pool),
                "zones": list(plan.zones),
                "instanceTypes": list(plan.instance_types),
                "nodesPerZone": plan.nodes_per_zone,
            },
            opts,
        )
        template = self._launch_template(name, args)
        groups = [self._group(name, args, zones, template) for zones in _zones(plan)]
        self.cluster_name = pulumi.Output.all(*(group.cluster_name for group in groups)).apply(lambda names: names[0])
        self.register_outputs({"cluster_name": self.cluster_name})

    def _group(
        self, name: str, args: ManagedNodePoolArgs, zones: tuple[str, ...], template: ec2.LaunchTemplate
    ) -> eks.NodeGroup:
        plan, owner = args.plan, args.identity.retailer
        zonal = plan.pool == Pool.DATA
        placement = Placement(plan.pool, owner)
        size = plan.nodes_per_zone * len(zones)
        where = f"-{zones[0]}" if zonal else ""
        return eks.NodeGroup(
            f"{name}{where}" if zonal else f"{name}-group",
            cluster_name=args.cluster_name,
            node_group_name_prefix=shorten(f"{owner}-{plan.pool}{where}", GROUP_NAME_PREFIX_LIMIT - 1) + "-",
            node_role_arn=args.node_role_arn,
            subnet_ids=[args.private_subnet_ids[zone] for zone in zones],
            version=KUBERNETES,
            release_version=f"{NODE_KUBELET}-{NODE_IMAGE}",
            ami_type="AL2023_x86_64_STANDARD",
            capacity_type="ON_DEMAND",
            instance_types=list(plan.instance_types),
            launch_template=eks.NodeGroupLaunchTemplateArgs(id=template.id, version=template.latest_version.apply(str)),
            scaling_config=eks.NodeGroupScalingConfigArgs(
                min_size=size, desired_size=size, max_size=size + (1 if zonal else size)
            ),
            update_config=eks.NodeGroupUpdateConfigArgs(max_unavailable=1),
            labels=placement.labels if zonal else {LABEL_POOL: str(plan.pool)},
            taints=[
                eks.NodeGroupTaintArgs(key=taint["key"], value=taint["value"], effect="NO_SCHEDULE")
                for taint in placement.taints
            ]
            if zonal
            else None,
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["scalingConfig.desiredSize"]),
        )

    def _launch_template(self, name: str, args: ManagedNodePoolArgs) -> ec2.LaunchTemplate:
        """What EKS has no field for. Tags stand here as well: the provider's default tags stop at the template."""
        return ec2.LaunchTemplate(
            f"{name}-template",
            name_prefix=f"{args.identity.retailer}-{args.plan.pool}-",
            update_default_version=True,
            metadata_options=ec2.LaunchTemplateMetadataOptionsArgs(
                http_endpoint="enabled", http_tokens="required", http_put_response_hop_limit=1
            ),
            block_device_mappings=[
                ec2.LaunchTemplateBlockDeviceMappingArgs(
                    device_name=ROOT_DEVICE,
                    ebs=ec2.LaunchTemplateBlockDeviceMappingEbsArgs(
                        volume_size=ROOT_VOLUME_GIB, volume_type="gp3", encrypted="true", delete_on_termination="true"
                    ),
                )
            ],
            tag_specifications=[
                ec2.LaunchTemplateTagSpecificationArgs(
                    resource_type=kind,
                    tags={**args.identity.tags, "Name": f"{args.identity.retailer}-{args.plan.pool}"},
                )
                for kind in ("instance", "volume", "network-interface")
            ],
            user_data=node_user_data(min(instance_type(kind).max_pods for kind in args.plan.instance_types)),
            opts=pulumi.ResourceOptions(parent=self),
        )


def _zones(plan: NodePoolPlan) -> list[tuple[str, ...]]:
    """The zones of each node group."""
    return [(zone,) for zone in plan.zones] if plan.pool == Pool.DATA else [plan.zones]


def node_user_data(max_pods: int) -> str:
    """AL2023 user data (base64 of MIME multi-part) that EKS merges with its own.

    It raises the kubelet's pod limit: EKS computes it without prefix delegation, 29 for an m7i.large.
    """
    return base64.b64encode(
        f"""MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="//"

--//
Content-Type: application/node.eks.aws

apiVersion: node.eks.aws/v1alpha1
kind: NodeConfig
spec:
  kubelet:
    config:
      maxPods: {max_pods}

--//--
""".encode()
    ).decode()
