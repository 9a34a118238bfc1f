"""The alerts of a retailer: that they can fire, on series that exist, and say whose they are and what to do."""

import re
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.alerts.burn_rate import TABLE, burn_rate_rules
from components.alerts.database import database_alerts
from components.alerts.drills import drill_alerts
from components.alerts.rule import Recording
from components.alerts.tiers import public_tier_rules
from components.autoscaling import Autoscaling, AutoscalingArgs
from components.observability import Observability, ObservabilityArgs
from components.operators import alert_topics, cert_manager, external_secrets, keda, monitoring
from components.pod_scripts.connection_exporter import METRIC
from components.postgres_queries import ODOO_QUERIES, SERVER_QUERIES
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import reveal
from retail.naming import Identity
from retail.objectives import OBJECTIVES, ObjectiveClass
from retail.plan import Plan

GOLD = OBJECTIVES[ObjectiveClass.GOLD]

EXPORTED = {
    # Prometheus itself, for every target.
    "up": "prometheus",
    # Traefik 3.7, pkg/observability/metrics/prometheus.go; PodMonitor of components/traefik.py.
    "traefik_router_requests_total": "traefik",
    "traefik_service_requests_total": "traefik",
    "traefik_service_request_duration_seconds_sum": "traefik",
    "traefik_service_request_duration_seconds_bucket": "traefik",
    "traefik_config_last_reload_success": "traefik",
    "traefik_tls_certs_not_after": "traefik",
    # The sidecar of the websocket tier; PodMonitor of components/odoo_tier.py.
    METRIC: "odoo",
    # CloudNativePG 1.30, config/manager/default-monitoring.yaml; PodMonitors of components/postgres.py and pooler.py.
    "cnpg_pg_stat_archiver_last_failed_time": "postgres",
    "cnpg_pg_stat_archiver_last_archived_time": "postgres",
    "cnpg_pg_replication_lag": "postgres",
    "cnpg_pg_replication_streaming_replicas": "postgres",
    "cnpg_backends_max_tx_duration_seconds": "postgres",
    "cnpg_pg_database_xid_age": "postgres",
    "cnpg_pgbouncer_pools_maxwait": "pooler",
    # Its barman-cloud plugin, web/docs/observability.md; through the instances' exporter.
    "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp": "postgres",
    # The instance manager itself (pkg/management/postgres/webserver/metricserver/pg_collector.go).
    "cnpg_collector_manual_switchover_required": "postgres",
    # The database's own monitoring queries.
    **{
        f"cnpg_{key}_{column}": "postgres"
        for key, query in (SERVER_QUERIES | ODOO_QUERIES).items()
        for metric in query["metrics"]
        for column in metric
    },
    # kube-state-metrics and the kubelet, of kube-prometheus-stack.
    "kube_deployment_status_replicas_available": "stack",
    "kube_deployment_spec_replicas": "stack",
    "kube_horizontalpodautoscaler_status_desired_replicas": "stack",
    "kube_horizontalpodautoscaler_spec_max_replicas": "stack",
    "kube_horizontalpodautoscaler_spec_min_replicas": "stack",
    "kube_cronjob_status_last_successful_time": "stack",
    "kube_cronjob_created": "stack",
    "kube_job_status_failed": "stack",
    "kubelet_volume_stats_available_bytes": "stack",
    "kubelet_volume_stats_capacity_bytes": "stack",
    # Drills, while their pods linger (components/pod_scripts/restore_drill/metrics.py); PodMonitor of recovery.py.
    "restore_drill_duration_seconds": "drill",
    # KEDA 2.21, pkg/metricscollector/prommetrics.go.
    "keda_scaled_object_errors_total": "keda",
    "keda_scaler_metrics_value": "keda",
    # cert-manager 1.21, internal/collectors/certificate_collector.go.
    "certmanager_certificate_expiration_timestamp_seconds": "cert-manager",
    "certmanager_certificate_renewal_timestamp_seconds": "cert-manager",
    # External Secrets 1.3, pkg/controllers/externalsecret/esmetrics.
    "externalsecret_status_condition": "external-secrets",
}
"""Every series that is asked for, and who exports it."""

Rules = list[dict[str, Any]]


@pytest.fixture(scope="module")
def make_rules(run_component: Any, identity: Identity, make_test_plan: Callable[..., Plan]) -> Callable[..., Rules]:
    def make(hosting: str = "dedicated", objectives: str = "gold", *, sleeps: bool = False) -> Rules:
        plan = make_test_plan(objective_class=objectives)
        tiers = () if hosting == "platform" else tuple(plan.tiers)

        def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
            args = ObservabilityArgs(
                identity=identity,
                objectives=plan.objectives,
                cluster_name=None if hosting == "shared" else "acme-db",
                drills=hosting != "shared",
                database_namespace="retail-production" if hosting == "shared" else identity.namespace,
                edge_replicas=0 if hosting == "shared" else 3,
                tiers=tiers,
                sleeps=sleeps,
            )
            Observability("observability", args, opts)

        found = [reveal(item.manifest) for item in kubernetes_objects(run_component(build))]
        return [rule for item in found for group in item["spec"]["groups"] for rule in group["rules"]]

    return make


@pytest.fixture(scope="module")
def rules(make_rules: Callable[..., Rules]) -> Rules:
    return make_rules()


def alerts(rules: Rules) -> dict[str, dict[str, Any]]:
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def series(expression: str) -> set[str]:
    return set(re.findall(r"([a-zA-Z_:][\w:]*)\{", expression))


def test_every_rule_keeps_to_its_retailer_and_says_whose_it_is_and_what_to_do(rules: Rules) -> None:
    assert len(alerts(rules)) > 30
    for rule in rules:
        for selector in re.findall(r"\{([^}]*)\}", rule["expr"]):
            assert "acme-production" in selector, rule
        assert rule["labels"]["tenant"] == "acme"
        if "alert" in rule:
            assert rule["labels"]["severity"] in ("critical", "warning")
            assert rule["annotations"]["summary"]
            assert len(rule["annotations"]["action"]) > 30


def test_nobody_is_called_about_what_sleeps_but_about_the_database(make_rules: Callable[..., Rules]) -> None:
    always, sleeping = (alerts(make_rules(sleeps=sleeps)) for sleeps in (False, True))
    awake = (
        ' and on () (max(min_over_time(kube_deployment_spec_replicas{namespace="acme-production",'
        'deployment="storefront"}[20m])) > 0)'
    )
    muted = {
        name
        for name, rule in sleeping.items()
        if rule["expr"] in (f"({always[name]['expr']}){awake}", f"{always[name]['expr']}{awake}")
    }
    assert sleeping["JobsUnseen"]["expr"].startswith("("), "`or` binds less tightly than `and`"
    assert {"EdgeDown", "StorefrontDown", "JobrunnerDown", "JobsWait", "ScalingUnknown", "WebsocketsLost"} <= muted
    assert {name for name in always if sleeping[name]["expr"] == always[name]["expr"]} == set(always) - muted
    assert not {"EdgeCertificateUnknown", "SecretsNotCopied", "RotationOverdue", "CertificateUnknown"} & muted
    assert not [name for name in muted if name.startswith(("Backup", "Drill", "Archive", "Database"))]


@pytest.mark.parametrize("hosting", ["dedicated", "shared", "platform"])
def test_every_series_that_is_asked_for_is_exported_by_something(
    make_rules: Callable[..., Rules], hosting: str
) -> None:
    made = make_rules(hosting)
    recorded = {rule["record"] for rule in made if "record" in rule}
    asked = {name for rule in made for name in series(rule["expr"])}
    assert asked - recorded <= set(EXPORTED)
    assert recorded <= asked or not recorded, "a recorded series that nobody reads"


def test_scaling_asks_for_series_that_are_exported(
    run_component: Any, identity: Identity, make_test_plan: Callable[..., Plan]
) -> None:
    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        args = AutoscalingArgs(identity=identity, plan=make_test_plan(), edge_namespace="edges", database_host="db")
        Autoscaling("scaling", args, opts)

    queries = [
        trigger["metadata"]["query"]
        for item in kubernetes_objects(run_component(build))
        if item.kind == "ScaledObject"
        for trigger in reveal(item.manifest)["spec"]["triggers"]
        if trigger["type"] == "prometheus"
    ]
    assert {name for query in queries for name in series(query)} <= set(EXPORTED)


def test_what_exports_them_is_scraped(identity: Identity) -> None:
    """The operators' own monitors; the others are PodMonitors beside what they scrape."""
    assert keda.values()["prometheus"]["operator"] == {"enabled": True, "serviceMonitor": {"enabled": True}}
    assert cert_manager.values()["prometheus"]["servicemonitor"]["enabled"]
    assert external_secrets.values()["serviceMonitor"]["enabled"]
    spec = monitoring.values(identity)["prometheus"]["prometheusSpec"]
    assert not any(spec[f"{kind}SelectorNilUsesHelmValues"] for kind in ("rule", "serviceMonitor", "podMonitor"))
    assert "kubelet" not in monitoring.values(identity), "on by default"


def test_operators_say_the_retailers_namespace_as_exported(rules: Rules) -> None:
    """They are scraped in their own namespace, whose label wins: `namespace` in these never matches a retailer."""
    for rule in rules:
        for name, selector in re.findall(r"((?:keda|certmanager|externalsecret)_\w+)\{([^}]*)\}", rule["expr"]):
            assert 'exported_namespace="acme-production"' in selector, name


def test_alerts_reach_somebody_by_their_severity(identity: Identity) -> None:
    """The chart's own default sends them to nobody."""
    config = monitoring.values(identity)["alertmanager"]["config"]
    receivers = {item["name"]: item.get("sns_configs", []) for item in config["receivers"]}
    (paged,) = [route for route in config["route"]["routes"] if route["matchers"] == ['severity = "critical"']]
    for receiver, topic in ((paged["receiver"], "pages"), (config["route"]["receiver"], "tickets")):
        (sent,) = receivers[receiver]
        assert sent["topic_arn"] == f"arn:aws:sns:eu-central-1:111122223333:acme-production-{topic}"
        assert sent["topic_arn"] in alert_topics.policy(identity)
    assert [route["matchers"] for route in config["route"]["routes"] if not receivers[route["receiver"]]] == [
        ['severity !~ "critical|warning"']
    ]


WORKBOOK = [(14.4, "1h", "5m", 0.02, True), (6, "6h", "30m", 0.05, True), (1, "3d", "6h", 0.10, False)]
"""The SRE workbook, chapter 5, table 5-8: rate, windows, budget used, page."""


def test_burn_rates_are_the_workbooks() -> None:
    assert [(row.factor, row.long, row.short, row.budget, row.page) for row in TABLE] == WORKBOOK
    hours = {"5m": 1 / 12, "30m": 0.5, "1h": 1, "6h": 6, "3d": 72}
    for row in TABLE:
        assert hours[row.short] == pytest.approx(hours[row.long] / 12)
        assert row.factor * hours[row.long] / (30 * 24) == pytest.approx(row.budget)


def test_the_rules_are_the_tables() -> None:
    """Golden: one row of it, and what it rests on."""
    made = burn_rate_rules("pos", "requests_total", 'router="r"', "ns", 0.999)
    recorded = {rule.name: rule.expression for rule in made if isinstance(rule, Recording)}
    assert sorted(recorded) == [
        f"retail:request_errors:ratio_rate{window}" for window in ("1h", "30m", "3d", "5m", "6h")
    ]
    assert recorded["retail:request_errors:ratio_rate5m"] == (
        '(sum(rate(requests_total{router="r",code=~"5.."}[5m])) or 0 * sum(rate(requests_total{router="r"}[5m])))'
        ' / (sum(rate(requests_total{router="r"}[5m])) > 0)'
    )
    page = next(rule for rule in made if not isinstance(rule, Recording))
    assert (page.name, page.page, page.labels) == ("PosErrorBudget", True, {"tier": "pos", "window": "1h"})
    assert page.expression == (
        'max(retail:request_errors:ratio_rate1h{namespace="ns",tier="pos"}) > 0.0144'
        ' and max(retail:request_errors:ratio_rate5m{namespace="ns",tier="pos"}) > 0.0144'
        ' and sum(increase(requests_total{router="r",code=~"5.."}[1h])) >= 10'
    )


def test_tiers_are_watched_by_the_names_that_traefik_gives() -> None:
    """The edge runs with safeNaming: `_` between the parts (Traefik 3.7, name_builder.go), not `-`."""
    expressions = " ".join(rule.expression for rule in public_tier_rules("acme-production", "pos", GOLD))
    for kind, name in (
        ("router", "acme-production_pos_0@kubernetescrd"),
        ("service", "acme-production_pos_0_lb@kubernetescrd"),
    ):
        patterns = set(re.findall(rf'{kind}=~"([^"]+)"', expressions))
        assert patterns
        assert all(re.fullmatch(pattern, name) for pattern in patterns)
        assert not any(re.fullmatch(pattern, name.replace("pos", "postbox")) for pattern in patterns)
        assert not any(re.fullmatch(pattern, name.replace("_", "-")) for pattern in patterns)


def test_a_shared_retailer_is_called_about_its_own_jobs_and_not_about_its_platforms_database(
    make_rules: Callable[..., Rules],
) -> None:
    made = alerts(make_rules("shared"))
    assert not {"DatabaseBackupTooOld", "EdgeDown", "NoStandby"} & set(made)
    assert 'namespace="retail-production",datname="acme_production"' in made["JobsWait"]["expr"]


def test_a_platform_is_called_about_what_it_shares(make_rules: Callable[..., Rules]) -> None:
    made = alerts(make_rules("platform"))
    assert {"DatabaseBackupTooOld", "RestoreDrillTooOld", "WalVolumeFills", "EdgeDown"} <= set(made)
    assert "EdgeCertificateExpires" in made
    assert not {"JobsWait", "StorefrontDown"} & set(made)


@pytest.mark.parametrize(
    "name",
    [
        "StorefrontErrorBudget",
        "DatabaseBackupTooOld",
        "RestoreDrillTooOld",
        "ReplicationLag",
        "ClientsWaitForPooler",
        "JobsWait",
        "ScheduledActionsLate",
        "WebsocketsLost",
        "CertificateNotRenewed",
        "RotationOverdue",
        "WalVolumeFills",
        "EdgeReplicasDisagree",
        "ScalingBlind",
        "JobrunnerDown",
    ],
)
def test_nothing_that_stops_sales_or_loses_data_goes_unnoticed(rules: Rules, name: str) -> None:
    assert name in alerts(rules)


def test_only_what_cannot_wait_wakes_somebody(rules: Rules) -> None:
    pages = {name for name, rule in alerts(rules).items() if rule["labels"]["severity"] == "critical"}
    assert {"NoStandby", "WalVolumeFills", "DatabaseBackupTooOld", "EdgeDown", "StorefrontDown", "JobsWait"} <= pages
    assert not {"StorefrontSlow", "StorefrontAtCeiling", "RotationOverdue", "ReplicationLag", "DataVolumeFills"} & pages


def test_backup_alerts_use_the_plugins_metric_and_fire_on_silence() -> None:
    """CloudNativePG's own metrics stop at the last backup made without the plugin."""
    made = {alert.name: alert for alert in database_alerts("ns", "acme-db", GOLD)}
    for name in ("DatabaseBackupTooOld", "DatabaseBackupUnknown"):
        assert "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp" in made[name].expression
    assert made["DatabaseBackupTooOld"].expression.endswith(f"> {2 * 6 * 3600}")
    assert made["DatabaseBackupUnknown"].expression.startswith("absent(")
    gone = ("cnpg_collector_last_", "cnpg_collector_first_")
    assert not [alert for alert in made.values() if any(metric in alert.expression for metric in gone)]


def test_a_drill_that_never_succeeded_is_noticed_too() -> None:
    made = {alert.name: alert for alert in drill_alerts("ns-drill", "restore-drill", GOLD)}
    assert 'kube_cronjob_created{namespace="ns-drill",cronjob="restore-drill"}' in made["RestoreDrillTooOld"].expression


def test_a_restore_that_nears_the_rto_is_noticed_before_it_fails() -> None:
    made = {alert.name: alert for alert in drill_alerts("ns-drill", "restore-drill", GOLD)}
    assert made["RestoreGetsSlow"].expression.endswith("> 2880")  # of 3600 s
    assert made["RestoreDrillFailed"].page


def test_a_single_instance_has_no_standby_to_miss() -> None:
    alone = OBJECTIVES[ObjectiveClass.BRONZE]
    assert not {"NoStandby", "StandbyMissing"} & {a.name for a in database_alerts("ns", "acme-db", alone)}
