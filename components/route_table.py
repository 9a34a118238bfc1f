"""The routes of a retailer's hosts: which paths go where, which to nobody. Plain data; nothing is registered here.

An IngressRoute is named after the tier that answers (components/edge_names.py), and holds one route: in-flight limits
and circuit breakers are kept by each route for itself (Traefik builds a route's middlewares anew for it), so the share
of each is computed from this table (components/route_limits.py).

Paths are matched as Odoo would take them, not only as they are written: with a language in front
(`/fr/web/database/manager` is rewritten to `/web/database/manager` before Odoo looks for its controller; http_routing,
`_match`, case 9). Encoded slashes (`/web%2Fdatabase`) are refused by the entry points.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from retail.tiers import Tier

ROUTED = (Tier.STOREFRONT, Tier.BACKOFFICE, Tier.POS, Tier.INTEGRATION)
"""Tiers with a host of their own."""

WITH_WEBSOCKET = (Tier.STOREFRONT, Tier.BACKOFFICE, Tier.POS)

LANGUAGE = "(/[a-z]{2,3}([_@-][A-Za-z0-9]+)*)?"
"""`/fr`, `/fr_BE`, `/sr@latin`: the URL code of an Odoo language, where there is one."""

BLOCKED = ("/web/database", "/metrics", "/queue_job", "/monitoring", "/saas_client", "/longpolling", "/xmlrpc/2/db")
"""On every host: the database manager, also as RPC; metrics and job endpoints, which Odoo's modules serve without a
login; a path no Odoo since 16 uses (facts, Odoo §6)."""

RPC = ("/xmlrpc", "/jsonrpc", "/json/2", "/doc")
"""Remote calls, and the page that documents them: on the API's host only."""

LOGIN = ("/web/login", "/web/signup", "/web/reset_password", "/web/session/authenticate")

BACK_OFFICE = ("/odoo", "/web/dataset")
"""What visitors of the shop have no use for: Odoo's web client (with `/web` itself) and the calls it makes. The shop's
own pages use other routes under /web: assets, images, content, translations, sessions."""

WEBHOOK = r"^/(payment/[a-z0-9_]+|pos_[a-z0-9_]+)/(webhook|notification)/?$"
"""Where payment providers and terminals report to, as Odoo's modules name it. They call the shop's address, again and
again until they are heard: the integration tier hears them, so a storm of them can't take the shop's workers."""


@dataclass(frozen=True)
class Route:
    """name: of the IngressRoute. tier: whose pods answer. match: Traefik's rule. limits: who is let in, by name of
    middleware. weight: share of the tier's room among its routes; 0 where nothing is counted. hosts: how many it is
    for; Traefik keeps the room of a route for each host anew."""

    name: str
    tier: Tier
    match: str
    priority: int
    limits: tuple[str, ...] = ()
    weight: int = 0
    hosts: int = 1


STAFF_ONLY, PARTNERS_ONLY, LIMIT_LOGINS, DENY = "staff-only", "partners-only", "limit-logins", "deny"


def rate(tier: Tier) -> str:
    """Name of the middleware that limits requests of one address to a tier."""
    return f"{tier}-rate"


def routes(hosts: Mapping[str, str], *, staff_only: bool, partners_only: bool) -> list[Route]:
    """All routes, by what answers. staff_only, partners_only: whether these are known by their addresses."""
    table: list[Route] = []
    for tier in ROUTED:
        host = f"Host(`{hosts[str(tier)]}`)"
        staff = (STAFF_ONLY,) if staff_only and tier is Tier.BACKOFFICE else ()
        table.append(Route(str(tier), tier, host, 100, (*staff, rate(tier)), 8))
        login = f"{host} && Method(`POST`) && {under(LOGIN)}"
        table.append(Route(f"{tier}-logins", tier, login, 200, (*staff, LIMIT_LOGINS), 2))
        blocked = [*BLOCKED, *([] if tier is Tier.INTEGRATION else RPC)]
        if tier is Tier.INTEGRATION:
            partners = (PARTNERS_ONLY,) if partners_only else ()
            table.append(Route(f"{tier}-rpc", tier, f"{host} && {under(RPC)}", 300, (*partners, rate(tier)), 8))
            blocked.append("/websocket")
        else:
            websocket = f"{host} && {under(('/websocket',))}"
            table.append(Route(f"{Tier.WEBSOCKET}-{tier}", Tier.WEBSOCKET, websocket, 400, staff))
        table.append(Route(f"blocked-{tier}", tier, f"{host} && {under(blocked)}", 1000, (DENY,)))
    table += _shop_back_office(f"Host(`{hosts[str(Tier.STOREFRONT)]}`)", staff_only=staff_only)
    called = " || ".join(f"Host(`{hosts[str(tier)]}`)" for tier in WITH_WEBSOCKET)
    webhook = f"({called}) && PathRegexp(`{WEBHOOK}`)"
    limits = (rate(Tier.INTEGRATION),)
    name = f"{Tier.INTEGRATION}-webhooks"
    table.append(Route(name, Tier.INTEGRATION, webhook, 500, limits, 4, hosts=len(WITH_WEBSOCKET)))
    return table


def _shop_back_office(host: str, *, staff_only: bool) -> Iterator[Route]:
    """Odoo's web client on the shop's host: for staff at their known addresses (who edit the website there), or for
    nobody."""
    match = f"{host} && (PathRegexp(`^{LANGUAGE}/web/?$`) || {under(BACK_OFFICE)})"
    if staff_only:
        yield Route(f"{Tier.STOREFRONT}-staff", Tier.STOREFRONT, match, 300, (STAFF_ONLY, rate(Tier.STOREFRONT)), 2)
    else:
        yield Route("blocked-back-office", Tier.STOREFRONT, match, 900, (DENY,))


def under(paths: Sequence[str]) -> str:
    """A matcher of each path and what is under it, in any language. A bare PathPrefix(`/doc`) would catch /documents
    as well."""
    return f"PathRegexp(`^{LANGUAGE}({'|'.join(re.escape(path) for path in paths)})(/|$)`)"
