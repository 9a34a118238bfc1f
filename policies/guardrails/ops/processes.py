"""Odoo's processes in their pods: whether they are seen to be well, and whether they fit."""

from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.kubernetes.quantities import MIB, quantity
from guardrails.kubernetes.workloads import CLASS, Workload
from guardrails.odoo import OdooPod
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.sums import Sum

WORKER_MIB = limit("worker-mib", 600, "Resident memory of an Odoo worker, MiB (measured; it keeps what it once had).")
GEVENT_MIB = limit("gevent-mib", 400, "Resident memory of the gevent process, MiB.")
PARENT_MIB = limit("parent-mib", 300, "Resident memory of the prefork parent, MiB.")
VIRTUAL_FACTOR = limit("virtual-factor", 1.5, "Virtual memory that a process needs to its resident memory, at least.")

HARD_DEFAULT: Final = 2560 * MIB
SOFT_DEFAULT: Final = 2048 * MIB
"""Odoo's own limit_memory_hard and limit_memory_soft, bytes of virtual memory."""


@stack_rule(
    "ops-03",
    of=(kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.CRON_JOB, kinds.JOB),
    severity=Severity.HIGH,
    says="What serves is probed, and by what a busy pod can still answer; Odoo's processes fit into their container, "
    "and their virtual memory into Odoo's own limit.",
    why="A container that is too small is killed with every request in it. limit_memory_hard counts virtual memory: "
    "set to what a worker is seen to use, every worker dies at its start. And a liveness probe over HTTP waits for a "
    "free worker: it restarts the busiest pod in the peak.",
    fix="memory limit of workers x 600 + 400 (gevent) + 300 (parent) MiB; limit_memory_hard of 1.5 x 600 MiB or more, "
    "in bytes; readiness over HTTP, liveness over TCP or exec",
    scenario="The longest queue of the year makes pods slow, and none is restarted for it.",
    implies=("peak-03", "az-05", "ing-07"),
)
def well_and_fitting(resource: Resource, graph: Graph) -> Iterable[Violation]:
    workload = graph.workload(resource)
    pods = graph.odoo_of(resource)
    for pod in pods:
        yield from _fits(pod, graph)
        if pod.serves and workload.stays:
            yield from _odoo_probes(pod)
    if not pods and workload.stays and workload.labels.get(CLASS) in ("critical", "important"):
        yield from _probes(workload)


def _fits(pod: OdooPod, graph: Graph) -> Iterator[Violation]:
    where, config, container = pod.workload.resource, graph.config, pod.container
    worker, total = config.number(WORKER_MIB), Sum()
    workers = pod.http_processes + pod.cron_threads
    total.add("processes", (workers, "workers"), (worker, "MiB"))
    if pod.gevent_processes:
        total.add("websocket", (pod.gevent_processes, "gevent"), (config.number(GEVENT_MIB), "MiB"))
    if pod.serves and not pod.is_gevent:
        total.add("prefork", (1, "parent"), (config.number(PARENT_MIB), "MiB"))
    if not container.has("resources.limits.memory"):
        yield Violation(where, f"{container.text('name')} has no memory limit: it takes the node's other pods along")
        return
    most = quantity(container.at("resources.limits.memory")) / MIB
    if most < total.total:
        yield Violation(where, f"{container.text('name')} may have {most:g} MiB; its processes need {total}")
    if not pod.serves:
        return
    least = worker * config.number(VIRTUAL_FACTOR)
    hard, soft = (
        pod.count(f"limit_memory_{kind}", of) / MIB for kind, of in (("hard", HARD_DEFAULT), ("soft", SOFT_DEFAULT))
    )
    if hard < least:
        told = "is 0: nothing ends a worker that leaks but the container's limit" if hard == 0 else f"is {hard:.4g} MiB"
        yield Violation(where, f"limit_memory_hard (virtual memory) {told}; {worker:g} MiB of RSS need {least:g} MiB")
    elif not 0 < soft <= hard:
        yield Violation(
            where, f"limit_memory_soft is {soft:.4g} MiB: workers are not renewed before {hard:.4g} MiB end them"
        )


def _odoo_probes(pod: OdooPod) -> Iterator[Violation]:
    where, container = pod.workload.resource, pod.container
    answers = pod.is_gevent or (pod.workers >= 0 and "--no-http" not in pod.argv)
    if not container.entries("livenessProbe"):
        yield Violation(where, "has no livenessProbe: what hangs goes on hanging")
    elif container.has("livenessProbe.httpGet"):
        yield Violation(where, "its livenessProbe asks over HTTP, and waits for a free worker: a busy pod is restarted")
    if not answers:
        return
    if not container.has("readinessProbe.httpGet"):
        yield Violation(where, "no readinessProbe over HTTP: it is sent requests before it has loaded its modules")
    if not container.entries("startupProbe") and container.number("livenessProbe.initialDelaySeconds", 0) < 60:
        yield Violation(where, "no startupProbe: it may be ended while it still starts")
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        yield from _reaches(pod, container.at(probe), probe)


def _reaches(pod: OdooPod, probe: Node, name: str) -> Iterator[Violation]:
    """Whether a probe asks a port that the container has."""
    for how in ("httpGet", "tcpSocket"):
        if not probe.has(how):
            continue
        port = probe.text(f"{how}.port")
        ports = {each.text(key, "") for each in pod.container.items("ports") for key in ("name", "containerPort")}
        if port not in ports:
            yield Violation(pod.workload.resource, f"its {name} asks port {port}, which the container doesn't have")


def _probes(workload: Workload) -> Iterator[Violation]:
    """Of what is not Odoo: some container says that it is ready, and that it is alive."""
    if workload.is_pooler or workload.is_database:
        return
    for probe in ("readinessProbe", "livenessProbe"):
        if not any(each.entries(probe) for each in workload.containers):
            yield Violation(workload.resource, f"has no {probe}")
