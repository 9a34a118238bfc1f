"""One EKS add-on, with the AWS role of its ServiceAccount where it needs one."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
from pulumi_aws import eks, iam

from components.pod_identity import pod_identity_trust
from retail.naming import Identity

NAMESPACE = "kube-system"


@dataclass(frozen=True, kw_only=True)
class AddonArgs:
    """addon: its EKS name. configuration: by the add-on's own schema, which refuses unknown keys.

    service_account and managed_policy (name under arn:aws:iam::aws:policy/) go together: what it may do in AWS.
    own_policy: IAM policy (JSON) of what it may do beside that.
    """

    identity: Identity
    cluster_name: pulumi.Input[str]
    addon: str
    configuration: Mapping[str, Any] = field(default_factory=dict)
    service_account: str = ""
    managed_policy: str = ""
    own_policy: str = ""


class Addon(pulumi.ComponentResource):
    """An EKS add-on at the build that EKS gives for the cluster's Kubernetes version.

    Why not a pinned build: AWS lists only the current ones per Kubernetes version, so a pin breaks every new cluster
    within months; an add-on never moves by itself either, only with a Kubernetes upgrade that we ask for.
    What the program says wins over changes made by hand (OVERWRITE).

    Example:
        Addon("acme-ebs", AddonArgs(identity=identity, cluster_name=cluster.cluster_name, addon="aws-ebs-csi-driver",
            service_account="ebs-csi-controller-sa", managed_policy="service-role/AmazonEBSCSIDriverPolicy"))
    """

    cluster_name: pulumi.Output[str]
    """The same name as in args, known once the add-on is there: hand it to what needs the add-on."""

    def __init__(self, name: str, args: AddonArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:cluster:Addon", name, {"addon": args.addon}, opts)
        roles: list[eks.AddonPodIdentityAssociationArgs] = []
        attachments: list[pulumi.Resource] = []
        if args.service_account:
            role = iam.Role(
                f"{name}-role",
                name=args.identity.iam(args.addon),
                assume_role_policy=pod_identity_trust(args.cluster_name, NAMESPACE, args.service_account),
                opts=pulumi.ResourceOptions(parent=self),
            )
            attachments.append(
                iam.RolePolicyAttachment(
                    f"{name}-policy",
                    role=role.name,
                    policy_arn=f"arn:aws:iam::aws:policy/{args.managed_policy}",
                    opts=pulumi.ResourceOptions(parent=self),
                )
            )
            if args.own_policy:
                own = iam.RolePolicy(
                    f"{name}-own-policy",
                    role=role.name,
                    policy=args.own_policy,
                    opts=pulumi.ResourceOptions(parent=self),
                )
                attachments.append(own)
            roles.append(eks.AddonPodIdentityAssociationArgs(role_arn=role.arn, service_account=args.service_account))
        addon = eks.Addon(
            f"{name}-addon",
            cluster_name=args.cluster_name,
            addon_name=args.addon,
            configuration_values=json.dumps(args.configuration, sort_keys=True) if args.configuration else None,
            pod_identity_associations=roles or None,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=pulumi.ResourceOptions(parent=self, depends_on=attachments),
        )
        self.cluster_name = addon.cluster_name
        self.register_outputs({"cluster_name": self.cluster_name})
