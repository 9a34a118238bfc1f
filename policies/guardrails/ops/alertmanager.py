"""Alertmanager's configuration as it reads it: to which receivers an alert goes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from guardrails.reading import Node

_MATCHER: Final = re.compile(r'\s*([\w.]+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*"|[^\s,"]*)\s*(?:,|$)')


@dataclass(frozen=True)
class Matcher:
    """One condition of a route on a label."""

    label: str
    operator: str
    value: str

    def takes(self, labels: Mapping[str, str]) -> bool | None:
        """Whether it takes an alert; None where only the series behind the alert tells."""
        if (given := labels.get(self.label)) is None:
            return None
        equal = re.fullmatch(self.value, given) is not None if "~" in self.operator else given == self.value
        return equal is not self.operator.startswith("!")


def receivers(route: Node, labels: Mapping[str, str], inherited: str) -> set[str]:
    """Names of the receivers that an alert with these labels may go to: of the first of the routes inside that takes it
    (and of those after it, where that says `continue`), else the route's own."""
    own = route.text("receiver", inherited)
    found: set[str] = set()
    taken = False
    for inside in route.items("routes"):
        takes = _takes(inside, labels)
        if takes is False:
            continue
        found |= receivers(inside, labels, own)
        taken |= takes is True
        if takes and not inside.flag("continue", False):
            break
    return found if taken else {*found, own}


def _takes(route: Node, labels: Mapping[str, str]) -> bool | None:
    answers = [matcher.takes(labels) for matcher in _matchers(route)]
    if False in answers:
        return False
    return None if None in answers else True


def _matchers(route: Node) -> list[Matcher]:
    """Its conditions, in the form of today and in the older ones."""
    older = {"=": route.texts("match"), "=~": route.texts("match_re")}
    listed = [Matcher(label, operator, value) for operator, all_ in older.items() for label, value in all_.items()]
    return listed + [matcher for node in route.items("matchers") for matcher in _read(node)]


def _read(node: Node) -> list[Matcher]:
    """`severity = "critical"`, or several of them: `{severity="critical", tier=~"pos|web"}`."""
    text = node.text().strip()
    text = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    found, at = [], 0
    while at < len(text):
        part = _MATCHER.match(text, at)
        if part is None:
            raise node.unjudged('must be a matcher, as severity = "critical"')
        found.append(Matcher(part[1], part[2], part[3].strip('"')))
        at = part.end()
    return found
