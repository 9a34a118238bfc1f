"""Odoo's tiers kept apart: one never takes another's processes, and nobody else's sessions are within reach."""

from collections.abc import Iterable

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.odoo import OdooPod
from guardrails.parties import Role
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, stack_rule

SERVING = (kinds.DEPLOYMENT, kinds.STATEFUL_SET, kinds.REPLICA_SET, kinds.DAEMON_SET, kinds.POD)


@stack_rule(
    "iso-07",
    of=(*SERVING, kinds.RETAILER),
    severity=Severity.HIGH,
    says="Pages, websockets, scheduled actions and the queue's runner are separate Deployments; what a customer waits "
    "for runs nothing else.",
    why="A night's import in the process that serves the checkout makes customers wait; a scheduled action in every "
    "web pod competes for locks as often as there are pods, and multiplies with the peak.",
    fix="--max-cron-threads=0 and ODOO_QUEUE_JOB_CHANNELS=root:0 in web tiers, `odoo gevent` for websockets, --no-http "
    "for scheduled actions and the queue's runner, each a Deployment of its own",
    scenario="The stock valuation runs at noon on Saturday; the tills don't notice.",
    implies=("db-01", "db-02", "db-03", "iso-03", "ing-02", "peak-04", "peak-10", "ops-03", "az-02"),
)
def tiers_apart(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.type == kinds.RETAILER:
        yield from _all_there(resource, graph)
        return
    for pod in graph.odoo_of(resource):
        if not pod.serves:
            continue
        does = _does(pod)
        if len(does) > 1:
            yield Violation(resource, f"one process set is {' and '.join(does)}")
        if not does:
            yield Violation(resource, "serves nothing, runs no scheduled action and no queue")
        if pod.environment("ODOO_QUEUE_JOB_CHANNELS") is None and not pod.is_gevent:
            yield Violation(resource, "doesn't say ODOO_QUEUE_JOB_CHANNELS: each such pod would run a queue of its own")
    if len(graph.odoo_of(resource)) > 1:
        yield Violation(resource, "several of its containers run Odoo")


def _does(pod: OdooPod) -> list[str]:
    """What customers or staff wait for in it."""
    if pod.is_gevent:
        return ["websockets"]
    found = ["pages"] if "--no-http" not in pod.argv and not _is_off(pod) else []
    found += [f"{pod.cron_threads} threads of scheduled actions"] if pod.cron_threads else []
    return [*found, "the queue's runner"] if pod.runs_queue else found


def _is_off(pod: OdooPod) -> bool:
    return (pod.text("http_enable", "True") or "").lower() in ("false", "0", "no")


def _all_there(contract: Resource, graph: Graph) -> Iterable[Violation]:
    if not graph.contract.serves_retailer:
        return
    served = [pod for pod in graph.odoo if pod.serves and pod.workload.stays]
    for what, found in (
        ("websockets", any(pod.is_gevent for pod in served)),
        ("scheduled actions", any(pod.cron_threads for pod in served)),
        ("the queue's runner", any(pod.runs_queue for pod in served)),
    ):
        if not found:
            yield Violation(contract, f"no Deployment is there for {what}")


@stack_rule(
    "iso-08",
    of=(*SERVING, kinds.EXTERNAL_SECRET),
    severity=Severity.HIGH,
    says="Every retailer keeps its sessions in a Redis of its own, behind a password, under its own prefix.",
    why="Whoever reads sessions is whoever they belong to. Patterns of keys don't bind SCAN, so a Redis that two "
    "retailers share gives each the sessions of the other.",
    fix="ODOO_SESSION_REDIS_URL from the Secret `redis` of the namespace, whose host is the stack's own Valkey or "
    "ElastiCache group; ODOO_SESSION_REDIS_PREFIX of the retailer's own",
    scenario="An outlet brand joins the group; its administrators can't become the flagship's by reading Redis.",
    implies=("iso-03", "iso-04", "iso-07", "sec-01", "sec-02", "az-04"),
    protects=Protects.ISOLATION,
)
def own_sessions(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.kind == "ExternalSecret":
        yield from _made(resource, graph)
        return
    own = {each for each in graph.rooms if each}
    for pod in graph.odoo_of(resource):
        if not pod.serves:
            continue
        url, prefix = pod.environment("ODOO_SESSION_REDIS_URL"), pod.environment("ODOO_SESSION_REDIS_PREFIX")
        switch = pod.environment("ODOO_SESSION_REDIS")
        if url is None or switch is None or switch.text("value", "").lower() in ("", "0", "false", "no"):
            yield Violation(resource, "keeps sessions in its own pod, where no other pod finds them")
            continue
        secret = url.text("valueFrom.secretKeyRef.name", "")
        maker = _maker(resource.namespace, secret, graph)
        if maker is None:
            yield Violation(
                resource, f"its sessions' address is from {secret or 'no Secret'}, which no ExternalSecret here makes"
            )
        elif url.text("valueFrom.secretKeyRef.key", "") not in maker.entries("spec.target.template.data"):
            yield Violation(resource, f"Secret {secret} has no key {url.text('valueFrom.secretKeyRef.key', '')}")
        if prefix is None or prefix.text("value") not in own:
            yield Violation(
                resource,
                f"its sessions' prefix is {prefix.text('value') if prefix else 'not set'}, which others may have",
            )


def _maker(namespace: str, secret: str, graph: Graph) -> Resource | None:
    listed = graph.within(namespace, kinds.EXTERNAL_SECRET)
    return next((each for each in listed if each.text("spec.target.name", each.object_name) == secret), None)


def _made(external: Resource, graph: Graph) -> Iterable[Violation]:
    """Where a Secret with an address of Redis leads: to a Redis of this stack, with a password."""
    for node in external.entries("spec.target.template.data").values():
        if not node.known():
            # In a preview the host of an ElastiCache group is not known; what it was made from is.
            if _is_sessions(external, graph) and not _made_from_own(external, graph):
                yield Violation(external, f"{node.path} is not known, and not made from a Redis of this stack")
            continue
        text = node.text()
        if not text.startswith(("redis://", "rediss://")):
            continue
        user, at, rest = text.partition("//")[2].rpartition("@")
        if not at or not user.partition(":")[2]:
            yield Violation(external, "its address of Redis has no password")
        host = rest.partition(":")[0].partition("/")[0]
        if not _is_own(host, external.namespace, graph):
            yield Violation(external, f"its sessions are in {host}, which is no Redis of this stack")


def _is_sessions(external: Resource, graph: Graph) -> bool:
    name = external.text("spec.target.name", external.object_name)
    urls = [pod.environment("ODOO_SESSION_REDIS_URL") for pod in graph.odoo]
    return any(url is not None and url.text("valueFrom.secretKeyRef.name", "") == name for url in urls)


def _made_from_own(external: Resource, graph: Graph) -> bool:
    """Whether what is not known yet comes from a Redis of this stack: a group of ElastiCache, or a pod's Service."""
    made_from = graph.sources(external, "spec", kinds.ELASTICACHE_GROUP, kinds.SERVICE)
    return bool(made_from) and all(
        each.kind == "ReplicationGroup" or _is_own(each.object_name, each.namespace, graph) for each in made_from
    )


def _is_own(host: str, namespace: str, graph: Graph) -> bool:
    groups = {each.text("replicationGroupId") for each in graph.all(kinds.ELASTICACHE_GROUP)}
    if host.endswith(".cache.amazonaws.com"):
        return bool(groups & {*host.split(".")})
    return any(
        party.role is Role.REDIS and party.namespace == namespace and party.answers_to(host.removesuffix(".svc"))
        for party in graph.parties
    )
