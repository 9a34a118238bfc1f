"""An IAM role for one Kubernetes ServiceAccount, through EKS Pod Identity."""

from dataclasses import dataclass

import pulumi
from pulumi_aws import eks, iam


def pod_identity_trust(
    cluster_name: pulumi.Input[str], namespace: pulumi.Input[str], service_account: str
) -> pulumi.Output[str]:
    """A trust policy for pods of that ServiceAccount in that cluster, and no others.

    The conditions are on the session tags that EKS sets (EKS user guide, "Create IAM role with trust policy required by
    EKS Pod Identity"): without them any association in the account, on any cluster, could hand the role out.
    """
    return pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "pods.eks.amazonaws.com"},
                    "Action": ["sts:AssumeRole", "sts:TagSession"],
                    "Condition": {
                        "StringEquals": {
                            "aws:RequestTag/eks-cluster-name": cluster_name,
                            "aws:RequestTag/kubernetes-namespace": namespace,
                            "aws:RequestTag/kubernetes-service-account": service_account,
                        }
                    },
                }
            ],
        }
    )


@dataclass(frozen=True, kw_only=True)
class PodIdentityArgs:
    """role_name: physical, at most 64 characters. policy: IAM policy document (JSON) of what the pods may do."""

    role_name: str
    cluster_name: pulumi.Input[str]
    namespace: pulumi.Input[str]
    service_account: str
    policy: pulumi.Input[str]


class PodIdentity(pulumi.ComponentResource):
    """A role, its one inline policy, and the association that gives it to the pods of a ServiceAccount.

    Pod Identity instead of IRSA: no OIDC provider per cluster, no role ARN in Kubernetes objects, and the credentials
    come from the agent on the node, so only pods created after the association have them. Create the pods after this.

    Example:
        PodIdentity("storefront", PodIdentityArgs(role_name=identity.iam("storefront"),
            cluster_name=access.cluster_name, namespace=identity.namespace, service_account="storefront",
            policy=policy), opts=child)
    """

    role_arn: pulumi.Output[str]

    def __init__(self, name: str, args: PodIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:security:PodIdentity", name, {"serviceAccount": args.service_account}, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = iam.Role(
            f"{name}-role",
            name=args.role_name,
            assume_role_policy=pod_identity_trust(args.cluster_name, args.namespace, args.service_account),
            opts=child,
        )
        policy = iam.RolePolicy(f"{name}-policy", role=role.name, policy=args.policy, opts=child)
        eks.PodIdentityAssociation(
            f"{name}-association",
            cluster_name=args.cluster_name,
            namespace=args.namespace,
            service_account=args.service_account,
            role_arn=role.arn,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
        self.role_arn = role.arn
        self.register_outputs({"role_arn": self.role_arn})
