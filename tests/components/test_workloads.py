"""The workload components together, as a retailer has them: accepted by every schema, and whole in their references."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.autoscaling import Autoscaling, AutoscalingArgs
from components.odoo import Odoo, OdooArgs
from components.routes import Routes, RoutesArgs
from components.tenancy import Tenancy, TenancyArgs
from components.tier_role import Filestore
from components.traefik import Traefik, TraefikArgs
from rehearsal.check.run import check
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import UNKNOWN, Evaluation, contains
from retail.naming import Identity
from retail.plan import Plan

CIDRS = ("10.20.192.0/20", "10.20.208.0/20", "10.20.224.0/20")


def workloads(identity: Identity, plan: Plan) -> Callable[..., None]:
    """A program with everything of a dedicated retailer but its database, Redis and secrets."""

    def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
        Tenancy(
            "tenancy",
            TenancyArgs(
                identity=identity,
                plan=plan,
                cluster_name="acme-production",
                edge=identity.retailer,
                vpc_cidr="10.20.0.0/16",
                load_balancer_cidrs=CIDRS,
                managed_redis=True,
            ),
            opts,
        )
        Odoo(
            "odoo",
            OdooArgs(
                identity=identity,
                plan=plan,
                placement_owner=identity.retailer,
                pooler_host="acme-db-pooler",
                integration_host="acme-db-pooler-integration",
                direct_host="acme-db-rw",
                standby_host="acme-db-ro",
                database_cluster="acme-db",
                cluster_name="acme-production",
                filestore=Filestore(bucket="acme-filestore", prefix=identity.database),
            ),
            opts,
        )
        Traefik(
            "edge",
            TraefikArgs(identity=identity, replicas=3, shared=False, load_balancer_cidrs=CIDRS),
            opts,
        )
        Routes("routes", RoutesArgs(identity=identity, plan=plan, edge=identity.retailer, edge_replicas=3), opts)
        Autoscaling(
            "scaling",
            AutoscalingArgs(
                identity=identity,
                plan=plan,
                edge_namespace=identity.namespace,
                database_host="acme-db-rw.acme-production.svc",
            ),
            opts,
        )

    return build


OTHERS = (
    "acme-db",
    "restore-drill",
    "rotation",
    "cnpg",
    "redis",
    "database-readonly",
    "database-keda",
    "observability",
    "keda",
    "PriorityClass",
    "letsencrypt",
    "application-team",
    "approver",
    "aws",
)
"""Words of what other components and the platform's operators bring: here nobody does."""


@pytest.mark.parametrize("preview", [True, False])
def test_every_object_is_valid_and_refers_to_what_is_there(
    run_component: Any, identity: Identity, make_test_plan: Callable[..., Plan], preview: bool
) -> None:
    report = check(run_component(workloads(identity, make_test_plan()), preview=preview))
    ours = [finding for finding in report.findings if not any(word in finding.message for word in OTHERS)]
    assert not ours
    assert report.custom["ScaledObject"] == 6
    assert report.builtin["Deployment"] == 9


def names(evaluation: Evaluation) -> list[tuple[str, str]]:
    return sorted((item.kind, item.name) for item in kubernetes_objects(evaluation))


def test_the_season_changes_no_kind_and_no_name(
    run_component: Any, identity: Identity, make_test_plan: Callable[..., Plan]
) -> None:
    normal = run_component(workloads(identity, make_test_plan(season="normal")))
    peak = run_component(workloads(identity, make_test_plan(season="peak")))
    assert names(normal) == names(peak)
    assert list(normal.resources) == list(peak.resources)


def test_nothing_that_a_policy_must_read_is_unknown_in_a_preview(
    run_component: Any, identity: Identity, make_test_plan: Callable[..., Plan]
) -> None:
    evaluation = run_component(workloads(identity, make_test_plan()), preview=True)
    unknown = [item.name for item in kubernetes_objects(evaluation) if contains(item.manifest, lambda v: v is UNKNOWN)]
    assert not unknown


def test_no_resource_is_under_a_default_provider(
    run_component: Any, identity: Identity, make_test_plan: Callable[..., Plan]
) -> None:
    evaluation = run_component(workloads(identity, make_test_plan()))
    default = [
        resource.urn
        for resource in evaluation.resources.values()
        if resource.custom and not resource.provider and not resource.type.startswith("pulumi:")
    ]
    assert not default
