"""Edges, monitors and queries: a Traefik takes up its own retailers' routes alone, and a query counts its own pods."""

import re
from collections.abc import Iterator

from rehearsal.check.inventory import Declared
from rehearsal.check.isolation.estate import Estate, Leak, Tenant
from rehearsal.check.selectors import could_select

SELECTOR_FLAG = "--providers.kubernetescrd.labelselector="
NAMESPACES_FLAG = "--providers.kubernetescrd.namespaces="
CROSS_NAMESPACE_FLAG = "--providers.kubernetescrd.allowcrossnamespace=false"
MONITORS = ("PodMonitor.monitoring.coreos.com", "ServiceMonitor.monitoring.coreos.com")
HOST_RULE = re.compile(r"Host\(`[^`]+`\)")


def leaks(estate: Estate) -> Iterator[Leak]:
    for tenant in estate.tenants.values():
        yield from _edges(estate, tenant)
        yield from _routes(estate, tenant)
        yield from _monitors(estate, tenant)
        yield from _queries(estate, tenant)


def edges(tenant: Tenant) -> dict[str, list[str]]:
    """The tenant's Traefik Deployments, with their arguments."""
    found = {}
    for item in tenant.of_kind("Deployment.apps"):
        for container in item.root.down("spec", "template", "spec")["containers"]:
            arguments = [str(argument.value) for argument in container["args"]]
            if "--providers.kubernetescrd=true" in arguments:
                found[item.name] = arguments
    return found


def _edges(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    for name, arguments in edges(tenant).items():
        where = f"Deployment {name}"
        if CROSS_NAMESPACE_FLAG not in arguments:
            yield Leak(tenant.stack, "", where, "a route could use another namespace's services and middlewares")
        for other in estate.neighbours(tenant):
            for item in _of_traefik(other):
                estate.compared["routes before edges"] += 1
                hosted = estate.shares(other) and estate.host(other) is tenant
                if takes_up(arguments, item) and not hosted:
                    yield Leak(tenant.stack, other.stack, where, f"takes up {item.where}")


def _routes(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    """Every route names its hosts (another's are found by name), and uses what is in its own namespace."""
    for item in tenant.of_kind("IngressRoute.traefik.io"):
        for route in item.root["spec"]["routes"]:
            estate.compared["routes"] += 1
            match = route["match"].text()
            if not HOST_RULE.search(match) or "HostRegexp" in match:
                yield Leak(tenant.stack, "", f"{item.where}: {route.path}", "answers to any host")
            for used in (*route["services"], *route["middlewares"]):
                namespace = used["namespace"].text(item.namespace or "")
                if namespace not in tenant.namespaces:
                    message = f"leads into namespace {namespace}"
                    yield Leak(tenant.stack, "", f"{item.where}: {used.path}", message)


def takes_up(arguments: list[str], item: Declared) -> bool:
    """Whether a Traefik with those arguments watches the object."""
    selectors = _values(arguments, SELECTOR_FLAG)
    namespaces = [name for value in _values(arguments, NAMESPACES_FLAG) for name in value.split(",")]
    wanted = dict(term.split("=", 1) for value in selectors for term in value.split(","))
    labels = item.root.down("metadata", "labels").mapping()
    return could_select({"matchLabels": wanted}, labels) and (not namespaces or item.namespace in namespaces)


def _values(arguments: list[str], flag: str) -> list[str]:
    return [argument.removeprefix(flag) for argument in arguments if argument.startswith(flag)]


def _of_traefik(tenant: Tenant) -> list[Declared]:
    return [item for item in tenant.objects if item.kind.endswith(".traefik.io")]


def _monitors(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    for item in tenant.of_kind(*MONITORS):
        estate.compared["monitors"] += 1
        selector = item.root.down("spec", "namespaceSelector")
        named = [entry.value for entry in selector["matchNames"]]
        if selector["any"].value is True or any(name not in tenant.namespaces for name in named):
            yield Leak(tenant.stack, "", str(item.where), "scrapes other namespaces")


def _queries(estate: Estate, tenant: Tenant) -> Iterator[Leak]:
    """Prometheus is the cluster's: a query without the tenant's namespace, or its database in a cluster that others
    share, adds up everybody's figures."""
    databases = [item.root.down("spec", "name").text() for item in tenant.of_kind("Database.postgresql.cnpg.io")]
    own = [*tenant.own_namespaces, *(f'datname="{database}' for database in databases)]
    for where, query in _asked(tenant):
        estate.compared["queries"] += 1
        if not any(re.search(rf"(?<![\w-]){re.escape(name)}(?![A-Za-z0-9-])", query) for name in own):
            yield Leak(tenant.stack, "", where, "asks Prometheus about every namespace")


def _asked(tenant: Tenant) -> Iterator[tuple[str, str]]:
    for item in tenant.of_kind("ScaledObject.keda.sh"):
        for trigger in item.root["spec"]["triggers"]:
            if trigger["type"].value == "prometheus":
                yield f"{item.where}: {trigger.path}", trigger.down("metadata", "query").text()
    for item in tenant.of_kind("PrometheusRule.monitoring.coreos.com"):
        if item.namespace in tenant.namespaces:
            for group in item.root["spec"]["groups"]:
                for rule in group["rules"]:
                    yield f"{item.where}: {rule.path}", rule["expr"].text()
