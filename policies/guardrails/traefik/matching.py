"""Traefik's routing rules (`Host(`a`) && !PathPrefix(`/b`)`), and whether a request is taken by one.

Answers are True, False or None: what a rule asks of headers, queries or addresses no request here knows.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from guardrails.reading import Node

Answer = bool | None


@dataclass(frozen=True)
class Request:
    """What is asked of the edge. `host` is None for any host, `path` None for any path."""

    host: str | None
    path: str | None
    method: str = "GET"

    def __str__(self) -> str:
        return f"{self.method} {self.host or '*'}{self.path or ''}"


@dataclass(frozen=True)
class _Matcher:
    """One matcher, as Host(`a`)."""

    name: str
    values: tuple[str, ...]

    def takes(self, request: Request) -> Answer:
        value = self.values[0]
        match self.name:
            case "method":
                return value.upper() == request.method
            case "host":
                return None if request.host is None else _host_matches(value.lower(), request.host)
            case "hostregexp":
                return None if request.host is None else bool(re.search(value, request.host))
            case "path":
                return None if request.path is None else request.path == value
            case "pathprefix":
                return None if request.path is None else request.path.startswith(value)
            case "pathregexp":
                return None if request.path is None else bool(re.search(value, request.path))
            case _:
                return None


@dataclass(frozen=True)
class Rule:
    """A rule as a tree: a matcher, or `and`, `or`, `not` over others."""

    operator: str
    parts: tuple["Rule", ...] = ()
    matcher: _Matcher | None = None

    def takes(self, request: Request) -> Answer:
        """Whether the rule takes the request; None where that depends on what the request does not tell."""
        if self.matcher:
            return self.matcher.takes(request)
        answers = [part.takes(request) for part in self.parts]
        if self.operator == "not":
            return None if answers[0] is None else not answers[0]
        decisive = self.operator == "or"
        if decisive in answers:
            return decisive
        return None if None in answers else not decisive

    def matchers(self, *names: str) -> Iterator[_Matcher]:
        """The matchers of these names, negated ones as well."""
        if self.matcher and self.matcher.name in names:
            yield self.matcher
        for part in self.parts:
            yield from part.matchers(*names)

    @property
    def hosts(self) -> set[str]:
        """Hosts that it names; a request for any host stands for those of patterns."""
        return {matcher.values[0].lower() for matcher in self.matchers("host")}

    @property
    def is_for_hosts(self) -> bool:
        """Whether it takes nothing beside the hosts it names."""
        names = set()
        for matcher in self.matchers("host", "hostregexp"):
            names.add(matcher.name)
        stranger = Request("stranger.invalid", None)
        return names == {"host"} and self.takes(stranger) is False


_TOKEN: Final = re.compile(r"\s*(?:(&&|\|\||!|\(|\)|,)|([A-Za-z]+)|(`[^`]*`|\"(?:[^\"\\]|\\.)*\"))")
_KNOWN: Final = {
    **dict.fromkeys(("clientip", "method", "host", "hostregexp", "path", "pathregexp", "pathprefix"), (1, 1)),
    **dict.fromkeys(("header", "headerregexp"), (2, 2)),
    **dict.fromkeys(("query", "queryregexp"), (1, 2)),
}
"""Matchers of Traefik 3, and how many values each takes."""


def read_rule(node: Node) -> Rule:
    """The rule at `node`. Unjudged if it is none."""
    text = node.text()
    try:
        return _Parser(text).rule()
    except (ValueError, re.error) as error:
        raise node.unjudged(f"is no rule of Traefik: {error}") from None


class _Parser:
    """Recursive descent; && binds closer than ||, as in Go, whose syntax this is."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        at = 0
        text = text.rstrip()
        while at < len(text):
            found = _TOKEN.match(text, at)
            if not found:
                raise ValueError(f"unreadable from character {at}")
            self._tokens.append(found.group().strip())
            at = found.end()

    def rule(self) -> Rule:
        rule = self._binary("||", "or", lambda: self._binary("&&", "and", self._unary))
        if self._tokens:
            raise ValueError("something behind its end")
        return rule

    def _binary(self, sign: str, operator: str, part: Callable[[], Rule]) -> Rule:
        parts = [part()]
        while self._tokens[:1] == [sign]:
            self._next()
            parts.append(part())
        return parts[0] if len(parts) == 1 else Rule(operator, tuple(parts))

    def _unary(self) -> Rule:
        word = self._next()
        if word == "!":
            return Rule("not", (self._unary(),))
        if word == "(":
            inner = self._binary("||", "or", lambda: self._binary("&&", "and", self._unary))
            self._expect(")")
            return inner
        name = word.lower()
        if name not in _KNOWN:
            raise ValueError("a matcher that Traefik does not know")
        self._expect("(")
        values = [self._value()]
        while self._tokens[:1] == [","]:
            self._next()
            values.append(self._value())
        self._expect(")")
        least, most = _KNOWN[name]
        if not least <= len(values) <= most:
            raise ValueError(f"{name} with {len(values)} values")
        if name.endswith("regexp"):
            re.compile(values[-1])
        return Rule("matcher", matcher=_Matcher(name, tuple(values)))

    def _value(self) -> str:
        word = self._next()
        if word[:1] not in ("`", '"'):
            raise ValueError("a value without quotes")
        inner = word[1:-1]
        if not inner:
            raise ValueError("an empty value")
        return inner if word[0] == "`" else inner.replace('\\"', '"').replace("\\\\", "\\")

    def _next(self) -> str:
        if not self._tokens:
            raise ValueError("it ends too early")
        return self._tokens.pop(0)

    def _expect(self, sign: str) -> None:
        if self._next() != sign:
            raise ValueError(f"{sign} is missing")


def _host_matches(expression: str, host: str) -> bool:
    """`*` is any host, `*.example` any of one more name."""
    if expression == "*":
        return True
    host, expression = host.lower().rstrip("."), expression.rstrip(".")
    if expression.startswith("*."):
        first, _, rest = host.partition(".")
        return bool(first) and rest == expression[2:]
    return host == expression
