"""Which labels a selector takes, as the API server would say."""

from collections.abc import Mapping

from guardrails.reading import Node


def matches(selector: Node, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector takes `labels`: an empty one takes all, an absent one none."""
    if not selector.has():
        return False
    wanted = selector.texts("matchLabels").items() <= labels.items()
    return wanted and all(_holds(expression, labels) for expression in selector.items("matchExpressions"))


def _holds(expression: Node, labels: Mapping[str, str]) -> bool:
    key, operator, values = expression.text("key"), expression.text("operator"), expression.words("values")
    match operator:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            raise expression.at("operator").unjudged("must be In, NotIn, Exists or DoesNotExist")


def tolerates(tolerations: list[Node], key: str, value: str, effect: str) -> bool:
    """Whether one of `tolerations` takes a taint (effects as Kubernetes writes them: NoSchedule)."""
    for toleration in tolerations:
        if toleration.text("effect", effect) != effect or toleration.text("key", key) != key:
            continue
        if toleration.text("operator", "Equal") == "Exists" or toleration.text("value", "") == value:
            return True
    return False


def pinned(selector: Node, key: str) -> frozenset[str] | None:
    """The values that a label must have one of to be selected; None where it may have any, or be missing."""
    values = [frozenset({value}) for name, value in selector.texts("matchLabels").items() if name == key]
    for expression in selector.items("matchExpressions"):
        if expression.text("key") == key and expression.text("operator") == "In":
            values.append(frozenset(expression.words("values")))
    return frozenset.intersection(*values) if values else None


def demanded(selector: Node, key: str) -> bool:
    """Whether only what carries the label, with whatever value, is selected."""
    exists = any(
        each.text("key") == key and each.text("operator") == "Exists" for each in selector.items("matchExpressions")
    )
    return exists or pinned(selector, key) is not None
