"""The alerts of a retailer."""

from typing import Any

import pulumi

from components.alert_rules import database_alerts, tier_alerts
from components.observability import Observability, ObservabilityArgs
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from retail.naming import Identity
from retail.objectives import OBJECTIVES, ObjectiveClass

GOLD = OBJECTIVES[ObjectiveClass.GOLD]


def rules(run_component: Any, identity: Identity, cluster_name: str | None) -> list[dict[str, Any]]:
    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        Observability(
            "observability",
            ObservabilityArgs(identity=identity, objectives=GOLD, cluster_name=cluster_name, tiers=("pos",)),
            opts,
        )

    (found,) = kubernetes_objects(run_component(build))
    return [rule for group in found.manifest["spec"]["groups"] for rule in group["rules"]]


def test_every_rule_keeps_to_its_namespace_and_says_whose_it_is(run_component: Any, identity: Identity) -> None:
    made = rules(run_component, identity, "acme-db")
    assert len(made) == 8
    for rule in made:
        assert "acme-production" in rule["expr"]
        assert rule["labels"]["tenant"] == "acme"
        assert rule["annotations"]["summary"]


def test_a_shared_retailer_is_not_called_about_its_platforms_database(run_component: Any, identity: Identity) -> None:
    assert {rule["alert"] for rule in rules(run_component, identity, None)} == {"PosErrors", "PosSlow"}


def test_backup_alerts_use_the_plugins_metric_and_fire_on_silence() -> None:
    """CloudNativePG's own metrics stop at the last backup made without the plugin."""
    alerts = {alert.name: alert for alert in database_alerts("ns", "acme-db", GOLD, "restore-drill")}
    for name in ("DatabaseBackupTooOld", "DatabaseBackupUnknown"):
        assert "barman_cloud_cloudnative_pg_io_last_available_backup_timestamp" in alerts[name].expression
    assert alerts["DatabaseBackupTooOld"].expression.endswith(f"> {2 * 6 * 3600}")
    assert alerts["DatabaseBackupUnknown"].expression.startswith("absent(")
    assert all("cnpg_collector" not in alert.expression for alert in alerts.values())


def test_a_drill_that_never_succeeded_is_noticed_too() -> None:
    alerts = {alert.name: alert for alert in database_alerts("ns", "acme-db", GOLD, "restore-drill")}
    assert "kube_cronjob_created" in alerts["RestoreDrillTooOld"].expression


def test_tiers_with_similar_names_are_told_apart() -> None:
    errors = tier_alerts("acme-production", ("pos",))[0].expression
    assert 'service=~"acme-production-pos-[a-z0-9]+@kubernetescrd"' in errors
