"""One third-party operator: its namespace, its AWS role, its Helm release."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.core.v1 import Namespace
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget

from components.pod_identity import PodIdentity, PodIdentityArgs

INSTALL_SECONDS = 900
"""Long enough for images to be pulled on fresh nodes and for webhooks to get their certificates."""


@dataclass(frozen=True)
class Chart:
    """A Helm chart: an `oci://` reference, or a name in an HTTP `repository`."""

    name: str
    version: str
    repository: str = ""


@dataclass(frozen=True, kw_only=True)
class AwsRole:
    """What the operator's pods may do in AWS, bound to the ServiceAccount that the chart makes."""

    role_name: str
    service_account: str
    policy: pulumi.Input[str]


@dataclass(frozen=True, kw_only=True)
class OperatorArgs:
    """cluster: name of a cluster that has nodes. values: keys verified against the chart's values.yaml.

    pod_security: Pod Security level of the namespace, which is created; empty where the namespace is there already.
    disruption_budget: labels of pods that need a PodDisruptionBudget which the chart doesn't make.
    after: what must be there first.
    """

    cluster: pulumi.Input[str]
    chart: Chart
    release: str
    namespace: str
    values: Mapping[str, Any]
    pod_security: str = ""
    role: AwsRole | None = None
    disruption_budget: Mapping[str, str] | None = None
    after: Sequence[pulumi.Resource] = ()


class Operator(pulumi.ComponentResource):
    """A pinned Helm release. Failed installs and upgrades are rolled back (`atomic`), so a deployment can be repeated.

    The role comes before the pods: Pod Identity reaches only those created after it.

    Example:
        Operator("acme-keda", OperatorArgs(cluster=cluster.cluster_name, chart=Chart("keda", versions.KEDA_CHART),
            release="keda", namespace="keda", pod_security="restricted", values={"crds": {"install": True}}))
    """

    role_arn: pulumi.Output[str]
    """Of the operator's AWS role; empty where it has none."""

    def __init__(self, name: str, args: OperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:operators:Operator",
            name,
            {"chart": args.chart.name, "version": args.chart.version, "namespace": args.namespace},
            opts,
        )
        child = pulumi.ResourceOptions(parent=self)
        before: list[pulumi.Resource] = list(args.after)
        if args.pod_security:
            labels = {f"pod-security.kubernetes.io/{mode}": args.pod_security for mode in ("enforce", "audit", "warn")}
            before.append(
                Namespace(f"{name}-namespace", metadata={"name": args.namespace, "labels": labels}, opts=child)
            )
        self.role_arn = pulumi.Output.from_input("")
        if args.role:
            access = PodIdentity(
                f"{name}-aws",
                PodIdentityArgs(
                    role_name=args.role.role_name,
                    cluster_name=args.cluster,
                    namespace=args.namespace,
                    service_account=args.role.service_account,
                    policy=args.role.policy,
                ),
                opts=child,
            )
            before.append(access)
            self.role_arn = access.role_arn
        release = Release(
            f"{name}-release",
            name=args.release,
            namespace=args.namespace,
            create_namespace=False,
            chart=args.chart.name,
            version=args.chart.version,
            repository_opts=RepositoryOptsArgs(repo=args.chart.repository) if args.chart.repository else None,
            values=dict(args.values),
            atomic=True,
            timeout=INSTALL_SECONDS,
            opts=pulumi.ResourceOptions(parent=self, depends_on=before),
        )
        if args.disruption_budget:
            PodDisruptionBudget(
                f"{name}-budget",
                metadata={"name": args.release, "namespace": args.namespace},
                spec={
                    "max_unavailable": 1,
                    "unhealthy_pod_eviction_policy": "AlwaysAllow",
                    "selector": {"match_labels": dict(args.disruption_budget)},
                },
                opts=pulumi.ResourceOptions(parent=self, depends_on=[release]),
            )
        self.register_outputs({"role_arn": self.role_arn})
