"""What a month of the stack costs, from its resources and pinned prices, term by term.

Not in it: traffic, requests, logs, nodes' own volumes, nightly Jobs, taxes, discounts, and what runs on a platform's
nodes.
"""

import math
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from guardrails import kinds
from guardrails.aws.providers import workload_provider
from guardrails.config import limit, read_config
from guardrails.graph import Graph
from guardrails.kubernetes.nodes import INSTANCE_TYPE, NodeSet
from guardrails.kubernetes.quantities import GIB, quantity
from guardrails.kubernetes.workloads import Workload
from guardrails.prices import HOURS, Machine, Prices
from guardrails.reading import UNKNOWN, Unjudged
from guardrails.resource import Resource
from guardrails.sums import Sum

PACKING = limit("packing-percent", 80, "How full Karpenter's nodes are with what pods ask for, in percent.")
BACKUP_SIZE = limit("backup-size-percent", 50, "Size of a base backup with its WAL, in percent of the database.")

FREE_IOPS: Final = 3000
"""Of every gp3 volume."""


class Bill:
    """months: what each season's month costs, by season, with the pods that the calendar asks for; what load adds comes
    on top. most: with every pool at its limit and every group at its largest.

    The stack of season normal shows both months, as its scaling knows the calendar; that of season peak only its own.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    @cached_property
    def prices(self) -> Prices:
        return Prices(workload_provider(self._graph).text("region"), self._graph.config)

    @cached_property
    def months(self) -> dict[str, Sum]:
        seasons = ("normal", "peak") if self._graph.contract.season == "normal" else ("peak",)
        return {season: self._month(season) for season in seasons}

    def _month(self, season: str) -> Sum:
        total = self._fixed()
        for nodes in self._graph.node_sets:
            if nodes.karpenter:
                self._add_pods(total, nodes, season)
            else:
                self._add_group(total, nodes, "minSize")
        return total

    @cached_property
    def most(self) -> Sum:
        total = self._fixed()
        for nodes in self._graph.node_sets:
            if nodes.karpenter:
                self._add_limit(total, nodes)
            else:
                self._add_group(total, nodes, "maxSize")
        return total

    def _fixed(self) -> Sum:
        """What costs the same however much is going on."""
        graph, item = self._graph, self.prices.item
        total = Sum()
        hourly = (
            ("EKS", len(graph.all(kinds.EKS_CLUSTER)), "eks-cluster-hour"),
            ("NAT", len(graph.all(kinds.NAT_GATEWAY)), "nat-gateway-hour"),
            ("public addresses", len(graph.all(kinds.EIP)), "public-ipv4-hour"),
            (
                "load balancers",
                len([each for each in graph.all(kinds.SERVICE) if _balanced(each)]),
                "load-balancer-hour",
            ),
        )
        for what, count, name in hourly:
            if count:
                total.add(what, (count, what), (HOURS, "h"), (item(name), "USD"))
        keys = len(graph.all(kinds.KMS_KEY, kinds.KMS_REPLICA_KEY))
        secrets = sum(1 + len(each.items("replicas")) for each in graph.all(kinds.SECRETS_MANAGER_SECRET))
        attachments = self._graph.contract.count("filestoreGib")
        twice = item("s3-standard-gib-month") + item("s3-infrequent-gib-month")
        for what, number, unit, usd in (
            ("KMS", keys, "keys", item("kms-key-month")),
            ("secrets", secrets, "secrets and replicas", item("secret-month")),
            ("attachments and their copy", attachments, "GiB", round(twice, 6)),
        ):
            if number:
                total.add(what, (number, unit), (usd, "USD"))
        for group in graph.all(kinds.ELASTICACHE_GROUP):
            machine = self._priced(group, group.text("nodeType"))
            cached = group.number("numCacheClusters", 1)
            total.add("sessions", (cached, machine.name), (round(machine.usd_per_month, 2), "USD"))
        for cluster in graph.all(kinds.POSTGRES_CLUSTER):
            self._add_database(total, cluster)
        return total

    def _add_database(self, total: Sum, cluster: Resource) -> None:
        item, contract = self.prices.item, self._graph.contract
        instances = (cluster.number("spec.instances", 1), "instances")
        for key in ("storage", "walStorage"):
            if not cluster.has(f"spec.{key}.size"):
                continue
            gib = quantity(cluster.at(f"spec.{key}.size")) / GIB
            total.add(key, instances, (gib, "GiB"), (item("gp3-gib-month"), "USD"))
            iops = self._iops(cluster.text(f"spec.{key}.storageClass", ""))
            if iops > FREE_IOPS:
                total.add(f"{key}'s IOPS", instances, (iops - FREE_IOPS, "IOPS"), (item("gp3-iops-month"), "USD"))
        size = contract.count("databaseGib") * self._graph.config.number(BACKUP_SIZE) / 100
        backups = math.ceil(contract.count("retentionDays") * 24 / max(contract.count("backupIntervalHours"), 1))
        usd = item("s3-standard-gib-month") + item("s3-infrequent-gib-month")
        total.add("backups and copies", (backups, "backups"), (size, "GiB"), (round(usd, 6), "USD"))

    def _iops(self, storage_class: str) -> float:
        for each in self._graph.all(kinds.STORAGE_CLASS):
            if each.object_name == storage_class:
                return each.number("parameters.iops", FREE_IOPS)
        return FREE_IOPS

    def _add_group(self, total: Sum, nodes: NodeSet, size: str) -> None:
        group = nodes.resource
        machines = [self._priced(group, each) for each in group.words("instanceTypes")]
        if not machines:
            raise group.at("instanceTypes").unjudged("is missing: nobody can say what it costs")
        dearest = max(machines, key=lambda each: each.usd_per_month)
        count = group.number(f"scalingConfig.{size}")
        total.add(group.name, (count, dearest.name), (round(dearest.usd_per_month, 2), "USD"))

    def _add_pods(self, total: Sum, nodes: NodeSet, season: str) -> None:
        """Nodes for pods, by the share of the hours that these are there: of CPU or memory, whichever needs more."""
        machine = self._dearest(nodes)
        asked: dict[float, tuple[float, float]] = {1.0: (0, 0)}
        for workload in self._graph.workloads:
            if not workload.stays or not nodes.takes(workload):
                continue
            for pods, share in _standing(workload, season):
                cores, gib = asked.get(share, (0, 0))
                asked[share] = cores + pods * workload.request("cpu"), gib + pods * workload.request("memory") / GIB
        full = self._graph.config.number(PACKING) / 100
        usd = (round(machine.usd_per_vcpu * HOURS, 2), "USD")
        for share, (cores, gib) in asked.items():
            if vcpus := math.ceil(max(cores, gib / machine.gib_per_vcpu) / full):
                hours = [(round(share, 3), "of the hours")] if share < 1 else []
                total.add(nodes.resource.object_name, (vcpus, "vCPUs"), *hours, usd)

    def _add_limit(self, total: Sum, nodes: NodeSet) -> None:
        machine = self._dearest(nodes)
        vcpus = quantity(nodes.limits.at("cpu"))
        total.add(nodes.resource.object_name, (vcpus, "vCPUs"), (round(machine.usd_per_vcpu * HOURS, 2), "USD"))

    def _dearest(self, nodes: NodeSet) -> Machine:
        """Of what Karpenter may launch, by vCPU."""
        types = nodes.requirement(INSTANCE_TYPE)
        if not types:
            raise nodes.resource.unjudged(f"says no {INSTANCE_TYPE}: it may launch machines of any price")
        return max((self._priced(nodes.resource, each) for each in types), key=lambda each: each.usd_per_vcpu)

    def _priced(self, resource: Resource, name: str) -> Machine:
        machine = self.prices.machine(name)
        if machine is None:
            raise resource.unjudged(f"uses {name}, which has no row in prices.toml")
        return machine


def months_of(release: Mapping[str, Any]) -> dict[str, float]:
    """What a release costs a month, by season, for its baseline (baseline.py says what a release is)."""
    resources = [Resource(each["urn"], each["type"], "", _open(each["inputs"])) for each in release["resources"]]
    try:
        return {season: month.total for season, month in Bill(Graph(resources, read_config({}))).months.items()}
    except Unjudged:
        return {}


def _open(value: Any) -> Any:
    """`value` with what the release does not say as unknown."""
    if isinstance(value, Mapping):
        hidden = value.keys() & {"$unknown", "$secret"}
        return UNKNOWN if hidden else {key: _open(item) for key, item in value.items()}
    return [_open(item) for item in value] if isinstance(value, list) else value


def _standing(workload: Workload, season: str) -> list[tuple[float, float]]:
    """Pods of a workload, and the share of the hours that they are there for."""
    scaler = workload.scaler
    if scaler is None:
        return [(workload.floor, 1.0)]
    return scaler.standing() if season == "normal" else [(scaler.at_most_by_calendar, 1.0)]


def _balanced(service: Resource) -> bool:
    return service.text("spec.type", "ClusterIP") == "LoadBalancer"
