"""The edge: what it trusts, how it ends, what it may read."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components import edge_names
from components.odoo_config import LONGEST_SECONDS
from components.route_limits import SCRATCH_BYTES
from components.route_table import ROUTED
from components.traefik import CPU_MILLIS, MEMORY_MIB, Traefik, TraefikArgs
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import UNKNOWN, Evaluation, reveal
from retail.naming import Identity
from retail.node_sizing import EDGE_CPU_MILLIS, EDGE_MEMORY_MIB

CIDRS = ("10.20.192.0/20", "10.20.208.0/20", "10.20.224.0/20")


@pytest.fixture(scope="module")
def run_edge(run_component: Any, identity: Identity) -> Callable[..., Evaluation]:
    def run(*, shared: bool = False, preview: bool = False, sleeps: bool = False) -> Evaluation:
        def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
            args = TraefikArgs(identity=identity, replicas=3, shared=shared, load_balancer_cidrs=CIDRS, sleeps=sleeps)
            pulumi.export("address", Traefik("edge", args, opts).address)

        evaluation: Evaluation = run_component(build, preview=preview)
        return evaluation

    return run


def objects(evaluation: Evaluation, kind: str) -> list[Any]:
    return [reveal(item.manifest) for item in kubernetes_objects(evaluation) if item.kind == kind]


def flags(evaluation: Evaluation) -> dict[str, str]:
    (deployment,) = objects(evaluation, "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    pairs = (flag.removeprefix("--").partition("=") for flag in container["args"])
    return {name: value for name, _, value in pairs}


def test_only_the_load_balancers_word_is_taken(run_edge: Callable[..., Evaluation]) -> None:
    given = flags(run_edge())
    for entry_point in ("web", "websecure", "ping"):
        # The ping as well: the load balancer's header stands before its health checks too.
        assert given[f"entrypoints.{entry_point}.proxyprotocol.trustedips"] == ",".join(CIDRS)
    for entry_point in ("web", "websecure"):
        assert given[f"entrypoints.{entry_point}.forwardedheaders.trustedips"] == ",".join(CIDRS)
    assert not [flag for flag in given if "insecure" in flag or flag.startswith(("api", "certificatesresolvers"))]


def test_it_serves_on_until_the_load_balancer_has_let_go(run_edge: Callable[..., Evaluation]) -> None:
    evaluation = run_edge()
    (deployment,) = objects(evaluation, "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    drain = container["lifecycle"]["preStop"]["sleep"]["seconds"]
    finish = int(flags(evaluation)["entrypoints.websecure.transport.lifecycle.gracetimeout"].removesuffix("s"))
    assert drain >= 120
    assert finish >= max(LONGEST_SECONDS[tier] for tier in ROUTED), "a worker may still be answering"
    assert spec["terminationGracePeriodSeconds"] >= drain + finish + 10
    (service,) = objects(evaluation, "Service")
    annotations = service["metadata"]["annotations"]
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    assert f"deregistration_delay.timeout_seconds={drain}" in annotations[f"{prefix}-target-group-attributes"]
    assert "proxy_protocol_v2.enabled=true" in annotations[f"{prefix}-target-group-attributes"]
    attributes = dict(pair.split("=") for pair in annotations[f"{prefix}-attributes"].split(","))
    assert attributes["load_balancing.cross_zone.enabled"] == attributes["zonal_shift.config.enabled"] == "true"
    assert (annotations[f"{prefix}-type"], annotations[f"{prefix}-nlb-target-type"]) == ("external", "ip")


@pytest.mark.parametrize("sleeps", [False, True])
def test_its_replicas_are_kedas_where_it_sleeps(run_edge: Callable[..., Evaluation], sleeps: bool) -> None:
    (deployment,) = objects(run_edge(sleeps=sleeps), "Deployment")
    assert deployment["spec"].get("replicas") == (None if sleeps else 3)


def test_uploads_have_longer_than_traefiks_minute(run_edge: Callable[..., Evaluation]) -> None:
    given = flags(run_edge())
    read = given["entrypoints.websecure.transport.respondingtimeouts.readtimeout"]
    assert int(read.removesuffix("s")) >= 600
    assert not [flag for flag in given if "writetimeout" in flag], "it would cut websockets and reports"


def test_three_replicas_are_in_three_zones(run_edge: Callable[..., Evaluation]) -> None:
    (deployment,) = objects(run_edge(), "Deployment")
    assert deployment["spec"]["replicas"] == 3
    zone = deployment["spec"]["template"]["spec"]["topologySpreadConstraints"][0]
    assert (zone["minDomains"], zone["whenUnsatisfiable"]) == (3, "DoNotSchedule")
    (budget,) = objects(run_edge(), "PodDisruptionBudget")
    assert budget["spec"]["maxUnavailable"] == 1


def test_a_retailers_edge_sees_its_namespace_only(run_edge: Callable[..., Evaluation]) -> None:
    evaluation = run_edge()
    assert flags(evaluation)["providers.kubernetescrd.namespaces"] == "acme-production"
    assert not objects(evaluation, "ClusterRole")
    assert len(objects(evaluation, "Role")) == 1


def test_a_platforms_edge_sees_all_and_takes_its_own(run_edge: Callable[..., Evaluation]) -> None:
    evaluation = run_edge(shared=True)
    given = flags(evaluation)
    assert "providers.kubernetescrd.namespaces" not in given
    assert given["providers.kubernetescrd.labelselector"] == "retail/edge=acme"
    assert given["providers.kubernetescrd.allowcrossnamespace"] == "false"
    assert given["providers.kubernetescrd.defaulttlsresourcesnamespace"] == "acme-production"
    (role,) = objects(evaluation, "ClusterRole")
    assert role["metadata"]["name"] == "acme-production-traefik"
    assert all(set(rule["verbs"]) == {"get", "list", "watch"} for rule in role["rules"])


def test_old_tls_and_unknown_hosts_are_refused(run_edge: Callable[..., Evaluation]) -> None:
    (option,) = objects(run_edge(), "TLSOption")
    assert option["metadata"]["name"] == "default"
    assert option["metadata"]["labels"]["retail/edge"] == "acme"
    assert (option["spec"]["minVersion"], option["spec"]["sniStrict"]) == ("VersionTLS12", True)
    assert all(
        "_ECDHE_" in suite and ("GCM" in suite or "POLY1305" in suite) for suite in option["spec"]["cipherSuites"]
    )


def test_what_odoo_decodes_is_not_hidden_from_the_rules(run_edge: Callable[..., Evaluation]) -> None:
    """Traefik matches /web%2Fdatabase as it is written, Odoo serves /web/database."""
    given = flags(run_edge())
    for entry_point in ("web", "websecure"):
        for separator in ("slash", "backslash", "nullcharacter"):
            assert given[f"entrypoints.{entry_point}.http.encodedcharacters.allowencoded{separator}"] == "false"
        assert given[f"entrypoints.{entry_point}.http.sanitizepath"] == "true"
        assert int(given[f"entrypoints.{entry_point}.http.maxheaderbytes"]) <= 64 * 1024


def test_the_access_log_holds_no_credentials(run_edge: Callable[..., Evaluation]) -> None:
    given = flags(run_edge())
    assert given["accesslog.fields.queryparameters.defaultmode"] == "drop", "tokens of invitations and resets"
    assert given["accesslog.fields.headers.defaultmode"] == "drop"
    kept = {flag.rpartition(".")[2] for flag in given if flag.startswith("accesslog.fields.headers.names.")}
    assert not kept & {"Authorization", "Cookie", "Set-Cookie", "Referer", "X-Odoo-Database"}


def test_a_pod_of_a_lost_node_costs_seconds(run_edge: Callable[..., Evaluation]) -> None:
    given = flags(run_edge())
    assert int(given["serverstransport.forwardingtimeouts.dialtimeout"].removesuffix("s")) <= 5
    assert int(given["entrypoints.websecure.transport.respondingtimeouts.idletimeout"].removesuffix("s")) < 350


def test_its_metrics_have_the_names_that_queries_ask_for(run_edge: Callable[..., Evaluation]) -> None:
    given = flags(run_edge())
    assert given["providers.kubernetescrd.safenaming"] == "true"
    assert given["metrics.prometheus.addrouterslabels"] == given["metrics.prometheus.addserviceslabels"] == "true"
    (monitor,) = objects(run_edge(), "PodMonitor")
    assert edge_names.scraped("acme-production") == f'job="acme-production/{monitor["metadata"]["name"]}"'


def test_bodies_that_are_buffered_have_room(run_edge: Callable[..., Evaluation]) -> None:
    (deployment,) = objects(run_edge(), "Deployment")
    spec = deployment["spec"]["template"]["spec"]
    assert spec["volumes"] == [{"name": "tmp", "emptyDir": {"sizeLimit": f"{SCRATCH_BYTES // 1024 // 1024}Mi"}}]
    (container,) = spec["containers"]
    limit = int(container["resources"]["limits"]["memory"].removesuffix("Mi"))
    assert container["env"] == [{"name": "GOMEMLIMIT", "value": f"{limit * 9 // 10}MiB"}]


def test_a_productions_address_is_not_deleted_by_accident(run_component: Any, identity: Identity) -> None:
    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        args = TraefikArgs(identity=identity, replicas=3, shared=False, load_balancer_cidrs=CIDRS, keep=True)
        Traefik("edge", args, opts)

    (service,) = objects(run_component(build), "Service")
    annotations = service["metadata"]["annotations"]
    prefix = "service.beta.kubernetes.io/aws-load-balancer"
    assert "deletion_protection.enabled=true" in annotations[f"{prefix}-attributes"]


def test_its_address_is_the_load_balancers(run_edge: Callable[..., Evaluation]) -> None:
    assert reveal(run_edge().outputs["address"]).endswith(".elb.amazonaws.com")
    assert run_edge(preview=True).outputs["address"] in ("", UNKNOWN)


def test_all_mistakes_come_at_once(identity: Identity) -> None:
    with pytest.raises(pulumi.InputPropertiesError, match="replicas must be at least 3; given 1; load_balancer_cidrs"):
        TraefikArgs(identity=identity, replicas=1, shared=False, load_balancer_cidrs=["0.0.0.0/0"])


def test_the_web_pool_has_room_for_what_the_edge_asks_for() -> None:
    assert (EDGE_CPU_MILLIS, EDGE_MEMORY_MIB) == (3 * CPU_MILLIS, 3 * MEMORY_MIB)
