"""The words that network policies are written in: peers, rules and specs, as plain data."""

from collections.abc import Sequence
from typing import Any

import pulumi

from retail.naming import LABEL_TIER
from retail.tiers import Tier

Peer = dict[str, Any]
Rule = dict[str, Any]
Spec = dict[str, Any]

POSTGRES_PORT, STATUS_PORT, REDIS_PORT = 5432, 8000, 6379
INSTANCE_METRICS_PORT, POOLER_METRICS_PORT = 9187, 9127

PRIVATE_RANGES = ["10.0.0.0/8", "100.64.0.0/10", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"]
"""RFC 1918, carrier-grade NAT (EKS may use it for pods) and link-local (the node's metadata service)."""

POD_IDENTITY_AGENT = "169.254.170.23/32"

OPERATOR_NAMESPACE, KEDA_NAMESPACE, MONITORING_NAMESPACE = "cnpg-system", "keda", "observability"

PUBLIC: Peer = {"ipBlock": {"cidr": "0.0.0.0/0", "except": PRIVATE_RANGES}}
DATABASE_PODS: Peer = {"podSelector": {"matchExpressions": [{"key": "cnpg.io/cluster", "operator": "Exists"}]}}
"""Instances, poolers and the jobs that make instances."""


def policy(pods: dict[str, Any], *, ingress: list[Rule] | None = None, egress: list[Rule] | None = None) -> Spec:
    """A policy that opens what is given; what is empty or left out stays as `default-deny` has it."""
    rules = {"ingress": ingress, "egress": egress}
    given = {direction: opened for direction, opened in rules.items() if opened}
    return {"podSelector": pods, "policyTypes": [direction.capitalize() for direction in given], **given}


def closed() -> dict[str, Spec]:
    """What every namespace begins with: nothing but names and, from the node, the pod's own AWS credentials."""
    return {
        "default-deny": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]},
        "dns-and-identity": policy({}, egress=[dns(), rule("to", [block(POD_IDENTITY_AGENT)], 80)]),
    }


def rule(direction: str, peers: list[Peer], *ports: int | None, protocol: str = "TCP") -> Rule:
    return {direction: peers, "ports": [{"port": port, "protocol": protocol} for port in ports]}


def block(cidr: str) -> Peer:
    return {"ipBlock": {"cidr": cidr}}


def in_namespace(name: pulumi.Input[str]) -> Peer:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def named(name: str) -> Peer:
    return {"podSelector": {"matchLabels": {"app.kubernetes.io/name": name}}}


def of_tiers(tiers: Sequence[Tier | str]) -> Peer:
    expression = {"key": LABEL_TIER, "operator": "In", "values": [str(tier) for tier in tiers]}
    return {"podSelector": {"matchExpressions": [expression]}}


def prometheus() -> Peer:
    return {**named("prometheus"), **in_namespace(MONITORING_NAMESPACE)}


def database_operator() -> Peer:
    return {**named("cloudnative-pg"), **in_namespace(OPERATOR_NAMESPACE)}


def dns() -> Rule:
    servers = {"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}, **in_namespace("kube-system")}
    return {"to": [servers], "ports": [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]}


def kubernetes_api(cidrs: Sequence[str]) -> Rule:
    """cidrs: of the subnets that EKS puts the API's network interfaces into, where nothing else lives."""
    return rule("to", [block(cidr) for cidr in cidrs], 443)
