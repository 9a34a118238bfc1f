"""The exporter's own questions: what CloudNativePG reads of them, and that alerts rest on what is exported."""

import re
from typing import Any

import pulumi
import pytest
import yaml

from components.alert_rules import application_alerts, database_alerts
from components.postgres_queries import (
    ODOO_QUERIES,
    QUERIES_KEY,
    SERVER_QUERIES,
    PostgresQueries,
    PostgresQueriesArgs,
)
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from retail.naming import Identity
from retail.objectives import OBJECTIVES, ObjectiveClass


def config_map(run_component: Any, identity: Identity, *, odoo: bool) -> dict[str, Any]:
    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        args = PostgresQueriesArgs(identity=identity, config_map="acme-db-queries", odoo=odoo)
        PostgresQueries("queries", args, opts)

    (found,) = [item.manifest for item in kubernetes_objects(run_component(build))]
    return dict(found)


def test_the_operator_reads_them_again_when_they_change(run_component: Any, identity: Identity) -> None:
    found = config_map(run_component, identity, odoo=True)
    assert "cnpg.io/reload" in found["metadata"]["labels"]
    queries = yaml.safe_load(found["data"][QUERIES_KEY])
    assert queries.keys() == (SERVER_QUERIES | ODOO_QUERIES).keys()
    for query in queries.values():
        assert query["primary"] is True, "three instances would count every job three times"
        assert {entry["usage"] for metric in query["metrics"] for entry in metric.values()} <= {"LABEL", "GAUGE"}


def test_a_platforms_own_database_has_no_odoo_to_ask_about(run_component: Any, identity: Identity) -> None:
    found = config_map(run_component, identity, odoo=False)
    assert not [name for name in yaml.safe_load(found["data"][QUERIES_KEY]) if name.startswith("odoo")]


@pytest.mark.parametrize("objective_class", list(ObjectiveClass))
def test_alerts_ask_for_metrics_that_are_exported(objective_class: ObjectiveClass) -> None:
    exported = {
        f"cnpg_{name}_{column}"
        for name, query in (SERVER_QUERIES | ODOO_QUERIES).items()
        for metric in query["metrics"]
        for column in metric
    }
    alerts = [
        *database_alerts("acme-production", "acme-db", OBJECTIVES[objective_class], "restore-drill"),
        *application_alerts("acme-production", "acme-db"),
    ]
    asked = {name for alert in alerts for name in re.findall(r"cnpg_(?:odoo|postgres)_\w+", alert.expression)}
    assert asked
    assert not asked - exported


def test_every_alert_keeps_to_one_cluster() -> None:
    for alert in application_alerts("acme-production", "acme-db"):
        metrics = re.findall(r"cnpg_\w+(\{[^}]*\})?", alert.expression)
        assert metrics and all('namespace="acme-production",pod=~"acme-db-[0-9]+"' in labels for labels in metrics)


def test_gold_calls_somebody_when_commits_have_nowhere_to_go() -> None:
    names = {
        objective_class: {
            alert.name for alert in database_alerts("acme", "acme-db", OBJECTIVES[objective_class], "drill")
        }
        for objective_class in ObjectiveClass
    }
    assert "NoSynchronousStandby" in names[ObjectiveClass.GOLD]
    assert "NoSynchronousStandby" not in names[ObjectiveClass.SILVER]
    assert all({"WalVolumeFills", "DatabaseWaitsForSwitchover"} <= of_class for of_class in names.values())
