"""All third-party operators of a cluster, in the order in which they need each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from components.cluster import NODE_ROLE
from components.operators import (
    alert_topics,
    cert_manager,
    cloudnative_pg,
    external_secrets,
    karpenter,
    keda,
    load_balancer_controller,
    monitoring,
    reloader,
    traefik_crds,
)
from components.operators.alert_topics import AlertTopics, AlertTopicsArgs
from components.operators.interruption_queue import InterruptionQueue, InterruptionQueueArgs
from components.operators.operator import AwsRole, Chart, Operator, OperatorArgs
from retail.naming import Identity

KUBE_SYSTEM = "kube-system"
"""Home of Karpenter (its requests to the API have priority there) and of the load balancer controller."""


@dataclass(frozen=True, kw_only=True)
class OperatorsArgs:
    """cluster_name: plain, as it is part of IAM condition keys. cluster: the same, known once there are nodes.

    after: what must be there before any operator (storage class, priorities).
    """

    identity: Identity
    cluster_name: str
    cluster: pulumi.Input[str]
    vpc_id: pulumi.Input[str]
    after: Sequence[pulumi.Resource] = ()


class Operators(pulumi.ComponentResource):
    """CRD charts first, then cert-manager, which makes the webhooks' certificates, then all others side by side.

    Whatever uses an operator's kinds must wait for this component: CRDs and webhooks are not there before.

    Example:
        Operators("acme", OperatorsArgs(identity=identity, cluster_name=identity.namespace,
            cluster=system_pool.cluster_name, vpc_id=network.vpc_id))
    """

    external_secrets_role_arn: pulumi.Output[str]
    alert_topics: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: OperatorsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:operators:Operators", name, {"cluster": args.cluster_name}, opts)
        child = pulumi.ResourceOptions(parent=self)
        identity = args.identity
        before = list(args.after)

        def install(
            release: str,
            chart: Chart,
            values: Mapping[str, Any],
            *after: pulumi.Resource,
            namespace: str = KUBE_SYSTEM,
            pod_security: str = "",
            role: AwsRole | None = None,
            disruption_budget: Mapping[str, str] | None = None,
        ) -> Operator:
            return Operator(
                f"{name}-{release}",
                OperatorArgs(
                    cluster=args.cluster,
                    chart=chart,
                    release=release,
                    namespace=namespace,
                    values=values,
                    pod_security=pod_security,
                    role=role,
                    disruption_budget=disruption_budget,
                    after=[*before, *after],
                ),
                opts=child,
            )

        monitors = install("prometheus-operator-crds", monitoring.CRD_CHART, monitoring.CRD_VALUES)
        karpenter_crds = install("karpenter-crd", karpenter.CRD_CHART, karpenter.CRD_VALUES)
        install("traefik-crds", traefik_crds.CHART, traefik_crds.values())

        certificates = install(
            "cert-manager",
            cert_manager.CHART,
            cert_manager.values(),
            monitors,
            namespace=cert_manager.NAMESPACE,
            pod_security="restricted",
            role=AwsRole(
                role_name=identity.iam("cert-manager"),
                service_account=cert_manager.SERVICE_ACCOUNT,
                policy=cert_manager.policy(),
            ),
        )
        CustomResource(
            f"{name}-issuer",
            api_version="cert-manager.io/v1",
            kind="ClusterIssuer",
            metadata={"name": cert_manager.ISSUER, "labels": identity.labels("platform")},
            spec=cert_manager.issuer_spec(identity.region),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[certificates]),
        )

        interruptions = identity.iam("interruptions")
        queue = InterruptionQueue(
            f"{name}-interruptions",
            InterruptionQueueArgs(identity=identity, queue_name=interruptions),
            opts=child,
        )
        install(
            "karpenter",
            karpenter.CHART,
            karpenter.values(args.cluster_name, queue.queue_name),
            karpenter_crds,
            monitors,
            role=AwsRole(
                role_name=identity.iam("karpenter"),
                service_account=karpenter.SERVICE_ACCOUNT,
                policy=karpenter.policy(identity, args.cluster_name, identity.iam(NODE_ROLE), interruptions),
            ),
        )
        install(
            "aws-load-balancer-controller",
            load_balancer_controller.CHART,
            load_balancer_controller.values(args.cluster_name, identity.region, args.vpc_id),
            certificates,
            role=AwsRole(
                role_name=identity.iam("load-balancer-controller"),
                service_account=load_balancer_controller.SERVICE_ACCOUNT,
                policy=load_balancer_controller.policy(),
            ),
        )
        secrets = install(
            "external-secrets",
            external_secrets.CHART,
            external_secrets.values(),
            monitors,
            namespace=external_secrets.NAMESPACE,
            pod_security="restricted",
            role=AwsRole(
                # Not "external-secrets": that is the name of each tenant's own role, which this one takes on.
                role_name=identity.iam("external-secrets-controller"),
                service_account=external_secrets.SERVICE_ACCOUNT,
                policy=external_secrets.policy(identity),
            ),
        )
        databases = install(
            "cnpg",
            cloudnative_pg.CHART,
            cloudnative_pg.values(),
            monitors,
            namespace=cloudnative_pg.NAMESPACE,
            pod_security="restricted",
            disruption_budget=cloudnative_pg.LABELS,
        )
        install(
            "barman-cloud",
            cloudnative_pg.PLUGIN_CHART,
            cloudnative_pg.plugin_values(),
            databases,
            certificates,
            namespace=cloudnative_pg.NAMESPACE,
        )
        install("keda", keda.CHART, keda.values(), monitors, namespace=keda.NAMESPACE, pod_security="restricted")
        install(
            "reloader",
            reloader.CHART,
            reloader.values(),
            monitors,
            namespace=reloader.NAMESPACE,
            pod_security="restricted",
        )
        topics = AlertTopics(f"{name}-alerts", AlertTopicsArgs(identity=identity), opts=child)
        self.alert_topics = topics.arns
        install(
            "prometheus",
            monitoring.CHART,
            monitoring.values(identity),
            monitors,
            certificates,
            namespace=monitoring.NAMESPACE,
            pod_security="privileged",  # the node exporter reads the host's /proc and /sys
            role=AwsRole(
                role_name=identity.iam("alertmanager"),
                service_account=alert_topics.SERVICE_ACCOUNT,
                policy=alert_topics.policy(identity),
            ),
        )
        self.external_secrets_role_arn = secrets.role_arn
        self.register_outputs(
            {"external_secrets_role_arn": self.external_secrets_role_arn, "alert_topics": self.alert_topics}
        )
