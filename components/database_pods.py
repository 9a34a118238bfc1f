"""What the pods that CloudNativePG makes for us have in common: labels, and the nodes they run on."""

from typing import Any

from components.placement import Placement
from retail.naming import LABEL_CLASS, LABEL_ENVIRONMENT, LABEL_TENANT, LABEL_TIER, POSTGRES_NODE_LABEL, Identity, Pool
from retail.objectives import WorkloadClass


def object_labels(identity: Identity, tier: str, workload_class: WorkloadClass) -> dict[str, str]:
    """Labels of the objects that we declare."""
    return {**identity.labels(tier), LABEL_TIER: tier, LABEL_CLASS: str(workload_class)}


def pod_labels(identity: Identity, tier: str, workload_class: WorkloadClass) -> dict[str, str]:
    """Labels for the operator to put on its pods: ours only, it sets `app.kubernetes.io/*` itself."""
    ours = (LABEL_TENANT, LABEL_ENVIRONMENT, LABEL_TIER, LABEL_CLASS)
    return {key: object_labels(identity, tier, workload_class)[key] for key in ours}


def data_nodes(owner: str) -> dict[str, Any]:
    """`nodeSelector` and `tolerations` for the data pool of `owner`.

    CloudNativePG's own taint is tolerated, its label not selected: a kubelet may not give itself labels under
    `node-role.kubernetes.io/` (Kubernetes' NodeRestriction), so nodes of an EKS managed group can't have it from birth.
    """
    placement = Placement(Pool.DATA, owner)
    postgres = {"key": POSTGRES_NODE_LABEL, "operator": "Exists", "effect": "NoSchedule"}
    return {"nodeSelector": placement.labels, "tolerations": [*placement.tolerations, postgres]}
