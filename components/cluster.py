"""The EKS cluster: control plane, who may use it, node role and the add-ons that nodes need to join."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, eks, iam, kms

from components.access_entry import access_entry
from components.addon import Addon, AddonArgs
from components.kubeconfig import kubeconfig
from retail.naming import APPROVERS, BREAK_GLASS, PLATFORM_TEAM, Identity

CONTROL_PLANE_LOGS = ("api", "audit", "authenticator", "controllerManager", "scheduler")

ACCESS_POLICY = "arn:aws:eks::aws:cluster-access-policy"
NODE_ROLE = "node"
"""Of the nodes' role, in its name."""

NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly", "AmazonSSMManagedInstanceCore")
"""What a node itself may do: join, pull images, be looked at through Session Manager (it has no SSH key). Addresses of
pods are the business of the CNI's own role."""


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """version: Kubernetes, as 1.35. control_plane_subnet_ids: by zone, for the API's network interfaces alone.

    endpoint_cidrs: who may reach the Kubernetes API from outside the VPC; nobody where empty.
    platform_team_role, break_glass_role, approver_role: names (with path, if any) of IAM roles that exist in the
    identity's account.
    log_days: how long control plane logs are kept.
    """

    identity: Identity
    cluster_name: str
    version: str
    control_plane_subnet_ids: Mapping[str, pulumi.Input[str]]
    endpoint_cidrs: tuple[str, ...] = ()
    platform_team_role: str
    break_glass_role: str
    approver_role: str
    log_days: int = 365

    def __post_init__(self) -> None:
        errors: list[pulumi.InputPropertyErrorDetails] = []
        if "0.0.0.0/0" in self.endpoint_cidrs:
            reason = "must not be the whole internet (0.0.0.0/0); name the networks of those who administer the cluster"
            errors.append({"property_path": "endpoint_cidrs", "reason": reason})
        taken = {self.platform_team_role: "platform_team_role"}
        for field in ("break_glass_role", "approver_role"):
            role = getattr(self, field)
            if other := taken.get(role):
                reason = f"must not be {other}, EKS takes one entry for each role; given {role}"
                errors.append({"property_path": field, "reason": reason})
            taken[role] = field
        if errors:
            joined = "; ".join(f"{error['property_path']} {error['reason']}" for error in errors)
            raise pulumi.InputPropertiesError(f"ClusterArgs: {joined}", errors)


class Cluster(pulumi.ComponentResource):
    """An EKS cluster that is ready for node groups.

    Secrets are encrypted with a key of our own; all five control plane logs are on; people come in by access entries
    only (`API` mode, no admin for whoever created it), so the list of entries is the list of those who can get in. The
    platform team's role administers, and deployments run as it. Break-glass may do nothing until a RoleBinding, in one
    namespace and for a while, says so (components/access_roles.py). Retailers' own teams come in with their stacks.
    EKS makes the access entry of the node role itself, with the first managed node group.
    The self-managed add-ons of a bare cluster are left out: each would fight with the add-on of the same name.
    Zonal shift is enabled, so that a zone in trouble can be taken out by one call, and deletion is off at AWS and in
    Pulumi: retiring a cluster takes two deliberate steps.

    Example:
        Cluster("acme", ClusterArgs(identity=identity, cluster_name=identity.namespace, version=versions.KUBERNETES,
            control_plane_subnet_ids=network.control_plane_subnet_ids, platform_team_role="platform-team",
            break_glass_role="break-glass", approver_role="approver"))
    """

    cluster_name: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    certificate_authority: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    node_role_name: pulumi.Output[str]
    node_role_arn: pulumi.Output[str]
    node_instance_profile: pulumi.Output[str]
    kubeconfig: pulumi.Output[str]

    def __init__(self, name: str, args: ClusterArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:cluster:Cluster",
            name,
            {"version": args.version, "endpointCidrs": list(args.endpoint_cidrs)},
            opts,
        )
        child = pulumi.ResourceOptions(parent=self)
        key = kms.Key(
            f"{name}-secrets",
            description=f"Kubernetes Secrets of {args.cluster_name}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True),
        )
        logs = cloudwatch.LogGroup(  # before the cluster: EKS would create it without an end of retention
            f"{name}-logs", name=f"/aws/eks/{args.cluster_name}/cluster", retention_in_days=args.log_days, opts=child
        )
        role, attachments = self._role(
            f"{name}-cluster",
            args.identity.iam("cluster"),
            "eks.amazonaws.com",
            ("AmazonEKSClusterPolicy",),
        )
        use_key = iam.RolePolicy(
            f"{name}-cluster-key",
            role=role.name,
            policy=pulumi.Output.json_dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Action": ["kms:Encrypt", "kms:Decrypt", "kms:ListGrants", "kms:DescribeKey"],
                            "Resource": key.arn,
                        }
                    ],
                }
            ),
            opts=child,
        )
        cluster = eks.Cluster(
            f"{name}-cluster",
            name=args.cluster_name,
            version=args.version,
            role_arn=role.arn,
            vpc_config=eks.ClusterVpcConfigArgs(
                subnet_ids=list(args.control_plane_subnet_ids.values()),
                endpoint_private_access=True,
                endpoint_public_access=bool(args.endpoint_cidrs),
                public_access_cidrs=list(args.endpoint_cidrs) or None,
            ),
            access_config=eks.ClusterAccessConfigArgs(
                authentication_mode="API", bootstrap_cluster_creator_admin_permissions=False
            ),
            encryption_config=eks.ClusterEncryptionConfigArgs(
                provider=eks.ClusterEncryptionConfigProviderArgs(key_arn=key.arn), resources=["secrets"]
            ),
            enabled_cluster_log_types=list(CONTROL_PLANE_LOGS),
            upgrade_policy=eks.ClusterUpgradePolicyArgs(support_type="STANDARD"),
            zonal_shift_config=eks.ClusterZonalShiftConfigArgs(enabled=True),
            bootstrap_self_managed_addons=False,
            deletion_protection=True,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[logs, use_key, *attachments], protect=True),
        )
        self.cluster_name = cluster.name
        self.endpoint = cluster.endpoint
        self.certificate_authority = cluster.certificate_authority.data
        self.security_group_id = cluster.vpc_config.cluster_security_group_id
        self.kubeconfig = kubeconfig(cluster.name, cluster.endpoint, self.certificate_authority, args.identity.region)
        self._access(name, args)
        self._node_role(name, args.identity, self._addons(name, args.identity))
        self.register_outputs(
            {
                "cluster_name": self.cluster_name,
                "endpoint": self.endpoint,
                "certificate_authority": self.certificate_authority,
                "security_group_id": self.security_group_id,
                "node_role_name": self.node_role_name,
                "node_role_arn": self.node_role_arn,
                "node_instance_profile": self.node_instance_profile,
                "kubeconfig": self.kubeconfig,
            }
        )

    def _role(
        self, name: str, role_name: str, service: str, policies: tuple[str, ...]
    ) -> tuple[iam.Role, list[iam.RolePolicyAttachment]]:
        """A role for an AWS service with AWS's own policies of those names."""
        child = pulumi.ResourceOptions(parent=self)
        role = iam.Role(
            f"{name}-role",
            name=role_name,
            assume_role_policy=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"},
                    ],
                }
            ),
            opts=child,
        )
        attachments = [
            iam.RolePolicyAttachment(
                f"{name}-{policy}", role=role.name, policy_arn=f"arn:aws:iam::aws:policy/{policy}", opts=child
            )
            for policy in policies
        ]
        return role, attachments

    def _access(self, name: str, args: ClusterArgs) -> None:
        """The platform team administers; break-glass and approvers get in, and no further."""
        child = pulumi.ResourceOptions(parent=self)
        roles = {
            PLATFORM_TEAM: args.platform_team_role,
            BREAK_GLASS: args.break_glass_role,
            APPROVERS: args.approver_role,
        }
        entries = {
            group: access_entry(f"{name}-{group}", args.identity, self.cluster_name, role=role, group=group, opts=child)
            for group, role in roles.items()
        }
        eks.AccessPolicyAssociation(
            f"{name}-{PLATFORM_TEAM}",
            cluster_name=self.cluster_name,
            principal_arn=entries[PLATFORM_TEAM].principal_arn,
            policy_arn=f"{ACCESS_POLICY}/AmazonEKSClusterAdminPolicy",
            access_scope=eks.AccessPolicyAssociationAccessScopeArgs(type="cluster"),
            opts=child,
        )

    def _addons(self, name: str, identity: Identity) -> list[Addon]:
        """The add-ons that come before nodes: DaemonSets without which no node gets ready.

        Network policies are enforced by the CNI only with `enableNetworkPolicy`. Prefix delegation lets a node hold 110
        pods where secondary addresses end at 29 (m7i.large); its values are strings in the add-on's schema.
        """
        cni = {"enableNetworkPolicy": "true", "env": {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"}}
        agent = Addon(
            f"{name}-pod-identity",
            AddonArgs(identity=identity, cluster_name=self.cluster_name, addon="eks-pod-identity-agent"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        proxy = Addon(
            f"{name}-kube-proxy",
            AddonArgs(identity=identity, cluster_name=self.cluster_name, addon="kube-proxy"),
            opts=pulumi.ResourceOptions(parent=self),
        )
        network = Addon(
            f"{name}-vpc-cni",
            AddonArgs(
                identity=identity,
                cluster_name=agent.cluster_name,
                addon="vpc-cni",
                configuration=cni,
                service_account="aws-node",
                managed_policy="AmazonEKS_CNI_Policy",
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return [agent, proxy, network]

    def _node_role(self, name: str, identity: Identity, addons: list[Addon]) -> None:
        """The role of every node, of node groups and Karpenter alike.

        Its outputs rest on its policies and on the add-ons, so nodes are launched only once they can join and get
        ready. They rest on outputs that a preview knows, so the name stays known there.
        """
        role, attachments = self._role(f"{name}-node", identity.iam(NODE_ROLE), "ec2.amazonaws.com", NODE_POLICIES)
        ready = [*(attachment.role for attachment in attachments), *(addon.cluster_name for addon in addons)]
        self.node_role_name = pulumi.Output.all(*ready).apply(lambda names: str(names[0]))
        self.node_role_arn = pulumi.Output.all(role.arn, *ready).apply(lambda values: str(values[0]))
        profile = iam.InstanceProfile(
            f"{name}-node",
            name=identity.iam(NODE_ROLE),
            role=self.node_role_name,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.node_instance_profile = profile.name
