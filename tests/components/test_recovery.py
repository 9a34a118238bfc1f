"""The restore drill's objects: where it runs, what it may do, what it restores into."""

import json
from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.drill_network import drill_policies
from components.recovery import SCRIPTS, Recovery, RecoveryArgs, drill_schedule
from components.tier_role import Filestore
from rehearsal.crds.catalogue import load_crds
from rehearsal.crds.validate import CustomResources
from rehearsal.engine.kubernetes_objects import KubernetesObject, kubernetes_objects
from rehearsal.engine.model import Evaluation
from retail.naming import Identity
from retail.plan import Plan

API = ("10.20.240.0/27",)
FILESTORE = Filestore(bucket="acme-filestore", prefix="acme-production")


@pytest.fixture(scope="module")
def run(run_component: Any, identity: Identity, make_test_plan: Callable[..., Plan]) -> Callable[..., Evaluation]:
    plan = make_test_plan()
    database = plan.database
    assert database is not None

    def run(filestore: Filestore | None) -> Evaluation:
        def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
            Recovery(
                "recovery",
                RecoveryArgs(
                    identity=identity,
                    objectives=plan.objectives,
                    plan=database,
                    owner=identity.retailer,
                    image=plan.settings.image,
                    time_zone="Europe/Paris",
                    eks_cluster_name="acme-production",
                    server_name="acme-db-v18-1",
                    backup_bucket="acme-backups",
                    kms_key_arn="arn:key",
                    api_cidrs=API,
                    filestore=filestore,
                ),
                opts,
            )

        made: Evaluation = run_component(build)
        return made

    return run


@pytest.fixture(scope="module")
def evaluation(run: Callable[..., Evaluation]) -> Evaluation:
    return run(FILESTORE)


@pytest.fixture(scope="module")
def made(evaluation: Evaluation) -> dict[str, KubernetesObject]:
    return {f"{item.kind} {item.name}": item for item in kubernetes_objects(evaluation)}


@pytest.fixture(scope="module")
def scratch(made: dict[str, KubernetesObject]) -> dict[str, Any]:
    cluster: dict[str, Any] = json.loads(made["ConfigMap restore-drill-manifest"].manifest["data"]["cluster.json"])
    return cluster


@pytest.fixture(scope="module")
def container(made: dict[str, KubernetesObject]) -> dict[str, Any]:
    (found,) = made["CronJob restore-drill"].manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def environment(container: dict[str, Any]) -> dict[str, Any]:
    return {entry["name"]: entry.get("value") for entry in container["env"]}


def test_everything_is_away_from_what_is_alive(made: dict[str, KubernetesObject], scratch: dict[str, Any]) -> None:
    """Who may create a CNPG Cluster chooses its ServiceAccount: such an account must not be beside a live database."""
    namespaces = {item.namespace for item in made.values()} - {None}
    assert namespaces == {"acme-production-drill"} == {scratch["metadata"]["namespace"]}
    assert made["Namespace acme-production-drill"].manifest["metadata"]["labels"]["retail/tenant"] == "acme"


def test_the_scratch_cluster_is_one_that_the_operator_takes(scratch: dict[str, Any]) -> None:
    assert CustomResources(load_crds()).problems(scratch) == []


def policies(evaluation: Evaluation) -> dict[str, list[dict[str, Any]]]:
    """IAM statements by the ServiceAccount whose pods have them."""
    found = {}
    associations = [r for r in evaluation.resources.values() if r.type.startswith("aws:eks/podIdentity")]
    for association in associations:
        assert association.inputs["namespace"] == "acme-production-drill"
        name = association.name.removesuffix("-association")
        (policy,) = [r for r in evaluation.resources.values() if r.name == f"{name}-policy"]
        found[association.inputs["serviceAccount"]] = json.loads(policy.inputs["policy"])["Statement"]
    return found


def test_nothing_there_can_write_to_aws(scratch: dict[str, Any], evaluation: Evaluation) -> None:
    assert "plugins" not in scratch["spec"]
    assert scratch["metadata"]["annotations"] == {"cnpg.io/skipWalArchiving": "enabled"}
    found = policies(evaluation)
    assert found.keys() == {"acme-drill", "restore-drill"}
    assert scratch["spec"]["serviceAccountName"] == "acme-drill"
    actions = {
        action
        for statements in found.values()
        for each in statements
        for action in ([each["Action"]] if isinstance(each["Action"], str) else each["Action"])
    }
    assert actions == {
        "kms:Decrypt",
        "s3:GetObject",
        "s3:GetObjectVersion",
        "s3:ListBucket",
        "s3:ListBucketVersions",
    }


def test_the_drill_reads_attachments_and_the_scratch_cluster_the_archive(evaluation: Evaluation) -> None:
    found = policies(evaluation)
    assert "acme-filestore/acme-production/*" in json.dumps(found["restore-drill"])
    assert "acme-backups" not in json.dumps(found["restore-drill"])
    assert "acme-backups/postgresql/*" in json.dumps(found["acme-drill"])
    assert "acme-filestore" not in json.dumps(found["acme-drill"])


def test_a_platform_compares_no_attachments(run: Callable[..., Evaluation]) -> None:
    evaluation = run(None)
    assert policies(evaluation).keys() == {"acme-drill"}
    (job,) = [item for item in kubernetes_objects(evaluation) if item.kind == "CronJob"]
    (container,) = job.manifest["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    given = environment(container)
    assert (given["DRILL_BUCKET"], given["DRILL_DATABASE"]) == ("", "")


def test_volumes_of_drills_are_encrypted_with_the_retailers_key_and_go_with_them(
    made: dict[str, KubernetesObject], scratch: dict[str, Any]
) -> None:
    volumes = made[f"StorageClass {scratch['spec']['storage']['storageClass']}"].manifest
    assert (volumes["reclaimPolicy"], volumes["parameters"]["kmsKeyId"]) == ("Delete", "arn:key")


def test_the_scratch_cluster_gives_way_first(scratch: dict[str, Any]) -> None:
    assert scratch["spec"]["priorityClassName"] == "deferrable"
    assert scratch["spec"]["affinity"]["nodeSelector"]["retail/pool"] == "jobs"


def test_recovery_has_the_connections_of_the_source(
    scratch: dict[str, Any], make_test_plan: Callable[..., Plan]
) -> None:
    """PostgreSQL stops a recovery with fewer than the source had."""
    database = make_test_plan().database
    assert database is not None
    assert scratch["spec"]["postgresql"]["parameters"]["max_connections"] == str(database.budget.max_connections)


def test_commit_times_are_kept_on_both_sides(scratch: dict[str, Any], make_test_plan: Callable[..., Plan]) -> None:
    from components.postgres_parameters import postgres_parameters

    plan = make_test_plan()
    assert plan.database is not None
    assert scratch["spec"]["postgresql"]["parameters"]["track_commit_timestamp"] == "on"
    assert postgres_parameters(plan.database, plan.objectives)["track_commit_timestamp"] == "on"


def test_the_drill_may_use_that_cluster_and_its_password_only(made: dict[str, KubernetesObject]) -> None:
    create, rest, secret = made["Role restore-drill"].manifest["rules"]
    assert (create["verbs"], create["resources"]) == (["create"], ["clusters"])
    assert (rest["verbs"], rest["resourceNames"]) == (["get", "delete"], ["acme-drill"])
    assert (secret["verbs"], secret["resourceNames"]) == (["get"], ["acme-drill-superuser"])


def test_the_job_has_the_regional_rto_and_room_to_clean_up(
    made: dict[str, KubernetesObject], container: dict[str, Any]
) -> None:
    spec = made["CronJob restore-drill"].manifest["spec"]
    job = spec["jobTemplate"]["spec"]
    allowed = int(environment(container)["DRILL_TIMEOUT_SECONDS"])
    assert allowed == 3600
    assert job["activeDeadlineSeconds"] > allowed + 2 * 300
    assert job["template"]["spec"]["terminationGracePeriodSeconds"] > 300
    assert (spec["schedule"], spec["timeZone"], spec["concurrencyPolicy"]) == ("0 4 * * 0", "Europe/Paris", "Forbid")


def test_what_a_killed_drill_leaves_goes_with_its_job(
    made: dict[str, KubernetesObject], container: dict[str, Any]
) -> None:
    """The scratch cluster belongs to the job (the drill says so when it creates it), and a finished job is removed."""
    job = made["CronJob restore-drill"].manifest["spec"]["jobTemplate"]["spec"]
    assert 0 < job["ttlSecondsAfterFinished"] <= 6 * 3600
    paths = {
        entry["name"]: entry["valueFrom"]["fieldRef"]["fieldPath"] for entry in container["env"] if "valueFrom" in entry
    }
    assert paths == {
        "DRILL_JOB": "metadata.labels['batch.kubernetes.io/job-name']",
        "DRILL_JOB_UID": "metadata.labels['batch.kubernetes.io/controller-uid']",
    }


def test_data_may_be_as_old_as_the_regional_rpo_and_a_quiet_hour(container: dict[str, Any]) -> None:
    assert environment(container)["DRILL_ALLOWED_AGE_SECONDS"] == str(300 + 3600)


def test_the_whole_program_is_in_the_pod(made: dict[str, KubernetesObject], container: dict[str, Any]) -> None:
    data = made["ConfigMap restore-drill-files"].manifest["data"]
    assert data == {file.name: file.read_text() for file in SCRIPTS.glob("*.py")}
    assert "__main__.py" in data
    assert container["command"][-2:] == ["-m", "restore_drill"]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "files"]
    assert mount["mountPath"] == f"{container['workingDir']}/restore_drill"


def test_the_quota_is_one_drill(made: dict[str, KubernetesObject]) -> None:
    hard = made["ResourceQuota quota"].manifest["spec"]["hard"]
    assert (hard["pods"], hard["persistentvolumeclaims"], hard["services.loadbalancers"]) == ("3", "1", "0")


def test_no_way_leads_out_but_to_the_archive_and_the_api() -> None:
    found = drill_policies("restore-drill", 9102, API, attachments=True)
    assert found["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    for spec in found.values():
        for rule in spec.get("egress", []):
            for peer in rule["to"]:
                outside = peer.get("namespaceSelector", {}).get("matchLabels", {})
                assert outside in ({}, {"kubernetes.io/metadata.name": "kube-system"})
    sources = [peer for spec in found.values() for rule in spec.get("ingress", []) for peer in rule["from"]]
    outside = {
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for peer in sources
        if "namespaceSelector" in peer
    }
    assert outside == {"observability", "cnpg-system"}


def test_where_no_attachments_are_read_the_drill_reaches_no_storage() -> None:
    asking = {
        name
        for name, spec in drill_policies("restore-drill", 9102, API, attachments=False).items()
        for rule in spec.get("egress", [])
        if any(peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" for peer in rule["to"])
    }
    assert asking == {"restored-database"}


@pytest.mark.parametrize(("days", "schedule"), [(7, "0 4 * * 0"), (30, "0 4 1 * *"), (90, "0 4 1 */3 *")])
def test_drills_are_as_often_as_promised(days: int, schedule: str) -> None:
    assert drill_schedule(days) == schedule
