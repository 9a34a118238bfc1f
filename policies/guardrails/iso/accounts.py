"""Kubernetes identities: each tier its own, and a token only for those that ask the Kubernetes API; and what else
Kubernetes puts into pods unasked."""

from collections.abc import Iterable, Iterator

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.kubernetes.workloads import Workload
from guardrails.parties import account_of
from guardrails.reading import Node
from guardrails.resource import Resource, family
from guardrails.rule import Protects, Severity, Violation, stack_rule


@stack_rule(
    "iso-06",
    of=(
        kinds.DEPLOYMENT,
        kinds.STATEFUL_SET,
        kinds.REPLICA_SET,
        kinds.DAEMON_SET,
        kinds.JOB,
        kinds.CRON_JOB,
        kinds.POD,
        kinds.SERVICE_ACCOUNT,
    ),
    severity=Severity.MEDIUM,
    says="Every tier has a ServiceAccount of its own, never the namespace's default, holds a token only where rights "
    "are bound to it, and Odoo is handed nothing that it did not ask for.",
    why="A token in a pod is a key to the Kubernetes API for whoever takes the pod over; an account that tiers share "
    "gives each the rights, and the AWS role, of all. The addresses of Services come as environment variables: one "
    "called `db` is the database of an Odoo that names none.",
    fix="serviceAccountName of the tier's own, automountServiceAccountToken: false on pod and ServiceAccount; true "
    "only on pods whose account has a RoleBinding, or a projected volume for the containers that ask; "
    "enableServiceLinks: false on Odoo's pods",
    scenario="A storefront plugin is exploited: there is no token in the pod, and nothing to list pods "
    "or Secrets with.",
    implies=("iso-03", "iso-04", "iso-05", "bk-07", "bk-08", "bk-09", "sec-02"),
    protects=Protects.ISOLATION,
)
def own_account(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.namespace not in graph.rooms:
        return
    if resource.family == family(kinds.SERVICE_ACCOUNT):
        if resource.flag("automountServiceAccountToken", True) and not _is_of_operator(resource, graph):
            yield Violation(resource, "every pod that names it gets a token, asked for or not")
        return
    workload = graph.workload(resource)
    account = account_of(workload, graph)
    if account is None:
        raise workload.spec.at("serviceAccountName").unjudged("is not known, nor made from one ServiceAccount")
    if account in ("", "default"):
        yield Violation(resource, "runs as the namespace's default ServiceAccount, which is everybody's")
    elif graph.named(kinds.SERVICE_ACCOUNT, resource.namespace, account) is None:
        yield Violation(resource, f"runs as {account}, which the stack doesn't make")
    for other in graph.workloads:
        if other.resource is not resource and _shares(workload, account, other, graph):
            yield Violation(resource, f"shares ServiceAccount {account} with {other.resource.where}, of another tier")
    automounted, projected = workload.spec.flag("automountServiceAccountToken", True), [*_projected(workload)]
    if (automounted or projected) and not _is_bound(resource.namespace, account, graph):
        yield Violation(resource, f"holds a token, though nothing is bound to {account}")
    elif automounted and any(not source.text("serviceAccountToken.audience", "") for source in projected):
        # A projected one goes to the containers that mount it; without an audience it is for the Kubernetes API.
        yield Violation(resource, "holds a token in every container, beside the one for those that ask")
    # Kubernetes' default; the entrypoint of Odoo's image falls back to DB_PORT_5432_TCP_ADDR (odoo/docker).
    if workload.spec.flag("enableServiceLinks", True) and graph.odoo_of(resource):
        yield Violation(resource, "is handed the addresses of all Services of its namespace: enableServiceLinks is on")


def _shares(workload: Workload, account: str, other: Workload, graph: Graph) -> bool:
    if other.is_database or other.is_pooler or other.resource.namespace != workload.namespace:
        return False
    return account_of(other, graph) == account and (other.tier, other.labels.get(_NAME)) != (
        workload.tier,
        workload.labels.get(_NAME),
    )


_NAME = "app.kubernetes.io/name"


def _projected(workload: Workload) -> Iterator[Node]:
    for volume in workload.spec.items("volumes"):
        for source in volume.items("projected.sources"):
            if source.has("serviceAccountToken"):
                yield source


def _is_bound(namespace: str, account: str, graph: Graph) -> bool:
    for binding in graph.all(kinds.ROLE_BINDING, kinds.CLUSTER_ROLE_BINDING):
        for subject in binding.items("subjects"):
            if subject.text("kind", "") != "ServiceAccount" or subject.text("namespace", "") != namespace:
                continue
            if not subject.known("name"):
                made_from = graph.sources(binding, "subjects", kinds.SERVICE_ACCOUNT)
                if any((each.namespace, each.object_name) == (namespace, account) for each in made_from):
                    return True
            elif subject.text("name") == account:
                return True
    return False


def _is_of_operator(account: Resource, graph: Graph) -> bool:
    """Whether CloudNativePG's instances run as it, whose manager asks the API: those that a drill restores."""
    used = {account_of(each, graph) for each in graph.workloads if each.namespace == account.namespace}
    drills = any(each.tier == "restore-drill" for each in graph.workloads if each.namespace == account.namespace)
    return drills and account.object_name not in used
