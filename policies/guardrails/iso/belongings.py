"""What a stack reads and writes outside Kubernetes is its own: secrets, archives, databases."""

from collections.abc import Iterator

from guardrails import kinds
from guardrails.archives import place_of
from guardrails.graph import Graph
from guardrails.iso.aws_names import names_of
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Violation


def secret_copy(external: Resource, graph: Graph) -> Iterator[Violation]:
    """A copy is of a secret that the stack has put there, through a store beside it."""
    store = external.at("spec.secretStoreRef")
    if (
        store.text("kind", "SecretStore") != "SecretStore"
        or graph.named(kinds.SECRET_STORE, external.namespace, store.text("name")) is None
    ):
        yield Violation(
            external, f"reads through {store.text('kind', 'SecretStore')} {store.text('name')}, not its own"
        )
    for entry in external.items("spec.dataFrom"):
        if entry.has("find") or entry.has("sourceRef"):
            yield Violation(external, "copies whatever fits a pattern")
        if entry.has("extract"):
            yield from _is_own(external, entry.at("extract.key"), graph)
    for entry in external.items("spec.data"):
        if entry.has("sourceRef"):
            yield Violation(external, "reads one of its keys through another store")
        yield from _is_own(external, entry.at("remoteRef.key"), graph)


def _is_own(external: Resource, key: Node, graph: Graph) -> Iterator[Violation]:
    if not key.known():
        return  # the name of a secret that is made with it
    made = {each.text("name") for each in graph.all(kinds.SECRETS_MANAGER_SECRET) if each.known("name")}
    if key.text() not in made:
        yield Violation(external, f"copies {key.text()}, which is no secret of this stack")


def secret_store(store: Resource, graph: Graph) -> Iterator[Violation]:
    """A store reads as a role of the stack's own, never as the operator, which may read for everybody."""
    provider = store.at("spec.provider.aws")
    if not provider.has():
        yield Violation(store, "reads from something else than the account's Secrets Manager")
        return
    if provider.has("auth"):
        yield Violation(store, "reads as whoever its own credentials are for, not as the stack's role")
    role = provider.text("role", "")
    names = {each.text("name") for each in graph.all(kinds.IAM_ROLE) if each.known("name") and each.has("name")}
    account = graph.contract.given.text("account")
    if f"::{account}:role/" not in role or role.rpartition("/")[2] not in names:
        yield Violation(store, f"reads as {role or 'the operator itself'}, which is no role of this stack")


def beyond(resource: Resource, _: Graph) -> Iterator[Violation]:
    yield Violation(resource, "reaches beyond its namespace")


CLUSTER_WIDE = (
    "processClusterStore",
    "processClusterExternalSecret",
    "processClusterPushSecret",
    "processClusterGenerator",
)
"""Values of External Secrets' chart; each is on unless turned off (its guide, "Disable cluster features")."""


def operator(release: Resource, _: Graph) -> Iterator[Violation]:
    """External Secrets serves stores of one namespace alone: whoever may make one for all could hand secrets across."""
    if release.text("chart").rpartition("/")[2] != "external-secrets":
        return
    for value in CLUSTER_WIDE:
        if release.at("values").flag(value, True):
            yield Violation(release, f"values.{value} is not false: secrets may cross namespaces")


def archive(store: Resource, graph: Graph) -> Iterator[Violation]:
    """An archive is in a bucket of the stack's own name; the other end of a database has its bucket elsewhere."""
    bucket, _ = place_of(store)
    if not bucket.startswith(f"{names_of(graph)}-"):
        yield Violation(store, f"archives to {bucket}, not to a bucket of {names_of(graph)}")
    if not store.flag("spec.configuration.s3Credentials.inheritFromIAMRole", False):
        yield Violation(store, "archives with keys of somebody, not with the role of its pods")


def database(resource: Resource, graph: Graph) -> Iterator[Violation]:
    """A database or role at the platform's is called after the retailer and environment."""
    name, own = resource.text("spec.name"), names_of(graph).replace("-", "_")
    if name != own:
        yield Violation(resource, f"is {name}, not {own}: that name may be another retailer's")
