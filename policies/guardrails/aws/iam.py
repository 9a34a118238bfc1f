"""IAM policy documents, read as AWS evaluates them."""

import fnmatch
from dataclasses import dataclass

from guardrails.reading import Node


@dataclass(frozen=True)
class Statement:
    """One statement. `principals` are ARNs, services and `*`; `conditions` the block as it stands."""

    effect: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    principals: tuple[str, ...]
    conditions: Node

    @property
    def allows(self) -> bool:
        return self.effect == "Allow"

    def takes(self, action: str) -> bool:
        """Whether it is about `action` (`s3:GetObject`), wildcards and NotAction included; case does not matter."""
        if self.not_actions:
            return not _any(self.not_actions, action)
        return _any(self.actions, action)


def statements(document: Node) -> list[Statement]:
    """The statements of a policy: JSON text, or a mapping. Unjudged where it is not known."""
    policy = document.document()
    listed = policy.at("Statement")
    found = [listed] if _is_single(listed) else listed.items()
    return [_statement(each) for each in found]


def _is_single(listed: Node) -> bool:
    return isinstance(listed.plain(), dict)


def _statement(node: Node) -> Statement:
    return Statement(
        effect=node.text("Effect"),
        actions=tuple(node.words("Action")),
        not_actions=tuple(node.words("NotAction")),
        resources=tuple(node.words("Resource")),
        not_resources=tuple(node.words("NotResource")),
        principals=tuple(_principals(node.at("Principal"))),
        conditions=node.at("Condition"),
    )


def _principals(node: Node) -> list[str]:
    value = node.plain()
    if isinstance(value, dict):
        return [word for entry in node.entries().values() for word in entry.words()]
    return node.words()


def _any(patterns: tuple[str, ...], action: str) -> bool:
    return any(fnmatch.fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)
