"""What the API server is told of a retailer's freeze."""

import pulumi
from pulumi_kubernetes.core.v1 import ConfigMap

from components.change_control import TIER
from components.database_pods import object_labels
from retail.naming import CHANGE_CONTROL, Identity
from retail.objectives import WorkloadClass


class FreezeState(pulumi.ComponentResource):
    """A ConfigMap, parameter of the admission policy of freezes (components/freeze_switch.py).

    Pulumi declares it and says nothing of its `data`, which is the switch's alone: neither undoes the other, and until
    the switch's first run nothing is said, which denies.

    Example:
        FreezeState("freeze-state", identity)
    """

    def __init__(self, name: str, identity: Identity, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:tenancy:FreezeState", name, {}, opts)
        ConfigMap(
            f"{name}-parameter",
            metadata={
                "name": identity.namespace,
                "namespace": CHANGE_CONTROL,
                "labels": object_labels(identity, TIER, WorkloadClass.IMPORTANT),
            },
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({})
