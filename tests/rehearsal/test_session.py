"""`up` and `down` as a user lives through them, on embedded control planes with the real program.

One control plane for each group of tests: a test of a group leaves the stack as the first `up` made it.
"""

import base64
import io
import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from typer.testing import CliRunner

from rehearsal import session
from rehearsal.cli import app
from rehearsal.cluster import placement
from rehearsal.cluster.changes import ApplyError
from rehearsal.cluster.client import Client
from rehearsal.cluster.definitions import install
from rehearsal.controlplane import boot
from rehearsal.controlplane.ports import is_free
from rehearsal.crds.catalogue import load_crds
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation
from rehearsal.paths import PROJECT_DIR
from rehearsal.progress import LineProgress, QuietProgress
from rehearsal.session import Outcome, Request

pytestmark = pytest.mark.cluster

QUIET = QuietProgress()
STAND_INS = "stand-ins"
"""Their process, among those of a control plane."""
SPACE = "petit-marche-development"
CANARY = "CANARY-b33f-7720"
PATIENCE = 120.0
"""Seconds that a command of another process may take; on an idle machine they take ten."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the control planes of this module are; none is left at its end."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REHEARSAL_HOME", str(folder))
        yield folder
        for name in boot.planes():
            boot.stop(name, QUIET)


@pytest.fixture(scope="module")
def dev(home: Path) -> Iterator[Outcome]:  # noqa: ARG001 - where it is
    """The stack dev, up."""
    yield up("dev")
    session.down("dev", QUIET)


@pytest.fixture
def client(dev: Outcome) -> Iterator[Client]:
    with Client(dev.kubeconfig) as connected:
        yield connected


def up(stack: str, at: str = "floor", project: Path = PROJECT_DIR, **config: str) -> Outcome:
    outcome = session.up(Request(stack, config, at, project_dir=project), QUIET)
    assert outcome.placement.complete, (outcome.placement.pending, outcome.placement.waiting)
    return outcome


def command(*arguments: str) -> "subprocess.Popen[str]":
    """The command line, in a process of its own."""
    line = [sys.executable, "-W", "ignore", "-m", "rehearsal", *arguments]
    return subprocess.Popen(line, cwd=PROJECT_DIR, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def uids(client: Client, *kinds: tuple[str, str], labels: str = "") -> dict[str, str]:
    """UIDs by kind and name, of one stack's namespace."""
    return {
        f"{kind} {item['metadata']['name']}": item["metadata"]["uid"]
        for api_version, kind in kinds
        for item in client.list(api_version, kind, SPACE, labels=labels).items
    }


def stateful(client: Client) -> dict[str, str]:
    """What must outlive every change of season: the database, its volumes and pods, and Redis."""
    kept = uids(client, ("postgresql.cnpg.io/v1", "Cluster"), ("v1", "PersistentVolumeClaim"))
    kept |= uids(client, ("v1", "Pod"), labels="cnpg.io/cluster")
    kept |= uids(client, ("apps/v1", "Deployment"), ("v1", "Pod"), labels="app.kubernetes.io/name=redis")
    assert {name.split()[0] for name in kept} == {"Cluster", "PersistentVolumeClaim", "Pod", "Deployment"}
    return kept


def live(client: Client, api_version: str, kind: str, name: str) -> dict[str, Any]:
    found = client.get(api_version, kind, name, SPACE)
    assert found is not None, f"{kind} {name} is not there"
    return found


def missing(client: Client, evaluation: Evaluation) -> list[str]:
    """Objects of the program that are not in the cluster."""
    return [
        item.urn
        for item in kubernetes_objects(evaluation)
        if client.get(item.api_version, item.kind, item.name, item.namespace) is None
    ]


def happened(outcome: Outcome) -> dict[str, int]:
    """How many objects `up` created, changed, ... ; those it left as they were don't count."""
    changes = session.page_of(outcome)["changes"]
    return {name: len(items) for name, items in changes.items() if items and name != "unchanged"}


def copy_of_project(folder: Path, file: str, old: str, new: str) -> Path:
    """The program with one change in one of its files."""
    for name in ("Pulumi.yaml", "Pulumi.dev.yaml", "__main__.py"):
        shutil.copy(PROJECT_DIR / name, folder / name)
    for name in ("retail", "components", "policies"):
        shutil.copytree(PROJECT_DIR / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    change(folder, file, old, new)
    return folder


def change(folder: Path, file: str, old: str, new: str) -> None:
    text = (folder / file).read_text()
    assert text.count(old) == 1, f"{file} has changed: this test wants {old!r} in it once"
    (folder / file).write_text(text.replace(old, new))


def eventually(holds: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come about in {PATIENCE:.0f} s"
        time.sleep(0.1)


def test_everything_stands_after_the_first_up(dev: Outcome, client: Client) -> None:
    assert happened(dev) == {"created": len(kubernetes_objects(dev.evaluation))}
    assert missing(client, dev.evaluation) == []
    assert {pod.zone[-1] for pod in dev.placement.pods} == set("abc")
    assert not [pod for pod in dev.placement.pods if not pod.pool]
    assert dev.placement.addresses
    assert session.running_plane(None) == session.running_plane("dev") == "dev"


def test_the_page_has_everything_to_go_on_with(dev: Outcome) -> None:
    page = json.loads(json.dumps(session.page_of(dev)))
    assert page["complete"] is True
    assert page["outputs"]["urls"]["storefront"] == "https://shop.dev.petit-marche.example"
    assert any("rehearsal down dev" in step["command"] for step in page["next"])
    tiers = {"storefront", "backoffice", "pos", "websocket", "integration", "background", "jobrunner", "scheduled"}
    assert tiers <= {row["workload"] for row in page["pods"]}
    assert {"system", "data", "web"} <= {row["pool"] for row in page["nodes"]}


def test_run_again_it_changes_nothing(client: Client) -> None:
    kinds = (("apps/v1", "Deployment"), ("v1", "Pod"), ("postgresql.cnpg.io/v1", "Cluster"))
    before = uids(client, *kinds)
    assert happened(up("dev")) == {}
    assert uids(client, *kinds) == before


def test_the_season_changes_numbers_and_nothing_that_holds_state(client: Client) -> None:
    before = stateful(client)
    peak = up("dev", season="peak")
    assert stateful(client) == before
    assert happened(peak).keys() == {"changed"}, "the same kinds and names: nothing was made, replaced or deleted"
    assert missing(client, peak.evaluation) == []
    changed = {name.partition(" ")[0] for name in peak.changes.changed}
    assert {"ScaledObject", "CronJob"} <= changed
    assert changed <= {"ScaledObject", "CronJob", "Deployment", "Middleware", "NodePool", "ResourceQuota"}
    assert live(client, "batch/v1", "CronJob", "reconciliation")["spec"]["suspend"] is True
    back = up("dev")
    assert sorted(back.changes.changed) == sorted(peak.changes.changed)
    assert stateful(client) == before
    assert live(client, "batch/v1", "CronJob", "reconciliation")["spec"]["suspend"] is False


def test_what_was_changed_by_hand_is_put_right(client: Client) -> None:
    mine = {"metadata": {"labels": {"app.kubernetes.io/name": "mine"}}}
    client.patch("apps/v1", "Deployment", "scheduled", mine, SPACE)
    client.patch("v1", "Service", "storefront", mine, SPACE)
    client.delete("policy/v1", "PodDisruptionBudget", "storefront", SPACE)
    client.delete("apps/v1", "Deployment", "pos", SPACE)
    right = up("dev")
    assert sorted(right.changes.restored) == [f"Deployment {SPACE}/scheduled", f"Service {SPACE}/storefront"]
    assert sorted(right.changes.created) == [f"Deployment {SPACE}/pos", f"PodDisruptionBudget {SPACE}/storefront"]
    assert live(client, "apps/v1", "Deployment", "scheduled")["status"]["readyReplicas"] == 2


def test_a_tier_that_left_the_program_is_pruned_and_comes_back(client: Client, tmp_path: Path) -> None:
    fewer = copy_of_project(
        tmp_path,
        "components/odoo.py",
        "if tier is not Tier.BATCH",
        "if tier not in (Tier.BATCH, Tier.BACKGROUND)",
    )
    change(
        fewer,
        "components/autoscaling.py",
        "in scaled.items():",
        "in [each for each in scaled.items() if each[0] is not Tier.BACKGROUND]:",
    )
    before = stateful(client)
    without = up("dev", project=fewer)
    assert f"Deployment {SPACE}/background" in without.changes.deleted
    assert happened(without) == {"deleted": len(without.changes.deleted)}
    assert all("background" in name for name in without.changes.deleted)
    assert client.get("apps/v1", "Deployment", "background", SPACE) is None
    assert not [pod for pod in without.placement.pods if pod.workload == "background"]
    again = up("dev")
    assert sorted(again.changes.created) == sorted(without.changes.deleted)
    assert stateful(client) == before


def test_what_is_protected_is_refused_with_the_reason(client: Client, tmp_path: Path) -> None:
    renamed = copy_of_project(tmp_path, "components/database_archive.py", 'f"{identity.retailer}-db"', '"other-db"')
    before = stateful(client)
    with pytest.raises(ApplyError) as refused:
        up("dev", project=renamed)
    (reason,) = (each.reason for each in refused.value.changes.refused if each.what == f"Cluster {SPACE}/other-db")
    assert reason.startswith("protected: it can't become")
    assert "protected" in str(refused.value) and refused.value.exit_code == 1
    assert stateful(client) == before
    up("dev")
    assert stateful(client) == before


def test_the_ceiling_has_room_for_every_tier_and_the_floor_comes_back(client: Client, dev: Outcome) -> None:
    ceilings = {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"]["maxReplicaCount"]
        for each in client.list("keda.sh/v1alpha1", "ScaledObject", SPACE).items
    }
    up("dev", at="ceiling")
    for tier, ceiling in ceilings.items():
        assert live(client, "apps/v1", "Deployment", tier)["status"]["readyReplicas"] == ceiling
    back = up("dev")
    count = {tier: sum(pod.workload == tier for pod in back.placement.pods) for tier in ceilings}
    assert count == {tier: sum(pod.workload == tier for pod in dev.placement.pods) for tier in ceilings}


def test_a_killed_control_plane_comes_back_with_all_it_had(client: Client) -> None:
    before = stateful(client)
    for process in boot.status("dev").values():
        assert process.pid
        psutil.Process(process.pid).kill()
    eventually(lambda: not boot.running("dev"), "the death of the control plane")
    up("dev")
    assert all(process.pid for process in boot.status("dev").values())
    assert STAND_INS in boot.status("dev")
    assert stateful(client) == before


@pytest.mark.usefixtures("dev")
def test_two_ups_at_once_wait_for_each_other() -> None:
    both = [command("up", "dev", "--json"), command("up", "dev", "--json")]
    said = [each.communicate(timeout=PATIENCE) for each in both]
    assert [each.returncode for each in both] == [0, 0], said
    assert any("waiting for another" in errors for _, errors in said)
    assert all(json.loads(page)["complete"] for page, _ in said)


@pytest.mark.parametrize("step", ["starting the control plane dev", "the program's objects"])
@pytest.mark.usefixtures("dev")
def test_interrupted_up_is_continued_by_the_next(step: str) -> None:
    session.down("dev", QUIET)
    going = command("up", "dev")
    assert going.stderr
    said = ""
    while f"{step} ..." not in said:
        line = going.stderr.readline()
        assert line, f"ended before {step}: {said}"
        said += line
    going.send_signal(signal.SIGINT)
    _, rest = going.communicate(timeout=PATIENCE)
    assert going.returncode == 130, said + rest
    assert "interrupted; the same command goes on from here" in rest
    assert "Traceback" not in rest
    outcome = up("dev")
    with Client(outcome.kubeconfig) as client:
        assert missing(client, outcome.evaluation) == []


@pytest.mark.usefixtures("dev")
def test_a_secret_of_the_configuration_is_nowhere_on_disk(home: Path) -> None:
    said = io.StringIO()
    relay = {"smtp-host": "mail.example.com", "smtp-user": "shop", "smtp-password": CANARY}
    outcome = session.up(Request("dev", relay), LineProgress(said))
    generated = [
        resource.outputs["result"].value
        for resource in outcome.evaluation.resources.values()
        if resource.type == "random:index/randomPassword:RandomPassword"
    ]
    assert len(generated) >= 3
    texts = [CANARY, *generated]
    needles = [form for text in texts for form in (text.encode(), base64.b64encode(text.encode()).rstrip(b"="))]
    files = [path for path in home.rglob("*") if path.is_file()]
    on_disk = {path: path.read_bytes() for path in files}
    assert any(SPACE.encode() in content for path, content in on_disk.items() if "etcd" in path.parts)
    leaks = [path.relative_to(home) for path, content in on_disk.items() if any(each in content for each in needles)]
    assert leaks == []
    shown = said.getvalue() + json.dumps(session.page_of(outcome))
    assert not [text for text in texts if text in shown]
    command_lines = [each.info["cmdline"] or [] for each in psutil.process_iter(["cmdline"])]
    assert not [line for line in command_lines if any(text in " ".join(line) for text in texts)]
    open_to_others = [
        path for path in (home / "dev").rglob("*") if path.stat().st_mode & 0o077 and not path.is_socket()
    ]
    assert open_to_others == []
    # Secrets Manager's own object left the program, and is protected, though it exists nowhere in a rehearsal.
    with pytest.raises(ApplyError, match=r"(?s)1 object .* petit-marche-secrets-smtp: protected: "):
        up("dev")


@pytest.mark.usefixtures("dev")
def test_down_leaves_nothing(home: Path) -> None:
    plane = boot.start("dev", QUIET)
    pids = [process.pid for process in boot.status("dev").values()]
    assert all(pids) and not any(map(is_free, plane.ports.values()))
    done = CliRunner().invoke(app, ["down", "dev"])
    assert (done.exit_code, done.stdout) == (0, "down: dev\n"), done.stderr
    # In a container whose first process does not reap, the dead stay as zombies.
    running = {each.pid for each in psutil.process_iter(["status"]) if each.info["status"] != psutil.STATUS_ZOMBIE}
    assert not running & set(pids)
    assert all(map(is_free, plane.ports.values()))
    assert not home.exists()
    mentions = [each for each in psutil.process_iter(["cmdline"]) if str(home) in " ".join(each.info["cmdline"] or ())]
    assert mentions == []
    assert session.down("dev", QUIET) == []


def test_an_existing_cluster_is_used_as_it_is(dev: Outcome, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second control plane plays it: with the operators' definitions, without operators and nodes."""
    monkeypatch.setattr(placement, "wait", lambda client, *_, **__: placement.look(client, stand_ins=False))
    elsewhere = boot.start("elsewhere", QUIET)
    try:
        with Client(elsewhere.kubeconfig) as client:
            used = {item.kind for item in kubernetes_objects(dev.evaluation)}
            install(client, [each for each in load_crds() if each["spec"]["names"]["kind"] in used], QUIET)
            outcome = session.up(Request("dev", kubeconfig=elsewhere.kubeconfig), QUIET)
            assert client.list("v1", "Node").items == []
            assert client.get("apps/v1", "Deployment", "storefront", SPACE)
            assert not outcome.embedded and not outcome.placement.complete
            assert client.list("postgresql.cnpg.io/v1", "Cluster").items[0].get("status") is None
            assert STAND_INS not in boot.status("elsewhere")
            again = session.up(Request("dev", kubeconfig=elsewhere.kubeconfig), QUIET)
            assert happened(again) == {}
    finally:
        boot.stop("elsewhere", QUIET)
        for folder in home.glob("cluster-*"):
            shutil.rmtree(folder)


def test_hosted_retailers_join_their_platforms_control_plane(home: Path) -> None:
    session.down("dev", QUIET)
    said = io.StringIO()
    training = session.up(Request("training"), LineProgress(said))
    assert training.placement.complete, training.placement
    assert "training lives on platform, which is not wholly up: bringing it up first" in said.getvalue()
    outlet = up("outlet")
    assert outlet.kubeconfig == training.kubeconfig
    assert boot.planes() == ["platform"]
    assert session.stacks_on("platform") == ["outlet", "platform", "training"]
    assert session.running_plane("training") == "platform"
    assert happened(up("training", at="ceiling")) == {}
    ceiling = up("outlet", at="ceiling")
    assert happened(ceiling) == {}
    namespaces = {pod.namespace for pod in ceiling.placement.pods}
    assert {"grand-bazar-training", "outlet-production", "platform-production"} <= namespaces

    assert session.down("training", QUIET) == ["training"]
    with Client(outlet.kubeconfig) as client:
        assert client.get("v1", "Namespace", "grand-bazar-training") is None
        assert client.list("postgresql.cnpg.io/v1", "DatabaseRole").items == []
        assert client.get("v1", "Namespace", "outlet-production")
    assert session.stacks_on("platform") == ["outlet", "platform"]
    assert happened(up("outlet")) == {}

    assert session.down("platform", QUIET) == ["outlet", "platform"]
    assert not home.exists()


def test_a_large_retailer_in_peak_finds_room_for_everything(home: Path) -> None:
    floor = up("peak")
    ceiling = up("peak", at="ceiling")
    assert len(ceiling.placement.pods) > len(floor.placement.pods)
    assert len(ceiling.placement.nodes) > len(floor.placement.nodes)
    assert session.down("peak", QUIET) == ["peak"]
    assert not home.exists()
