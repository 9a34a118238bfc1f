"""What of a retailer's hosts is open, what is blocked, and what is limited."""

import re
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.routes import Routes, RoutesArgs
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import reveal
from retail.naming import Identity
from retail.plan import Plan
from retail.tiers import Tier

HOSTS = ("shop.acme.example", "erp.acme.example", "pos.acme.example", "api.acme.example")
REPLICAS = 3


@pytest.fixture(scope="module")
def objects(run_component: Any, identity: Identity, make_test_plan: Callable[..., Plan]) -> dict[tuple[str, str], Any]:
    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        plan = make_test_plan()
        Routes("routes", RoutesArgs(identity=identity, plan=plan, edge="platform", edge_replicas=REPLICAS), opts)

    evaluation = run_component(build)
    return {(item.kind, item.name): reveal(item.manifest) for item in kubernetes_objects(evaluation)}


def answer(objects: dict[tuple[str, str], Any], method: str, host: str, path: str) -> tuple[str, list[str]] | None:
    """(Service, middlewares) that Traefik would use: the matching route of the highest priority."""
    routes = [
        route for (kind, _), item in objects.items() if kind == "IngressRoute" for route in item["spec"]["routes"]
    ]
    matching = [route for route in routes if matches(route["match"], method, host, path)]
    if not matching:
        return None
    best = max(matching, key=lambda route: route["priority"])
    return best["services"][0]["name"], [middleware["name"] for middleware in best["middlewares"]]


def matches(rule: str, method: str, host: str, path: str) -> bool:
    """Evaluates the few matchers that the routes use."""
    matchers: dict[str, Callable[[str], bool]] = {
        "Host": lambda value: host == value,
        "Method": lambda value: method == value,
        "Path": lambda value: path == value,
        "PathPrefix": path.startswith,
    }
    facts = re.sub(r"(\w+)\(`([^`]*)`\)", lambda found: str(matchers[found[1]](found[2])), rule)
    assert re.fullmatch(r"[TrueFals&|() ]+", facts), facts
    result = eval(facts.replace("&&", " and ").replace("||", " or "))  # noqa: S307 - True, False, and, or: checked above
    return bool(result)


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(
    "path",
    ["/web/database", "/web/database/manager", "/metrics", "/queue_job/runjob", "/longpolling/poll", "/xmlrpc/2/db"],
)
def test_what_nobody_may_reach_is_denied_on_every_host(objects: Any, host: str, path: str) -> None:
    found = answer(objects, "GET", host, path)
    assert found
    assert found[1] == ["deny"]
    assert objects["Middleware", "deny"]["spec"]["ipAllowList"]["sourceRange"] == ["255.255.255.255/32"]


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("path", ["/xmlrpc/2/object", "/jsonrpc", "/json/2/res.partner/read"])
def test_remote_calls_are_for_the_api_host_only(objects: Any, host: str, path: str) -> None:
    found = answer(objects, "POST", host, path)
    assert found
    if host.startswith("api."):
        assert found[0] == "integration"
        assert {"limit-partners", "integration-in-flight"} <= set(found[1])
    else:
        assert found[1] == ["deny"]


@pytest.mark.parametrize("host", HOSTS[:3])
def test_websockets_are_neither_buffered_nor_counted(objects: Any, host: str) -> None:
    assert answer(objects, "GET", host, "/websocket") == ("websocket", ["security-headers"])
    assert answer(objects, "GET", host, "/websocket/health") == ("websocket", ["security-headers"])


def test_the_api_host_has_no_websocket(objects: Any) -> None:
    found = answer(objects, "GET", HOSTS[3], "/websocket")
    assert found
    assert found[1] == ["deny"]


@pytest.mark.parametrize(
    ("host", "tier"), list(zip(HOSTS, ("storefront", "backoffice", "pos", "integration"), strict=True))
)
def test_everything_else_goes_to_the_hosts_tier(objects: Any, host: str, tier: str) -> None:
    for path in ("/", "/shop", "/web/dataset/call_kw", "/documents/share", "/metricsy"):
        found = answer(objects, "GET", host, path)
        assert found
        assert found[0] == tier
        assert {"security-headers", f"{tier}-in-flight", "buffer"} <= set(found[1])


@pytest.mark.parametrize("host", HOSTS)
def test_attempts_to_log_in_are_limited(objects: Any, host: str) -> None:
    for path in ("/web/login", "/web/session/authenticate", "/web/reset_password"):
        posted, looked = answer(objects, "POST", host, path), answer(objects, "GET", host, path)
        assert posted
        assert looked
        assert posted[1][0] == "limit-logins"
        assert "limit-logins" not in looked[1]
    limit = objects["Middleware", "limit-logins"]["spec"]["rateLimit"]
    assert (limit["period"], limit["average"] * REPLICAS) == ("1m", 15)


def test_an_unknown_host_is_nobodys(objects: Any) -> None:
    assert answer(objects, "GET", "other.example", "/") is None


def test_replicas_together_let_in_what_workers_can_hold(objects: Any, make_test_plan: Callable[..., Plan]) -> None:
    for tier in (Tier.STOREFRONT, Tier.BACKOFFICE, Tier.POS, Tier.INTEGRATION):
        plan = make_test_plan().tiers[tier]
        amount = objects["Middleware", f"{tier}-in-flight"]["spec"]["inFlightReq"]["amount"]
        assert 0 < amount * REPLICAS <= plan.ceiling * plan.profile.processes * 8, "beyond the workers' own backlog"


def test_nothing_is_retried(objects: Any) -> None:
    assert not [name for (kind, name), item in objects.items() if kind == "Middleware" and "retry" in item["spec"]]


def test_the_edge_that_is_meant_takes_them_up(objects: Any) -> None:
    labelled = [item for (kind, _), item in objects.items() if kind in ("IngressRoute", "Middleware")]
    assert {item["metadata"]["labels"]["retail/edge"] for item in labelled} == {"platform"}


def test_one_certificate_covers_all_hosts(objects: Any) -> None:
    spec = objects["Certificate", "edge"]["spec"]
    assert spec["dnsNames"] == sorted(HOSTS)
    assert int(spec["renewBefore"].removesuffix("h")) >= 30 * 24
    routes = [item for (kind, _), item in objects.items() if kind == "IngressRoute"]
    assert {route["spec"]["tls"]["secretName"] for route in routes} == {spec["secretName"]}
