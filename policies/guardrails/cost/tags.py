"""That every cost has an owner."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.reading import Node
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule
from guardrails.windows import day

OWNERS: Final = ("retailer", "environment", "class", "expires")
VOLUMES: Final = "ebs.csi.aws.com"
NEVER: Final = "never"


@stack_rule(
    "cost-03",
    severity=Severity.MEDIUM,
    says="Everything that costs carries the tags of its retailer, environment, class and expiry.",
    why="Without them one bill of many retailers can't be split. Machines and volumes that Karpenter, node groups and "
    "the CSI driver make are not the provider's, so its default tags don't reach them.",
    fix="defaultTags of every aws provider; tagSpecifications of launch templates; tags of EC2NodeClasses; "
    "tagSpecification_N of storage classes",
    scenario="The group recharges its brands each month, to the euro.",
    implies=("iso-09",),
)
def costs_have_owners(graph: Graph) -> Iterable[Violation]:
    wanted = _wanted(graph)
    for where, tags in _tagged(graph):
        lacking = [key for key in OWNERS if not tags.get(key)]
        if lacking:
            yield Violation(where, f"lacks tags {', '.join(lacking)}")
        yield from _other_owner(where, tags, wanted)
    for resource in graph.resources.values():
        if resource.type.startswith("aws:") and resource.has("tags") and resource.known("tags"):
            yield from _other_owner(resource, resource.texts("tags"), wanted)
    expires = graph.contract.given.text("expires", "")
    if expires and day(graph.contract.given.at("expires")) < graph.config.now.date():
        yield Violation(graph.contract.given, f"the stack expired on {expires}")


def _wanted(graph: Graph) -> dict[str, str]:
    given = graph.contract.given
    return {
        "retailer": given.text("retailer"),
        "environment": given.text("environment"),
        "class": given.text("objectiveClass"),
        "expires": given.text("expires", "") or NEVER,
    }


def _other_owner(where: Resource, tags: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[Violation]:
    for key, value in wanted.items():
        if tags.get(key, value) not in (value, ""):
            yield Violation(where, f"tag {key} is {tags[key]}, the contract says {value}")


def _tagged(graph: Graph) -> Iterator[tuple[Resource, Mapping[str, str]]]:
    """What hands its tags on to what costs."""
    for provider in graph.all(kinds.AWS_PROVIDER):
        yield provider, provider.document("defaultTags").texts("tags")
    for template in graph.all(kinds.LAUNCH_TEMPLATE):
        by_type = {each.text("resourceType"): each.texts("tags") for each in template.items("tagSpecifications")}
        for made in ("instance", "volume"):
            yield template, by_type.get(made, {})
    for node_class in graph.all(kinds.NODE_CLASS):
        yield node_class, node_class.texts("spec.tags")
    for storage in graph.all(kinds.STORAGE_CLASS):
        if storage.text("provisioner", "") == VOLUMES:
            yield storage, dict(_specifications(storage.entries("parameters")))


def _specifications(parameters: Mapping[str, Node]) -> Iterator[tuple[str, str]]:
    for name, node in parameters.items():
        if name.startswith("tagSpecification_"):
            key, _, value = node.text().partition("=")
            yield key, value
