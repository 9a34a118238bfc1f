"""The rotation job: when it runs, what it may touch, and that its pod finds its scripts and its plan."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components.pod_scripts.rotate import Plan
from components.rotation import NAME, Rotation, RotationArgs, SharedCopy
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation, reveal
from retail.naming import Identity

PREFIX = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:retail/acme/production/"
SHARED_COPY = SharedCopy("platform-production", "acme-production-database-app")
OWN = ["database-app", "database-a", "database-b", "database-readonly", "database-keda", "odoo-admin", "redis"]


@pytest.fixture(scope="module")
def run(run_component: Any, identity: Identity) -> Callable[..., Evaluation]:
    def run(*, preview: bool = False, **changes: Any) -> Evaluation:
        given: dict[str, Any] = {
            "schedule": "7 5 22 1,2,3 *",
            "time_zone": "Europe/Paris",
            "image": "registry.example/odoo@sha256:" + "0" * 64,
            "owner": "acme",
            "eks_cluster_name": "acme-production",
            "database_host": "acme-db-rw.acme-production.svc",
            "redis_host": "sessions.example",
            "managed_redis": True,
            **changes,
        }

        def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
            Rotation("rotation", RotationArgs(identity=identity, **given), opts)

        evaluation: Evaluation = run_component(build, preview=preview)
        return evaluation

    return run


def objects(evaluation: Evaluation) -> dict[tuple[str, str], Any]:
    return {(item.kind, item.namespace or ""): reveal(item.manifest) for item in kubernetes_objects(evaluation)}


def statements(evaluation: Evaluation) -> dict[str, Any]:
    (policy,) = [each for each in evaluation.resources.values() if each.type == "aws:iam/rolePolicy:RolePolicy"]
    return {each["Sid"]: each for each in json.loads(policy.inputs["policy"])["Statement"]}


@pytest.mark.parametrize("preview", [False, True])
def test_its_aws_role_reaches_its_own_secrets_and_session_store_alone(
    run: Callable[..., Evaluation], preview: bool
) -> None:
    found = statements(run(preview=preview))  # literal before anything exists, so that a preview can be judged
    assert found["Secrets"]["Resource"] == [f"{PREFIX}{secret}-??????" for secret in OWN]
    assert sorted(action.partition(":")[2] for action in found["Secrets"]["Action"]) == [
        "DescribeSecret",
        "GetSecretValue",
        "PutSecretValue",
        "UpdateSecretVersionStage",
    ]
    store = found["SessionStore"]
    assert (
        store["Resource"] == "arn:aws:elasticache:eu-central-1:111122223333:replicationgroup:acme-production-sessions"
    )
    assert set(store["Action"]) == {"elasticache:DescribeReplicationGroups", "elasticache:ModifyReplicationGroup"}
    assert found["Key"]["Condition"]["ForAnyValue:StringLike"] == {
        "kms:ResourceAliases": "alias/retail/acme/production"
    }


def test_a_pods_password_is_rotated_without_a_right_in_elasticache(run: Callable[..., Evaluation]) -> None:
    assert "SessionStore" not in statements(run(managed_redis=False))


def test_where_the_database_is_shared_there_is_one_role(run: Callable[..., Evaluation]) -> None:
    evaluation = run(shared_copy=SHARED_COPY)
    expected = [f"{PREFIX}{secret}-??????" for secret in ("database-app", "odoo-admin", "redis")]
    assert statements(evaluation)["Secrets"]["Resource"] == expected
    role = objects(evaluation)["Role", "platform-production"]
    assert role["metadata"]["name"] == "acme-production-rotation"
    assert role["rules"] == [
        {
            "apiGroups": ["external-secrets.io"],
            "resources": ["externalsecrets"],
            "verbs": ["get", "patch"],
            "resourceNames": ["acme-production-database-app"],
        }
    ]
    binding = objects(evaluation)["RoleBinding", "platform-production"]
    assert binding["subjects"] == [{"kind": "ServiceAccount", "name": NAME, "namespace": "acme-production"}]


def test_in_kubernetes_it_touches_external_secrets_and_no_secret(run: Callable[..., Evaluation]) -> None:
    (rule,) = objects(run())["Role", "acme-production"]["rules"]
    assert (rule["apiGroups"], rule["resources"]) == (["external-secrets.io"], ["externalsecrets"])
    assert set(rule["verbs"]) == {"get", "list", "patch"}


def test_it_runs_on_its_schedule_or_not_at_all(run: Callable[..., Evaluation]) -> None:
    spec = objects(run())["CronJob", "acme-production"]["spec"]
    assert (spec["schedule"], spec["timeZone"]) == ("7 5 22 1,2,3 *", "Europe/Paris")
    assert spec["concurrencyPolicy"] == "Forbid"
    assert spec["startingDeadlineSeconds"] <= 3600  # a run that was missed never starts in the freeze behind it
    assert spec["jobTemplate"]["spec"]["backoffLimit"] >= 1  # it may be killed and started again


def test_the_pod_finds_its_scripts_and_its_plan(run: Callable[..., Evaluation], tmp_path: Path) -> None:
    made = objects(run(shared_copy=SHARED_COPY))
    files = made["ConfigMap", "acme-production"]["data"]
    pod = made["CronJob", "acme-production"]["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,), (volume,) = pod["containers"], pod["volumes"]
    for item in volume["configMap"]["items"]:
        mounted = tmp_path / item["path"]
        mounted.parent.mkdir(parents=True, exist_ok=True)
        mounted.write_text(files[item["key"]])
    environment = {each["name"]: each["value"] for each in container["env"]}
    plan = tmp_path / Path(environment["ROTATION_PLAN"]).relative_to(container["workingDir"])
    tini, end, python, *arguments = container["command"]
    assert (tini, end, python) == ("tini", "--", "python3")
    (tmp_path / "psycopg2.py").write_text("")
    (tmp_path / "redis.py").write_text("")
    run_there = subprocess.run(
        [sys.executable, *arguments],
        cwd=tmp_path,
        env={"ROTATION_PLAN": str(plan), "PYTHONPATH": "", "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    # It has come as far as the Kubernetes API, which is not here: everything it imports and reads was found.
    assert "KeyError: 'KUBERNETES_SERVICE_HOST'" in run_there.stderr, run_there.stderr
    parsed = Plan(**json.loads(plan.read_text()))
    assert asdict(parsed)["elsewhere"] == [
        "/apis/external-secrets.io/v1/namespaces/platform-production/externalsecrets/acme-production-database-app"
    ]
    assert parsed.slots == [] and parsed.readers == []


def test_the_plan_of_a_database_of_ones_own(run: Callable[..., Evaluation]) -> None:
    plan = Plan(**json.loads(objects(run())["ConfigMap", "acme-production"]["data"]["plan.json"]))
    own = "retail/acme/production/"
    assert plan.slots == [f"{own}database-a", f"{own}database-b"]
    assert plan.readers == [f"{own}database-readonly", f"{own}database-keda"]
    assert (plan.login, plan.acts_as, plan.elsewhere) == (f"{own}database-app", "acme_production", [])
    assert plan.group == "acme-production-sessions"
    assert plan.database["host"] == "acme-db-rw.acme-production.svc"  # never through a pooler: the lock is a session's
    assert plan.copies == "/apis/external-secrets.io/v1/namespaces/acme-production/externalsecrets"
