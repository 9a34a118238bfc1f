"""A release: a Job for each image, that may do what its steps need, and that Deployments wait for."""

import configparser
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.odoo import Odoo, OdooArgs
from components.odoo_release import SECONDS, image_digest
from components.tier_role import Filestore
from rehearsal.cluster.order import order
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, reveal
from retail.connection_budget import UPGRADE_CONNECTIONS
from retail.naming import Identity
from retail.plan import Plan
from retail.tiers import Tier
from tests.components.odoo_options import FROM_ENVIRONMENT, IN_FILE

OTHER_IMAGE = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/odoo@sha256:" + "1" * 64
QUIESCED = ("scheduled", "jobrunner")


@pytest.fixture(scope="module")
def run_odoo(run_component: Any, identity: Identity) -> Callable[..., Evaluation]:
    def run(plan: Plan, *, cluster: str | None = "acme-db") -> Evaluation:
        def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
            args = OdooArgs(
                identity=identity,
                plan=plan,
                placement_owner="acme",
                pooler_host="acme-db-pooler",
                integration_host="acme-db-pooler-integration",
                direct_host="acme-db-rw",
                standby_host="acme-db-ro",
                database_cluster=cluster,
                cluster_name="acme-production",
                filestore=Filestore(bucket="acme-filestore", prefix="acme"),
            )
            Odoo("odoo", args, opts)

        evaluation: Evaluation = run_component(build)
        return evaluation

    return run


@pytest.fixture(scope="module")
def odoo(run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan]) -> Evaluation:
    return run_odoo(make_test_plan())


def manifests(evaluation: Evaluation, kind: str) -> dict[str, Any]:
    return {item.name: reveal(item.manifest) for item in kubernetes_objects(evaluation) if item.kind == kind}


def job(evaluation: Evaluation) -> Any:
    (only,) = manifests(evaluation, "Job").values()
    return only


def pod(evaluation: Evaluation) -> Any:
    return job(evaluation)["spec"]["template"]["spec"]


def steps(evaluation: Evaluation) -> dict[str, Any]:
    return {each["name"]: each for each in [*pod(evaluation)["initContainers"], *pod(evaluation)["containers"]]}


def test_it_is_of_one_image_and_another_image_is_another_job(
    odoo: Evaluation, run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan]
) -> None:
    other = run_odoo(make_test_plan(image=OTHER_IMAGE))
    assert job(odoo)["metadata"]["name"] == "release-000000000000"
    assert job(other)["metadata"]["name"] == "release-111111111111"
    urns = [{urn for urn, each in ran.resources.items() if each.type.endswith(":Job")} for ran in (odoo, other)]
    assert not urns[0] & urns[1], "one URN would be a replacement: the old Job deleted before the new one is made"
    assert {each["image"] for each in steps(other).values()} == {OTHER_IMAGE}


def test_nothing_but_the_image_makes_it_run_again(
    odoo: Evaluation, run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan]
) -> None:
    other_load = make_test_plan(season="peak", stores=40, storefront_requests_per_second=50)
    assert job(run_odoo(other_load)) == job(odoo)
    assert "ttlSecondsAfterFinished" not in job(odoo)["spec"], "Pulumi would make anew what Kubernetes has removed"


def test_pods_of_an_image_come_after_its_release(odoo: Evaluation) -> None:
    objects = kubernetes_objects(odoo)
    needs = order(odoo, objects).needs
    (release,) = [item.urn for item in objects if item.kind == "Job"]
    for item in objects:
        runs_the_image = item.kind in ("Deployment", "CronJob")
        assert (release in needs[item.urn]) == runs_the_image, item.name


def test_what_it_stops_pulumi_takes_back(odoo: Evaluation) -> None:
    """The Deployments whose replicas it takes are those that state them, and are told to do so against its will."""
    quiesced = steps(odoo)["quiesce"]["env"]
    assert {"name": "RELEASE_QUIESCED", "value": ",".join(QUIESCED)} in quiesced
    for name, deployment in manifests(odoo, "Deployment").items():
        forced = deployment["metadata"]["annotations"].get("pulumi.com/patchForce")
        assert (forced, "replicas" in deployment["spec"]) == (("true", True) if name in QUIESCED else (None, False))


def test_checkpoint_then_quiet_then_the_database(odoo: Evaluation) -> None:
    assert list(steps(odoo)) == ["checkpoint", "quiesce", "release"]
    assert steps(odoo)["checkpoint"]["command"][-2:] == ["acme-db", "barman-cloud.cloudnative-pg.io"]


def test_it_may_do_what_its_steps_do_and_no_more(odoo: Evaluation) -> None:
    rules = {tuple(rule["resources"]): rule for rule in manifests(odoo, "Role")["release"]["rules"]}
    assert {resource: rule["verbs"] for (resource,), rule in rules.items()} == {
        "deployments": ["get"],
        "deployments/scale": ["patch"],
        "pods": ["list"],
        "backups": ["create", "get"],
    }
    for resource in ("deployments", "deployments/scale"):
        assert rules[(resource,)]["resourceNames"] == list(QUIESCED)


def test_where_hours_are_kept_it_pauses_keda_before_it_scales(
    run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan]
) -> None:
    hours = {"environment": "development", "objective_class": "bronze", "working_hours": "mon-fri 07:00-20:00"}
    sleeping = run_odoo(make_test_plan(**hours))
    assert steps(sleeping)["quiesce"]["command"][-2:] == ["quiesce", "paused"]
    rules = {tuple(rule["resources"]): rule for rule in manifests(sleeping, "Role")["release"]["rules"]}
    assert rules[("scaledobjects",)]["verbs"] == ["get", "patch"]
    assert rules[("scaledobjects",)]["resourceNames"] == list(QUIESCED)
    assert not [name for name, each in manifests(sleeping, "Deployment").items() if "replicas" in each["spec"]]
    for service in manifests(sleeping, "Service").values():
        assert service["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true", "nobody is behind it at night"


def test_a_shared_database_is_not_its_to_back_up(
    run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan]
) -> None:
    shared = run_odoo(make_test_plan(), cluster=None)
    assert list(steps(shared)) == ["quiesce", "release"]
    assert "postgresql.cnpg.io" not in str(manifests(shared, "Role"))


def test_the_images_modules_see_no_token_of_the_api_server(odoo: Evaluation) -> None:
    assert pod(odoo)["automountServiceAccountToken"] is False
    mounts = {name: {each["name"] for each in step["volumeMounts"]} for name, step in steps(odoo).items()}
    assert "token" not in mounts["release"]
    assert mounts["quiesce"] == mounts["checkpoint"] == {"scripts", "token"}


def test_it_is_restricted_like_every_pod(odoo: Evaluation) -> None:
    spec = pod(odoo)
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["serviceAccountName"] == "release"
    assert spec["priorityClassName"] == "critical"
    for step in steps(odoo).values():
        assert step["securityContext"]["readOnlyRootFilesystem"] is True
        assert step["resources"]["limits"]["memory"]


def test_one_attempt_unless_the_node_goes(odoo: Evaluation) -> None:
    spec = job(odoo)["spec"]
    assert spec["backoffLimit"] == 0
    assert pod(odoo)["restartPolicy"] == "Never"
    (rule,) = spec["podFailurePolicy"]["rules"]
    assert (rule["action"], rule["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert spec["template"]["metadata"]["annotations"] == {"karpenter.sh/do-not-disrupt": "true"}


def test_pulumi_waits_as_long_as_the_job_may_take(odoo: Evaluation) -> None:
    assert job(odoo)["spec"]["activeDeadlineSeconds"] == SECONDS


@pytest.mark.parametrize("series", ["18", "19"])
def test_its_configuration(
    run_odoo: Callable[..., Evaluation], make_test_plan: Callable[..., Plan], series: str
) -> None:
    evaluation = run_odoo(make_test_plan(odoo_version=series))
    conf = configparser.RawConfigParser()
    secret = manifests(evaluation, "ExternalSecret")["odoo-release"]["spec"]
    conf.read_string(secret["target"]["template"]["data"]["odoo.conf"])
    options = conf["options"]
    assert set(options) <= IN_FILE[series]
    assert options["db_host"] == "acme-db-rw", "session locks and LISTEN don't go through the poolers"
    assert int(options["db_maxconn"]) == UPGRADE_CONNECTIONS, "what the connection budget has for it"
    assert options["limit_memory_hard"] == "0"
    assert "fs_storage.filestore" in conf
    variables = {item["name"]: item["value"] for item in steps(evaluation)["release"]["env"]}
    assert variables.keys() & FROM_ENVIRONMENT[series] == {"ODOO_RC"}
    assert variables["ODOO_QUEUE_JOB_CHANNELS"] == "root:0"
    assert variables["RELEASE_SERIES"] == series
    assert variables["RELEASE_REPORT_URL"] == f"http://{Tier.BACKOFFICE}:8069"
    assert variables["RELEASE_BASE_URL"] == "https://erp.acme.example"
    assert "TO acme_production_keda" in variables["RELEASE_GRANTS"]
    assert "ODOO_SESSION_REDIS" not in variables


def test_digest() -> None:
    assert image_digest(OTHER_IMAGE) == "1" * 64
