"""Where freezes are switched: a namespace of the cluster's owner that no team is let into."""

from dataclasses import dataclass

import pulumi

from components.closed_namespace import ClosedNamespace, ClosedNamespaceArgs
from components.network import subnet_cidrs
from components.network_rules import closed, kubernetes_api, policy
from retail.naming import CHANGE_CONTROL, Identity

TIER = "freeze"
"""Of the switches' pods, in their labels."""

QUOTA = {
    "pods": "100",
    "requests.cpu": "2",
    "requests.memory": "6400Mi",
    "limits.memory": "12800Mi",
    "services": "0",
    "persistentvolumeclaims": "0",
}
"""A pod of a moment for each of a hundred retailers, and nothing else."""


@dataclass(frozen=True, kw_only=True)
class ChangeControlArgs:
    """identity: of the cluster's owner. vpc_cidr, zones: what the Kubernetes API's subnets follow from."""

    identity: Identity
    vpc_cidr: str
    zones: tuple[str, ...]


class ChangeControl(pulumi.ComponentResource):
    """One namespace for the switches of all retailers of the cluster (components/freeze_switch.py).

    Why not beside the retailer: whoever may change a Deployment there could run a pod as the switch; and a freeze that
    is gone denies, so a namespace that is deleted with its freeze in it would never get empty.

    Example:
        ChangeControl("change-control", ChangeControlArgs(identity=identity, vpc_cidr=settings.vpc_cidr,
            zones=settings.zones))
    """

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: ChangeControlArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:cluster:ChangeControl", name, {"namespace": CHANGE_CONTROL}, opts)
        api = [cidrs.control_plane for cidrs in subnet_cidrs(args.vpc_cidr, args.zones).values()]
        room = ClosedNamespace(
            name,
            ClosedNamespaceArgs(
                identity=args.identity,
                namespace=CHANGE_CONTROL,
                component=CHANGE_CONTROL,
                quotas={"quota": {"hard": QUOTA}},
                policies={
                    **closed(),
                    TIER: policy({}, egress=[kubernetes_api(api)]),
                },
                labels={},
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.namespace = room.namespace
        self.register_outputs({"namespace": self.namespace})
