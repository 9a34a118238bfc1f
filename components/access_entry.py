"""How people get into the cluster: an IAM role, let in as a Kubernetes group."""

import pulumi
from pulumi_aws import eks

from retail.naming import Identity


def access_entry(
    name: str,
    identity: Identity,
    cluster_name: pulumi.Input[str],
    *,
    role: str,
    group: str,
    opts: pulumi.ResourceOptions,
) -> eks.AccessEntry:
    """An entry for the role (its name, with path if any) in the identity's account; EKS takes one for each role.

    It gives no rights by itself: what the group may do is said by bindings. Its tags say who answers for it and by when
    it is to be looked at again.
    """
    return eks.AccessEntry(
        name,
        cluster_name=cluster_name,
        principal_arn=f"arn:aws:iam::{identity.account}:role/{role}",
        kubernetes_groups=[group],
        type="STANDARD",
        tags={"purpose": group, **{key.removeprefix("retail/"): value for key, value in identity.review(role).items()}},
        opts=opts,
    )
