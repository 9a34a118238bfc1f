"""The poolers: what CloudNativePG takes, and what PgBouncer then does."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.pooler import INTEGRATION_POOLER, Pooler, PoolerArgs, pooler_parameters
from rehearsal.engine.kubernetes_objects import KubernetesObject, kubernetes_objects
from retail.naming import Identity
from retail.objectives import WorkloadClass
from retail.plan import DatabasePlan, Plan, PoolerPlan

# The names CloudNativePG 1.30 lets a Pooler set (internal/webhook/v1/pooler_webhook.go); it looks at no value.
ALLOWED = {
    *("application_name_add_host", "auth_type", "autodb_idle_timeout", "cancel_wait_timeout", "client_idle_timeout"),
    *("client_login_timeout", "client_tls_ciphers", "client_tls_sslmode", "client_tls13_ciphers", "default_pool_size"),
    *("disable_pqexec", "dns_max_ttl", "dns_nxdomain_ttl", "idle_transaction_timeout", "ignore_startup_parameters"),
    *("listen_backlog", "log_connections", "log_disconnections", "log_pooler_errors", "log_stats", "max_client_conn"),
    *("max_db_connections", "max_packet_size", "max_prepared_statements", "max_user_connections", "min_pool_size"),
    *("pkt_buf", "query_timeout", "query_wait_timeout", "reserve_pool_size", "reserve_pool_timeout", "sbuf_loopcnt"),
    *("server_check_delay", "server_check_query", "server_connect_timeout", "server_fast_close", "server_idle_timeout"),
    *("server_lifetime", "server_login_retry", "server_reset_query", "server_reset_query_always", "server_round_robin"),
    *("server_tls_ciphers", "server_tls13_ciphers", "server_tls_protocols", "server_tls_sslmode", "stats_period"),
    *("suspend_timeout", "tcp_defer_accept", "tcp_socket_buffer", "tcp_keepalive", "tcp_keepcnt", "tcp_keepidle"),
    *("tcp_keepintvl", "tcp_user_timeout", "track_extra_parameters", "verbose"),
}


@pytest.fixture(scope="module")
def database(make_test_plan: Callable[..., Plan]) -> DatabasePlan:
    plan = make_test_plan().database
    assert plan is not None
    return plan


def made(run_component: Any, identity: Identity, plan: PoolerPlan, **changes: Any) -> dict[str, KubernetesObject]:
    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        Pooler("pooler", PoolerArgs(identity=identity, plan=plan, cluster="acme-db", owner="acme", **changes), opts)

    return {item.kind: item for item in kubernetes_objects(run_component(build))}


def test_every_parameter_is_one_the_operator_takes_with_a_value_pgbouncer_takes(database: DatabasePlan) -> None:
    for plan in (database.pooler, database.integration):
        parameters = pooler_parameters(plan)
        assert not parameters.keys() - ALLOWED
        assert parameters.pop("client_tls_sslmode") == "require"
        assert all(value.isdigit() for value in parameters.values()), "anything else is a crash loop"


def test_two_login_roles_share_one_pool_and_clients_fit_with_a_zone_lost(database: DatabasePlan) -> None:
    budget, clients = database.budget, 0
    for plan in (database.pooler, database.integration):
        parameters = {key: value for key, value in pooler_parameters(plan).items() if value.isdigit()}
        assert parameters["max_db_connections"] == parameters["default_pool_size"] != "0"
        assert parameters["reserve_pool_size"] == "0"
        clients += int(parameters["max_client_conn"]) * (plan.instances - 1)
    assert clients >= budget.client_worst


def test_a_lost_primary_is_let_go_and_looked_for_within_the_rto(database: DatabasePlan) -> None:
    parameters = pooler_parameters(database.pooler)
    dead = int(parameters["tcp_keepidle"]) + int(parameters["tcp_keepintvl"]) * int(parameters["tcp_keepcnt"])
    assert dead <= 30
    assert int(parameters["tcp_user_timeout"]) <= 30_000  # milliseconds
    assert int(parameters["server_login_retry"]) <= 2
    assert int(parameters["server_connect_timeout"]) <= 5


def test_a_zone_is_survived_and_the_pod_is_the_operators(
    run_component: Any, identity: Identity, database: DatabasePlan
) -> None:
    spec = made(run_component, identity, database.pooler)["Pooler"].manifest["spec"]
    zone = spec["template"]["spec"]["topologySpreadConstraints"][0]
    assert (zone["whenUnsatisfiable"], zone["minDomains"]) == ("DoNotSchedule", 3)
    (container,) = spec["template"]["spec"]["containers"]
    assert container["name"] == "pgbouncer"  # any other name adds a second
    assert container["resources"]["requests"]["memory"] == container["resources"]["limits"]["memory"]
    assert spec["pgbouncer"]["poolMode"] == "transaction"


def test_integrations_poolers_are_told_apart_and_give_way(
    run_component: Any, identity: Identity, database: DatabasePlan
) -> None:
    integration = made(
        run_component,
        identity,
        database.integration,
        tier=INTEGRATION_POOLER,
        workload_class=WorkloadClass.IMPORTANT,
    )["Pooler"]
    assert integration.name == "acme-db-pooler-integration"
    template = integration.manifest["spec"]["template"]
    assert template["metadata"]["labels"]["retail/tier"] == "pooler-integration"
    assert template["spec"]["priorityClassName"] == "important"
    assert database.integration.pool_size < database.pooler.pool_size
