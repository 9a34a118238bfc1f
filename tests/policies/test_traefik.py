"""Traefik's rules read as Traefik reads them (its pkg/muxer/http and pkg/rules)."""

import pytest

from guardrails.reading import Node, Unjudged
from guardrails.resource import Resource
from guardrails.traefik.matching import Request, Rule, read_rule
from guardrails.traefik.middlewares import Middleware


def rule(text: str) -> Rule:
    return read_rule(Node(None, "match", text))


@pytest.mark.parametrize(
    ("text", "request_", "answer"),
    [
        ("Host(`a.example`)", Request("a.example", "/"), True),
        ("Host(`A.example`)", Request("a.EXAMPLE.", "/"), True),
        ("host(`a.example`)", Request("b.example", "/"), False),
        ("Host(`*.a.example`)", Request("x.a.example", "/"), True),
        ("Host(`*.a.example`)", Request("x.y.a.example", "/"), False),
        ("HostRegexp(`^shop[.].*$`)", Request("shop.example", "/"), True),
        ("PathPrefix(`/doc`)", Request("a", "/documents"), True),
        ("Path(`/doc`)", Request("a", "/doc/"), False),
        ("PathRegexp(`^/doc(/|$)`)", Request("a", "/documents"), False),
        ("Method(`post`)", Request("a", "/", "POST"), True),
        ("!Method(`POST`)", Request("a", "/", "POST"), False),
        ("Host(`a`) || Host(`b`) && Path(`/x`)", Request("a", "/y"), True),
        ("(Host(`a`) || Host(`b`)) && Path(`/x`)", Request("a", "/y"), False),
        ('Host("a") && !(Path(`/x`) || Path(`/y`))', Request("a", "/z"), True),
        ("Host(`a`) && Header(`X-Staff`, `1`)", Request("a", "/"), None),
        ("Host(`b`) && Header(`X-Staff`, `1`)", Request("a", "/"), False),
        ("Host(`a`) || ClientIP(`10.0.0.0/8`)", Request("a", "/"), True),
        ("Host(`a`) && Method(`GET`)", Request(None, None, "POST"), False),
        ("Host(`a`) && Path(`/x`)", Request(None, None, "POST"), None),
    ],
)
def test_who_takes_a_request(text: str, request_: Request, answer: bool | None) -> None:
    assert rule(text).takes(request_) is answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Host(`a`",
        "Host(a)",
        "Host()",
        "Host(``)",
        "Host(`a`, `b`)",
        "Domain(`a`)",
        "Host(`a`) &&",
        "PathRegexp(`(`)",
    ],
)
def test_no_rule_is_never_judged(text: str) -> None:
    with pytest.raises(Unjudged):
        rule(text)


@pytest.mark.parametrize(
    ("text", "own"),
    [
        ("Host(`a`) && PathPrefix(`/`)", True),
        ("(Host(`a`) || Host(`b`)) && Path(`/x`)", True),
        ("Host(`a`) || Path(`/x`)", False),
        ("PathPrefix(`/`)", False),
        ("!Host(`a`)", False),
        ("HostRegexp(`.*`)", False),
    ],
)
def test_whether_a_rule_is_for_the_hosts_it_names(text: str, own: bool) -> None:
    assert rule(text).is_for_hosts is own


def middleware(**spec: object) -> Middleware:
    return Middleware(Resource("urn", "kubernetes:traefik.io/v1alpha1:Middleware", "m", {"spec": spec}))


@pytest.mark.parametrize(
    ("limit", "per_minute"),
    [
        ({"average": 5, "period": "1m"}, 5),
        ({"average": 5}, 300),
        ({"average": 5, "period": 60}, 5),
        ({"average": 5, "period": 0}, 300),
        ({"burst": 5}, 0),
    ],
)
def test_rates(limit: dict[str, object], per_minute: float) -> None:
    assert middleware(rateLimit=limit).per_minute == per_minute


@pytest.mark.parametrize(
    ("ranges", "closed"),
    [
        (["255.255.255.255/32"], True),
        (["255.255.255.255/32", "::1/128"], True),
        (["0.0.0.0/0"], False),
        (["0.0.0.0/32"], True),
        (["10.0.0.0/8"], False),
        ([], False),
    ],
)
def test_what_lets_nobody_in(ranges: list[str], closed: bool) -> None:
    assert middleware(ipAllowList={"sourceRange": ranges}).closes is closed
    assert not middleware(ipAllowList={"sourceRange": ranges, "ipStrategy": {"depth": 1}}).closes


def test_limits_count_by_address_or_host() -> None:
    assert middleware(rateLimit={}).source == "address"
    assert middleware(inFlightReq={}).source == "host"
    assert middleware(inFlightReq={"sourceCriterion": {"ipStrategy": {"depth": 0}}}).source == "address"
    assert middleware(rateLimit={"sourceCriterion": {"requestHeaderName": "X"}}).source == "header"
