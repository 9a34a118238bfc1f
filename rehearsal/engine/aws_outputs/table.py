"""The whole output table, and how a row becomes the outputs of one resource."""

import hashlib
from collections.abc import Callable
from typing import Any, Final

from rehearsal.engine.aws_outputs import eks, network, operations, security, storage
from rehearsal.engine.aws_outputs.facts import Account, Facts
from rehearsal.engine.aws_outputs.rules import Rule, Rules
from rehearsal.engine.computed import Computed, NotCoveredError
from rehearsal.engine.model import Resource, reveal

RULES: Final[Rules] = {**network.RULES, **eks.RULES, **security.RULES, **storage.RULES, **operations.RULES}


def covered_types() -> frozenset[str]:
    """The AWS resource types that have a row."""
    return frozenset(RULES)


def aws_outputs(resource: Resource, account: Account, find: Callable[[str], Resource | None]) -> Computed:
    """What AWS would answer for `resource`. Raises NotCoveredError if its type has no row.

    `find` looks up other resources of the program by id.
    """
    rule = RULES.get(resource.type)
    if rule is None:
        raise NotCoveredError(resource.type)
    inputs = reveal(resource.inputs)
    facts = Facts(resource.urn, _name(rule, resource, inputs), inputs, account, find)
    outputs = rule.outputs(facts)
    identifier = outputs.pop("id")
    settled = set()
    if rule.named and not inputs.get(rule.named):
        outputs[rule.named] = facts.name
        settled.add(rule.named)
    if rule.regional:
        outputs["region"] = facts.region
        settled.add("region")
    if rule.tagged:
        outputs["tagsAll"] = {**account.default_tags, **facts.get("tags", default={})}
        settled.add("tagsAll")
    return Computed(str(identifier), outputs, frozenset(settled))


def _name(rule: Rule, resource: Resource, inputs: dict[str, Any]) -> str:
    """The physical name: as given, or the logical one and seven digits, as Pulumi's providers make it."""
    if rule.named is None:
        return ""
    given = inputs.get(rule.named)
    if given not in (None, ""):
        return str(given)
    digits = hashlib.sha256(resource.urn.encode()).hexdigest()[:7]
    prefix = inputs.get(f"{rule.named}Prefix")
    suffix = ".fifo" if inputs.get(rule.fifo_flag) is True else ""
    return f"{prefix}{digits}{suffix}" if prefix else f"{rule.name_prefix}{resource.name}-{digits}{suffix}"
