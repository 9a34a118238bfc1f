"""The exporter's own questions, as CloudNativePG reads them."""

from typing import Any

import pulumi
import yaml

from components.postgres_queries import (
    EVERY_DATABASE,
    ODOO_QUERIES,
    QUERIES_KEY,
    SERVER_QUERIES,
    PostgresQueries,
    PostgresQueriesArgs,
)
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from retail.naming import Identity


def config_map(run_component: Any, identity: Identity, databases: str) -> dict[str, Any]:
    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        args = PostgresQueriesArgs(identity=identity, config_map="acme-db-queries", databases=databases)
        PostgresQueries("queries", args, opts)

    (found,) = [item.manifest for item in kubernetes_objects(run_component(build))]
    return dict(found)


def test_the_operator_reads_them_again_when_they_change(run_component: Any, identity: Identity) -> None:
    found = config_map(run_component, identity, "acme_production")
    assert "cnpg.io/reload" in found["metadata"]["labels"]
    queries = yaml.safe_load(found["data"][QUERIES_KEY])
    assert queries.keys() == (SERVER_QUERIES | ODOO_QUERIES).keys()
    for query in queries.values():
        assert query["primary"] is True, "three instances would count every job three times"
        assert {entry["usage"] for metric in query["metrics"] for entry in metric.values()} <= {"LABEL", "GAUGE"}


def test_every_odoo_is_asked_for_itself(run_component: Any, identity: Identity) -> None:
    for databases in ("acme_production", EVERY_DATABASE):
        queries = yaml.safe_load(config_map(run_component, identity, databases)["data"][QUERIES_KEY])
        for name in ODOO_QUERIES:
            assert queries[name]["target_databases"] == [databases]
            assert {"datname": {"usage": "LABEL", "description": "datname"}} in queries[name]["metrics"]
