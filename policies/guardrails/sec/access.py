"""Who may come in: every right has an owner, and a day by which it is looked at again."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Final

from guardrails import kinds
from guardrails.config import limit
from guardrails.graph import Graph
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

REVIEW_DAYS = limit("review-days", 366, "Days ahead that a review of a right may lie, at most.")

OWNER, DUE = "retail/owner", "retail/review-due"
"""Annotations of bindings; access entries have tags of the same without the prefix."""

EVERYBODY: Final = ("system:authenticated", "system:unauthenticated", "system:anonymous", "system:serviceaccounts")
ROOT: Final = "system:masters"


@stack_rule(
    "sec-08",
    of=(kinds.EKS_ACCESS_ENTRY, kinds.ROLE_BINDING, kinds.CLUSTER_ROLE_BINDING, kinds.EKS_CLUSTER),
    severity=Severity.HIGH,
    says="Every access entry and role binding names an owner and a day of review that has not passed, and none is for "
    "everybody.",
    why="Rights outlive the reason for them: whoever helped in last year's peak may still change the shop in this one. "
    "Access entries alone can be listed and reviewed; a creator's hidden rights and the old ConfigMap can't.",
    fix="retail/owner and retail/review-due (tags owner and review-due on access entries), `access-review-due` in the "
    "stack's configuration, once the rights were looked at; authenticationMode API",
    scenario="In October the platform team goes through the list before the season, and takes three names off.",
    implies=("iso-04",),
)
def reviewed(resource: Resource, graph: Graph) -> Iterable[Violation]:
    if resource.kind == "Cluster":
        yield from _hidden(resource)
        return
    if resource.kind == "AccessEntry":
        if resource.text("type", "STANDARD") not in ("STANDARD",):
            return  # Nodes: EKS gives them their rights itself.
        tags = resource.texts("tags")
        yield from _due(resource, {OWNER: tags.get("owner", ""), DUE: tags.get("review-due", "")}, graph)
        groups = resource.words("kubernetesGroups")
        if ROOT in groups:
            yield Violation(resource, f"is in {ROOT}, which no policy limits")
        yield from _nobody_in_particular(resource, groups)
        if resource.text("principalArn").endswith((":root", "/*", ":*")):
            yield Violation(resource, "is for a whole account")
        return
    yield from _due(resource, resource.annotations, graph)
    # A ServiceAccount's name may be known only to a deployment; it is one account in any case.
    people = [each for each in resource.items("subjects") if each.text("kind") != "ServiceAccount"]
    names = [each.text("name") for each in people]
    if ROOT in names:
        yield Violation(resource, f"is for {ROOT}")
    yield from _nobody_in_particular(resource, names)


def _nobody_in_particular(resource: Resource, names: Iterable[str]) -> Iterator[Violation]:
    for name in names:
        if name in EVERYBODY or name.startswith("system:serviceaccounts:"):
            yield Violation(resource, f"is for {name}: for everybody there")


def _due(resource: Resource, said: Mapping[str, str], graph: Graph) -> Iterator[Violation]:
    if not said.get(OWNER, "").strip():
        yield Violation(resource, "names no owner")
    text = said.get(DUE, "").strip()
    if not text:
        yield Violation(resource, "names no day of review")
        return
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise Node(resource, DUE, text).unjudged("must be a day, as 2027-03-31") from None
    today = graph.config.now.date()
    if day < today:
        yield Violation(resource, f"was to be reviewed by {day}")
    if day > today + timedelta(days=graph.config.number(REVIEW_DAYS)):
        yield Violation(resource, f"is reviewed by {day} only, {(day - today).days} days from now")


def _hidden(cluster: Resource) -> Iterator[Violation]:
    mode = cluster.text("accessConfig.authenticationMode", "CONFIG_MAP")
    if mode != "API":
        yield Violation(cluster, f"authenticationMode is {mode}: rights in the aws-auth ConfigMap are on no list")
    if cluster.flag("accessConfig.bootstrapClusterCreatorAdminPermissions", True):
        yield Violation(cluster, "whoever creates it is its administrator for ever, on no list")
