"""Label selectors over labels that may be partly unknown. What is unknown could fit, so it is taken to."""

from collections.abc import Mapping
from typing import Any

from rehearsal.check.cursor import Cursor
from rehearsal.engine.model import UNKNOWN


def could_select(selector: Any, labels: Any) -> bool:
    """A `metav1.LabelSelector`: none selects nothing, an empty one everything.

    UNKNOWN fits: as a wanted value, as the value of a label, or in place of all labels or of the selector. What is no
    selector at all is the schema's finding, and fits as well.
    """
    if selector is None:
        return False
    if labels is UNKNOWN or not isinstance(selector, dict):
        return True
    wanted, expressions = selector.get("matchLabels"), selector.get("matchExpressions")
    return all(
        _fits(labels, key, [value]) for key, value in (wanted.items() if isinstance(wanted, dict) else ())
    ) and all(_could_hold(expression, labels) for expression in (expressions if isinstance(expressions, list) else ()))


def _could_hold(expression: Any, labels: Mapping[str, Any]) -> bool:
    if not isinstance(expression, dict):
        return True
    key, values = expression.get("key"), expression.get("values") or []
    if not isinstance(key, str) or not isinstance(values, list):
        return True
    match expression.get("operator"):
        case "In":
            return _fits(labels, key, values)
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return True


def _fits(labels: Mapping[str, Any], key: str, values: list[Any]) -> bool:
    return key in labels and (labels[key] is UNKNOWN or UNKNOWN in values or labels[key] in values)


def described(selector: Any) -> str:
    """A selector in words, as kubectl's `-l` takes it."""
    if not isinstance(selector, dict):
        return str(selector)
    place = Cursor(selector)
    words = [f"{key}={value.scalar}" for key, value in place["matchLabels"].fields()]
    for expression in place["matchExpressions"]:
        values = ",".join(str(value.scalar) for value in expression["values"])
        words.append(f"{expression['key'].scalar} {expression['operator'].scalar}{f' ({values})' if values else ''}")
    return ", ".join(words) or "{}"
