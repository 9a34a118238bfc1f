"""The restore drill: its objects, and its script against an API server that is played."""

import email.message
import importlib.util
import json
import urllib.error
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
import pytest

from components.recovery import SCRIPT, Recovery, RecoveryArgs, drill_schedule
from rehearsal.crds.catalogue import load_crds
from rehearsal.crds.validate import CustomResources
from rehearsal.engine.kubernetes_objects import KubernetesObject, kubernetes_objects
from rehearsal.engine.model import Evaluation
from retail.naming import Identity
from retail.plan import Plan


@pytest.fixture(scope="module")
def evaluation(run_component: Any, identity: Identity, make_test_plan: Callable[..., Plan]) -> Evaluation:
    plan = make_test_plan()
    database = plan.database
    assert database is not None

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
                object_store="acme-db-backups",
                backup_bucket="acme-backups",
                kms_key_arn="arn:key",
            ),
            opts,
        )

    made: Evaluation = run_component(build)
    return made


@pytest.fixture(scope="module")
def made(evaluation: Evaluation) -> dict[str, KubernetesObject]:
    return {item.kind: item for item in kubernetes_objects(evaluation)}


@pytest.fixture(scope="module")
def scratch(made: dict[str, KubernetesObject]) -> dict[str, Any]:
    cluster: dict[str, Any] = json.loads(made["ConfigMap"].manifest["data"]["cluster.json"])
    return cluster


def test_the_scratch_cluster_is_one_that_the_operator_takes(scratch: dict[str, Any]) -> None:
    assert CustomResources(load_crds()).problems(scratch) == []


def test_the_scratch_cluster_writes_nowhere(scratch: dict[str, Any], evaluation: Evaluation) -> None:
    assert "plugins" not in scratch["spec"]
    assert scratch["metadata"]["annotations"] == {"cnpg.io/skipWalArchiving": "enabled"}
    (policy,) = [r for r in evaluation.resources.values() if r.type == "aws:iam/rolePolicy:RolePolicy"]
    actions = json.dumps(json.loads(policy.inputs["policy"])["Statement"])
    assert not any(verb in actions for verb in ("Put", "Delete", "Abort", "GenerateDataKey"))
    (association,) = [r for r in evaluation.resources.values() if r.type.startswith("aws:eks/podIdentity")]
    assert association.inputs["serviceAccount"] == scratch["spec"]["serviceAccountName"] == "acme-drill"


def test_the_scratch_cluster_leaves_no_volumes_and_gives_way_first(scratch: dict[str, Any]) -> None:
    assert scratch["spec"]["storage"]["storageClass"] == "gp3"
    assert scratch["spec"]["priorityClassName"] == "deferrable"
    assert scratch["spec"]["affinity"]["nodeSelector"]["retail/pool"] == "jobs"


def test_the_drill_may_look_at_and_delete_that_cluster_only(made: dict[str, KubernetesObject]) -> None:
    create, rest = made["Role"].manifest["rules"]
    assert create["verbs"] == ["create"]
    assert (rest["verbs"], rest["resourceNames"]) == (["get", "delete"], ["acme-drill"])
    assert {tuple(rule["resources"]) for rule in (create, rest)} == {("clusters",)}


def test_the_job_ends_after_the_regional_rto(made: dict[str, KubernetesObject]) -> None:
    job = made["CronJob"].manifest["spec"]
    (container,) = job["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    allowed = int(next(entry["value"] for entry in container["env"] if entry["name"] == "DRILL_TIMEOUT_SECONDS"))
    assert allowed == 3600
    assert job["jobTemplate"]["spec"]["activeDeadlineSeconds"] > allowed
    assert (job["schedule"], job["timeZone"], job["concurrencyPolicy"]) == ("0 4 * * 0", "Europe/Paris", "Forbid")


@pytest.mark.parametrize(("days", "schedule"), [(7, "0 4 * * 0"), (30, "0 4 1 * *"), (90, "0 4 1 */3 *")])
def test_drills_are_as_often_as_promised(days: int, schedule: str) -> None:
    assert drill_schedule(days) == schedule


class PlayedClusters:
    """Answers like the API server: the cluster appears on create, is ready after some reads, goes when deleted."""

    def __init__(self, ready_after: float = 2, left_over: bool = False) -> None:
        self.ready_after, self.reads, self.calls = ready_after, 0, []  # type: tuple[float, int, list[str]]
        self.there = left_over

    def create(self, manifest: dict[str, Any]) -> None:
        self.calls.append(f"create {manifest['metadata']['name']}")
        assert not self.there
        self.there = True

    def get(self, _name: str) -> dict[str, Any] | None:
        if not self.there:
            return None
        self.reads += 1
        ready = "True" if self.reads > self.ready_after else "False"
        return {"status": {"phase": "Setting up", "conditions": [{"type": "Ready", "status": ready}]}}

    def delete(self, name: str) -> None:
        self.calls.append(f"delete {name}")
        self.there = False


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with a clock that the waiting moves."""
    spec = importlib.util.spec_from_file_location("restore_drill", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    now = [0.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(module.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    return module


def test_the_drill_reports_its_duration_and_cleans_up(script: ModuleType, scratch: dict[str, Any]) -> None:
    clusters = PlayedClusters(left_over=True)
    assert script.drill(clusters, scratch, 3600) == 20
    assert clusters.calls == ["delete acme-drill", "create acme-drill", "delete acme-drill"]


def test_a_restore_that_takes_too_long_fails_and_cleans_up(script: ModuleType, scratch: dict[str, Any]) -> None:
    clusters = PlayedClusters(ready_after=float("inf"))
    with pytest.raises(TimeoutError, match="phase: Setting up"):
        script.drill(clusters, scratch, 60)
    assert not clusters.there


def test_an_api_server_that_is_away_for_a_moment_does_not_fail_the_drill(
    script: ModuleType, scratch: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    clusters = PlayedClusters()
    answers = iter([None, ConnectionError("away")])
    get = clusters.get

    def interrupted(name: str) -> dict[str, Any] | None:
        answer = next(answers, "there")
        if isinstance(answer, Exception):
            raise answer
        return get(name)

    monkeypatch.setattr(clusters, "get", interrupted)
    assert script.drill(clusters, scratch, 3600) == 30


@pytest.mark.parametrize(
    ("code", "method", "outcome"),
    [(404, "get", None), (403, "get", RuntimeError), (404, "create", RuntimeError), (503, "get", ConnectionError)],
)
def test_answers_of_the_api_server(
    script: ModuleType,
    scratch: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    code: int,
    method: str,
    outcome: Any,
) -> None:
    asked = []

    def answer(request: Any, **_: Any) -> None:
        asked.append(request)
        raise urllib.error.HTTPError(request.full_url, code, "said so", email.message.Message(), None)

    (tmp_path / "token").write_text("a-token")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    monkeypatch.setattr(script, "ACCOUNT", tmp_path)
    monkeypatch.setattr(script.ssl, "create_default_context", lambda cafile: cafile)
    monkeypatch.setattr(script.urllib.request, "urlopen", answer)
    clusters = script.Clusters("acme-production")
    call: Callable[[], Any] = (
        (lambda: clusters.create(scratch)) if method == "create" else (lambda: clusters.get("acme-drill"))
    )
    if outcome is None:
        assert call() is None
    else:
        with pytest.raises(outcome) as caught:
            call()
        assert "a-token" not in str(caught.value)
    url = "https://10.0.0.1:443/apis/postgresql.cnpg.io/v1/namespaces/acme-production/clusters"
    assert asked[0].full_url == (url if method == "create" else f"{url}/acme-drill")
    assert asked[0].get_header("Authorization") == "Bearer a-token"


@pytest.mark.parametrize(("seconds", "status"), [(600, 0), (5, 1)])
def test_the_report_is_in_the_pods_status(
    script: ModuleType,
    scratch: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    seconds: int,
    status: int,
) -> None:
    (tmp_path / "cluster.json").write_text(json.dumps(scratch))
    monkeypatch.setenv("DRILL_MANIFEST", str(tmp_path / "cluster.json"))
    monkeypatch.setenv("DRILL_TIMEOUT_SECONDS", str(seconds))
    monkeypatch.setattr(script, "TERMINATION_LOG", tmp_path / "termination-log")
    monkeypatch.setattr(script, "Clusters", lambda _namespace: PlayedClusters())
    monkeypatch.setattr(script.signal, "signal", lambda *_: None)
    assert script.main() == status
    report = json.loads((tmp_path / "termination-log").read_text())
    assert report["restored"] is (status == 0)
    assert report["source"] == "acme-db-v18-1"
