"""A namespace with nothing open: Pod Security `restricted`, a quota, defaults, and only the connections given."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import LimitRange, Namespace, ResourceQuota
from pulumi_kubernetes.networking.v1 import NetworkPolicy

from components.quota import limit_range
from retail import versions
from retail.naming import Identity

LEVELS = ("enforce", "audit", "warn")


@dataclass(frozen=True, kw_only=True)
class ClosedNamespaceArgs:
    """namespace: its name. component: what stands in its labels.

    quotas: `spec` of each ResourceQuota, by name. policies: `spec` of each NetworkPolicy, by name; one of them must
    deny everything, as Kubernetes opens all that no policy selects. labels: of the namespace, beside the usual ones.
    holds_data: whether a database is in it, which Kubernetes would delete with it.
    """

    identity: Identity
    namespace: str
    component: str
    quotas: Mapping[str, Mapping[str, Any]]
    policies: Mapping[str, Mapping[str, Any]]
    labels: Mapping[str, str]
    holds_data: bool = False

    def __post_init__(self) -> None:
        closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
        if closed not in self.policies.values():
            reason = "must hold one that denies everything, both ways, for every pod"
            raise pulumi.InputPropertiesError(
                f"ClosedNamespaceArgs: policies {reason}", [{"property_path": "policies", "reason": reason}]
            )


class ClosedNamespace(pulumi.ComponentResource):
    """Pod Security at the cluster's own version: with `latest` an upgrade of the control plane could refuse pods.

    Example:
        room = ClosedNamespace("drill", ClosedNamespaceArgs(identity=identity, namespace=identity.drill_namespace,
            component="restore-drill", quotas={}, labels={},
            policies={"default-deny": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}}))
    """

    namespace: pulumi.Output[str]

    def __init__(self, name: str, args: ClosedNamespaceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:tenancy:ClosedNamespace", name, {"namespace": args.namespace}, opts)
        labels = args.identity.labels(args.component)
        namespace = Namespace(
            f"{name}-namespace",
            metadata={
                "name": args.namespace,
                "labels": {
                    **labels,
                    **args.labels,
                    **{f"pod-security.kubernetes.io/{level}": "restricted" for level in LEVELS},
                    **{f"pod-security.kubernetes.io/{level}-version": f"v{versions.KUBERNETES}" for level in LEVELS},
                },
            },
            opts=pulumi.ResourceOptions(parent=self, protect=args.holds_data, retain_on_delete=args.holds_data),
        )
        inside = pulumi.ResourceOptions(parent=self, depends_on=[namespace])
        where = {"namespace": args.namespace, "labels": labels}
        for quota, spec in args.quotas.items():
            ResourceQuota(f"{name}-{quota}", metadata={**where, "name": quota}, spec=dict(spec), opts=inside)
        LimitRange(f"{name}-limits", metadata={**where, "name": "limits"}, spec={"limits": limit_range()}, opts=inside)
        for policy, spec in args.policies.items():
            NetworkPolicy(f"{name}-{policy}", metadata={**where, "name": policy}, spec=dict(spec), opts=inside)
        self.namespace = pulumi.Output.from_input(args.namespace)
        self.register_outputs({"namespace": self.namespace})
