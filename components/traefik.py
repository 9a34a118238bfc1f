"""The edge: Traefik behind a network load balancer, for one retailer or for all that share a platform."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource
from pulumi_kubernetes.apps.v1 import Deployment
from pulumi_kubernetes.core.v1 import Service, ServiceAccount
from pulumi_kubernetes.policy.v1 import PodDisruptionBudget
from pulumi_kubernetes.rbac.v1 import ClusterRole, ClusterRoleBinding, Role, RoleBinding

from components.placement import Placement, zone_spread
from components.pod_security import container_security, pod_security
from components.route_limits import MIB, SCRATCH_BYTES
from components.traefik_arguments import (
    FINISH_SECONDS,
    METRICS_PORT,
    PING_PORT,
    TLS_PORT,
    WEB_PORT,
    static_arguments,
)
from retail import versions
from retail.naming import LABEL_CLASS, LABEL_EDGE, Identity, Pool, selector
from retail.objectives import WorkloadClass

NAME = "traefik"
USER = 65532
DRAIN_SECONDS = 120
"""A network load balancer keeps sending to a target for about two minutes after it was taken out, whatever its setting
(aws-load-balancer-controller#2366, #1834): so long the pod goes on serving before it is told to stop."""

EXIT_SECONDS = 15
"""Between the last request and the end of the process."""

CIPHERS = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
)
"""Of TLS 1.2: forward secrecy and authenticated encryption only. TLS 1.3 has no others. RSA for certificates that a
retailer brings along; ours are ECDSA."""

CPU_MILLIS, MEMORY_MIB = 1000, 1024
"""Of one replica; retail/node_sizing.py counts on the same."""

TMP_DIR = "/tmp"  # noqa: S108 - the mount point of the pod's own emptyDir


@dataclass(frozen=True, kw_only=True)
class TraefikArgs:
    """identity: the owner of the edge; its namespace is where it runs, its name the `retail/edge` label it selects.

    replicas: one a zone. shared: whether it serves other namespaces than its own (a platform's does).
    load_balancer_cidrs: address ranges of the load balancer's subnets, whose word on the client's address is taken.
    sleeps: whether KEDA owns the number of replicas, which is none outside working hours.
    keep: whether AWS refuses to delete the load balancer, whose host name all DNS records of the shop point to.
    """

    identity: Identity
    replicas: int
    shared: bool
    load_balancer_cidrs: Sequence[str]
    keep: bool = False
    sleeps: bool = False

    def __post_init__(self) -> None:
        errors: list[pulumi.InputPropertyErrorDetails] = []
        if self.replicas < 3:
            errors.append({"property_path": "replicas", "reason": f"must be at least 3; given {self.replicas}"})
        if not self.load_balancer_cidrs or "0.0.0.0/0" in self.load_balancer_cidrs:
            reason = "must be the load balancer's subnets: whoever is trusted there can claim any client address"
            errors.append({"property_path": "load_balancer_cidrs", "reason": reason})
        if errors:
            joined = "; ".join(f"{error['property_path']} {error['reason']}" for error in errors)
            raise pulumi.InputPropertiesError(f"TraefikArgs: {joined}", errors)


class Traefik(pulumi.ComponentResource):
    """Three Traefik pods, one a zone, and their load balancer.

    An edge of one retailer watches its own namespace only, by a Role there; a platform's watches all namespaces (and so
    can read their Secrets: certificates are among them) but takes up only objects with its own `retail/edge` label.
    No ACME (replicas can't share it; cert-manager makes the certificates), no dashboard, no API.
    Names are collision-safe (`safeNaming`), which the autoscaling queries rest on.

    How a replica ends: it goes on serving for DRAIN_SECONDS, as long as the load balancer may still send to it; then
    what is under way gets FINISH_SECONDS, as long as the longest request; the pod's grace is both and EXIT_SECONDS.
    No load balancer capacity is reserved for peaks: the largest database of the plan answers some 1,200 requests/s,
    about 1 Gbit/s, which a network load balancer follows by itself (AWS reserves by 2.2 Mbit/s, in thousands).
    It gives up client addresses of connections that don't come through the load balancer, and HTTP/3.

    Example:
        Traefik("acme-edge", TraefikArgs(identity=identity, replicas=plan.traefik_replicas, shared=False,
                                         load_balancer_cidrs=public_cidrs))
    """

    address: pulumi.Output[str]

    def __init__(self, name: str, args: TraefikArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(
            "retail:edge:Traefik",
            name,
            {"replicas": args.replicas, "shared": args.shared, "edge": args.identity.retailer},
            opts,
        )
        child = pulumi.ResourceOptions(parent=self)
        labels = {**args.identity.labels(NAME), LABEL_CLASS: str(WorkloadClass.CRITICAL)}
        metadata = {"name": NAME, "namespace": args.identity.namespace, "labels": labels}
        account = ServiceAccount(
            f"{name}-account", metadata=metadata, automount_service_account_token=False, opts=child
        )
        granted = self._grant(name, args, metadata)
        tls = CustomResource(
            f"{name}-tls",
            api_version="traefik.io/v1alpha1",
            kind="TLSOption",
            metadata={
                "name": "default",
                "namespace": args.identity.namespace,
                "labels": {**labels, LABEL_EDGE: args.identity.retailer},
            },
            spec={"minVersion": "VersionTLS12", "cipherSuites": list(CIPHERS), "sniStrict": True},
            opts=child,
        )
        Deployment(
            f"{name}-deployment",
            metadata=metadata,
            spec={
                **({} if args.sleeps else {"replicas": args.replicas}),
                "selector": {"matchLabels": selector(labels)},
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "revisionHistoryLimit": 3,
                "template": {"metadata": {"labels": labels}, "spec": _pod(args, labels)},
            },
            opts=pulumi.ResourceOptions(parent=self, depends_on=[account, *granted, tls]),
        )
        PodDisruptionBudget(
            f"{name}-budget",
            metadata=metadata,
            spec={
                "maxUnavailable": 1,
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
                "selector": {"matchLabels": selector(labels)},
            },
            opts=child,
        )
        service = self._load_balancer(name, args, metadata)
        CustomResource(
            f"{name}-monitor",
            api_version="monitoring.coreos.com/v1",
            kind="PodMonitor",
            metadata=metadata,
            spec={
                "selector": {"matchLabels": selector(labels)},
                "podMetricsEndpoints": [{"port": "metrics", "interval": "15s"}],
            },
            opts=child,
        )
        self.address = service.status.apply(_hostname)
        self.register_outputs({"address": self.address})

    def _grant(self, name: str, args: TraefikArgs, metadata: dict[str, Any]) -> list[pulumi.Resource]:
        """What Traefik reads through the Kubernetes API: its own kinds, Services, endpoints and certificates."""
        child = pulumi.ResourceOptions(parent=self)
        subject = [{"kind": "ServiceAccount", "name": NAME, "namespace": args.identity.namespace}]
        group = "rbac.authorization.k8s.io"
        if args.shared:
            wide = {"name": f"{args.identity.namespace}-{NAME}", "labels": metadata["labels"]}
            return [
                ClusterRole(f"{name}-role", metadata=wide, rules=_rules(), opts=child),
                ClusterRoleBinding(
                    f"{name}-role-binding",
                    metadata={**wide, "annotations": args.identity.review()},
                    role_ref={"apiGroup": group, "kind": "ClusterRole", "name": wide["name"]},
                    subjects=subject,
                    opts=child,
                ),
            ]
        return [
            Role(f"{name}-role", metadata=metadata, rules=_rules(), opts=child),
            RoleBinding(
                f"{name}-role-binding",
                metadata={**metadata, "annotations": args.identity.review()},
                role_ref={"apiGroup": group, "kind": "Role", "name": NAME},
                subjects=subject,
                opts=child,
            ),
        ]

    def _load_balancer(self, name: str, args: TraefikArgs, metadata: dict[str, Any]) -> Service:
        prefix = "service.beta.kubernetes.io/aws-load-balancer"
        tags = ",".join(f"{key}={value}" for key, value in sorted(args.identity.tags.items()))
        return Service(
            f"{name}-service",
            metadata={
                **metadata,
                "annotations": {
                    f"{prefix}-type": "external",
                    f"{prefix}-scheme": "internet-facing",
                    f"{prefix}-nlb-target-type": "ip",
                    f"{prefix}-attributes": (
                        "load_balancing.cross_zone.enabled=true,zonal_shift.config.enabled=true,"
                        f"deletion_protection.enabled={str(args.keep).lower()}"
                    ),
                    f"{prefix}-target-group-attributes": (
                        f"proxy_protocol_v2.enabled=true,deregistration_delay.timeout_seconds={DRAIN_SECONDS}"
                    ),
                    f"{prefix}-healthcheck-protocol": "http",
                    f"{prefix}-healthcheck-port": str(PING_PORT),
                    f"{prefix}-healthcheck-path": "/ping",
                    f"{prefix}-additional-resource-tags": tags,
                },
            },
            spec={
                "type": "LoadBalancer",
                "loadBalancerClass": "service.k8s.aws/nlb",
                # Targets are pod addresses: node ports would only be open doors.
                "allocateLoadBalancerNodePorts": False,
                "selector": selector(metadata["labels"]),
                "ports": [
                    {"name": "web", "port": 80, "targetPort": "web"},
                    {"name": "websecure", "port": 443, "targetPort": "websecure"},
                ],
            },
            opts=pulumi.ResourceOptions(parent=self),
        )


def _pod(args: TraefikArgs, labels: dict[str, str]) -> dict[str, Any]:
    ping = {"httpGet": {"path": "/ping", "port": "ping"}, "periodSeconds": 10, "timeoutSeconds": 3}
    return {
        "serviceAccountName": NAME,
        "automountServiceAccountToken": True,
        "enableServiceLinks": False,
        "priorityClassName": str(WorkloadClass.CRITICAL),
        "securityContext": pod_security(user=USER, group=USER),
        "terminationGracePeriodSeconds": DRAIN_SECONDS + FINISH_SECONDS + EXIT_SECONDS,
        "topologySpreadConstraints": zone_spread(selector(labels), fixed=args.replicas),
        "containers": [
            {
                "name": NAME,
                "image": versions.TRAEFIK_IMAGE,
                "args": static_arguments(
                    args.identity, shared=args.shared, load_balancer_cidrs=args.load_balancer_cidrs
                ),
                # Go's collector works harder near the limit instead of being killed at it.
                "env": [{"name": "GOMEMLIMIT", "value": f"{MEMORY_MIB * 9 // 10}MiB"}],
                "ports": [
                    {"name": "web", "containerPort": WEB_PORT},
                    {"name": "websecure", "containerPort": TLS_PORT},
                    {"name": "metrics", "containerPort": METRICS_PORT},
                    {"name": "ping", "containerPort": PING_PORT},
                ],
                "readinessProbe": {**ping, "failureThreshold": 2},
                "livenessProbe": {**ping, "failureThreshold": 6},
                "lifecycle": {"preStop": {"sleep": {"seconds": DRAIN_SECONDS}}},
                "resources": {
                    "requests": {"cpu": f"{CPU_MILLIS}m", "memory": f"{MEMORY_MIB}Mi"},
                    "limits": {"memory": f"{MEMORY_MIB}Mi"},
                },
                "securityContext": container_security(),
                # The buffering middleware writes large bodies there.
                "volumeMounts": [{"name": "tmp", "mountPath": TMP_DIR}],
            }
        ],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": f"{SCRATCH_BYTES // MIB}Mi"}}],
        **Placement(Pool.WEB, args.identity.retailer).pod_fields(),
    }


def _rules() -> list[dict[str, Any]]:
    """Traefik's documented role (its reference, kubernetes-crd-rbac), without Ingress and nodes: unused here."""
    read = ["get", "list", "watch"]
    return [
        {"apiGroups": [""], "resources": ["services", "secrets", "configmaps"], "verbs": read},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": read},
        {
            "apiGroups": ["traefik.io"],
            "resources": [
                "ingressroutes",
                "ingressroutetcps",
                "ingressrouteudps",
                "middlewares",
                "middlewaretcps",
                "serverstransports",
                "serverstransporttcps",
                "tlsoptions",
                "tlsstores",
                "traefikservices",
            ],
            "verbs": read,
        },
    ]


def _hostname(status: Any) -> str:
    """The load balancer's host name, empty as long as AWS hasn't given one."""
    ingress = status.load_balancer.ingress if status and status.load_balancer else None
    return str(ingress[0].hostname or "") if ingress else ""
