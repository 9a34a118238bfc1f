"""Evidence: what a cluster shows of a stack, who promoted it, and that neither can be made up unnoticed."""

import subprocess
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cluster.client import Client, Listing
from rehearsal.cluster.definitions import install
from rehearsal.controlplane.boot import Plane
from rehearsal.crds.catalogue import load_crds
from rehearsal.engine.kubernetes_objects import KubernetesObject
from rehearsal.engine.model import Resource
from rehearsal.errors import UserError
from rehearsal.guardrails import evidence
from rehearsal.guardrails.configuration import read_configuration, write_configuration
from rehearsal.guardrails.evidence import Asked, keep_evidence, promotion_of, shown_by
from rehearsal.guardrails.pack import made_by_pack
from rehearsal.guardrails.repository import Repository
from rehearsal.progress import QuietProgress
from rehearsal.standins.kinds import MODE_NAMESPACE

CNPG = "postgresql.cnpg.io/v1"
NAMESPACE = "shop"


def declared(api_version: str, kind: str, name: str, namespace: str | None = NAMESPACE) -> KubernetesObject:
    resource = Resource(f"urn::{name}", f"kubernetes:{api_version}:{kind}", name, "", True, {}, {})
    return KubernetesObject(resource.urn, api_version, kind, namespace, name, {}, resource)


def live(api_version: str, kind: str, name: str, namespace: str | None = NAMESPACE, **body: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace, "generation": 2, "uid": f"uid-{name}", **body.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


def backup(name: str, cluster: str = "db", phase: str = "completed", ended: str = "2026-11-20T04:00:00Z") -> Any:
    return live(CNPG, "Backup", name, spec={"cluster": {"name": cluster}}, status={"phase": phase, "stoppedAt": ended})


class Holding:
    """A cluster that holds these objects, asked as a Client is."""

    def __init__(self, *objects: dict[str, Any], version: str = "v1.35.7-eks-3025e55") -> None:
        system = live("v1", "Namespace", "kube-system", None)
        self.version, self._objects = version, [system, live("v1", "Namespace", NAMESPACE, None), *objects]

    def get(self, api_version: str, kind: str, name: str, namespace: str | None = None) -> dict[str, Any] | None:
        found = (each for each in self.list(api_version, kind, namespace).items if each["metadata"]["name"] == name)
        return next(found, None)

    def list(self, api_version: str, kind: str, namespace: str | None = None) -> Listing:
        wanted = (api_version, kind, namespace)
        return Listing(
            [o for o in self._objects if (o["apiVersion"], o["kind"], o["metadata"]["namespace"]) == wanted], "1"
        )


DECLARED = [
    declared("v1", "Namespace", NAMESPACE, None),
    declared("apps/v1", "Deployment", "web"),
    declared(CNPG, "Cluster", "db"),
    declared("batch/v1", "CronJob", "restore-drill"),
    declared("batch/v1", "Job", "release-2"),
]


def shown(*objects: dict[str, Any], version: str = "v1.35.7-eks-3025e55") -> dict[str, Any]:
    client: Any = Holding(*objects, version=version)
    return shown_by(client, DECLARED, "peak")


def deployment(updated: int, observed: int = 2) -> dict[str, Any]:
    containers = [{"image": "r/odoo@sha256:1"}, {"image": "r/exporter@sha256:2"}]
    return live(
        "apps/v1",
        "Deployment",
        "web",
        spec={"template": {"spec": {"containers": containers}}},
        status={"replicas": 3, "updatedReplicas": updated, "observedGeneration": observed},
    )


def test_the_last_completed_backup_of_the_cluster_counts() -> None:
    found = shown(
        backup("old"),
        backup("last", ended="2026-11-21T04:00:00Z"),
        backup("running", phase="running", ended="2026-11-22T04:00:00Z"),
        backup("failed", phase="failed", ended="2026-11-22T05:00:00Z"),
        backup("other", cluster="scratch", ended="2026-11-22T06:00:00Z"),
    )
    assert found["backups"] == {"Cluster shop/db": "2026-11-21T04:00:00Z"}
    assert shown()["backups"] == {}


def test_images_are_those_of_what_is_wholly_rolled_out() -> None:
    assert shown(deployment(3))["images"] == {"Deployment shop/web": ["r/exporter@sha256:2", "r/odoo@sha256:1"]}
    assert shown(deployment(2))["images"] == {}, "two templates run at the same time"
    assert shown(deployment(3, observed=1))["images"] == {}, "the status is of the template before"


def test_drills_and_releases_that_succeeded() -> None:
    found = shown(
        live("batch/v1", "CronJob", "restore-drill", status={"lastSuccessfulTime": "2026-11-15T05:00:00Z"}),
        live("batch/v1", "Job", "release-1", status={"completionTime": "2026-11-01T05:00:00Z"}),
        live("batch/v1", "Job", "release-2", status={"failed": 1}),
        live(
            "batch/v1",
            "Job",
            "restore-drill-1",
            status={"completionTime": "2026-11-15T05:00:00Z"},
            metadata={"ownerReferences": [{"kind": "CronJob"}]},
        ),
    )
    assert found["succeeded"] == {
        "CronJob shop/restore-drill": "2026-11-15T05:00:00Z",
        "Job shop/release-1": "2026-11-01T05:00:00Z",
    }


@pytest.mark.parametrize(
    ("version", "objects", "kind"),
    [
        ("v1.35.7-eks-3025e55", [], "eks"),
        ("v1.35.7", [], "other"),
        ("v1.35.7", [live("v1", "Namespace", MODE_NAMESPACE, None)], "rehearsal"),
        ("v1.35.7-eks-3025e55", [live("v1", "Namespace", MODE_NAMESPACE, None)], "rehearsal"),
    ],
)
def test_it_says_what_cluster_it_was(version: str, objects: list[dict[str, Any]], kind: str) -> None:
    source = shown(*objects, version=version)["source"]
    assert source == {"kind": kind, "cluster": "uid-kube-system", "version": version}


def test_a_cluster_that_does_not_hold_the_stack_is_refused() -> None:
    client: Any = Holding()
    with pytest.raises(UserError, match="does not hold peak: it has no namespace other"):
        shown_by(client, [declared("v1", "Namespace", "other", None)], "peak")


Commit = Callable[..., None]


@pytest.fixture
def commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commit:
    """Commits a file in a repository of its own, by an author of this name."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)

    def make(author: str, message: str = "change") -> None:
        (tmp_path / "program.py").write_text(str(uuid.uuid4()))
        who = ["-c", f"user.name={author}", "-c", f"user.email={author}@x.example"]
        subprocess.run(["git", "-C", str(tmp_path), "add", "."], check=True)
        subprocess.run(["git", "-C", str(tmp_path), *who, "commit", "-qm", message], check=True)

    return make


def test_a_promotion_is_a_commit_its_authors_and_somebody_else(commit: Commit, tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    commit("ann")
    released = repository.commit
    commit("bob")
    commit("cid", "more\n\nCo-authored-by: Dan <Dan@x.example>")
    promotion = promotion_of(repository, released, "Eve@x.example")
    assert promotion is not None
    assert (promotion["commit"], promotion["approver"]) == (repository.commit, "eve@x.example")
    assert promotion["authors"] == ["bob@x.example", "cid@x.example", "dan@x.example"]
    for author in ("bob", "CID", "dan"):
        with pytest.raises(UserError, match="somebody else approves"):
            promotion_of(repository, released, f"{author}@x.example")
    assert promotion_of(repository, released, "ann@x.example"), "what she wrote is released already"
    assert promotion_of(repository, repository.commit, "ann@x.example")


def test_the_commit_may_say_who_approved(commit: Commit, tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    commit("ann")
    assert promotion_of(repository, "", "") is None
    commit("ann", "more\n\nReviewed-by: Bob <bob@x.example>")
    assert (promotion_of(repository, "", "") or {})["approver"] == "bob@x.example"
    commit("ann", "more\n\nApproved-by: ann@x.example")
    with pytest.raises(UserError, match="somebody else approves"):
        promotion_of(repository, "", "")


def test_what_is_not_committed_is_not_promoted(commit: Commit, tmp_path: Path) -> None:
    repository = Repository(tmp_path)
    assert repository.commit == ""
    commit("ann")
    (tmp_path / "guardrails").mkdir()
    (tmp_path / "guardrails" / "peak.json").write_text("{}")
    assert repository.commit, "what commands write there is no change of the program"
    (tmp_path / "program.py").write_text("changed")
    assert repository.commit == ""
    assert promotion_of(repository, "", "") is None
    with pytest.raises(UserError, match="what is not committed can't be approved"):
        promotion_of(repository, "", "bob@x.example")


def test_outside_a_repository_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert (Repository(tmp_path).commit, Repository(tmp_path).authors("")) == ("", [])


@pytest.fixture
def _a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of one that is reached by a kubeconfig: it holds every namespace, and nothing in them."""

    class Reached:
        version = "v1.35.7"

        def __init__(self, *_: Any, **__: Any) -> None: ...
        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None: ...
        def get(self, _: str, kind: str, name: str, namespace: str | None = None) -> Mapping[str, Any] | None:
            present = kind == "Namespace" and name != MODE_NAMESPACE
            return live("v1", kind, name, namespace) if present else None

        def list(self, *_: Any) -> Listing:
            return Listing([], "1")

    monkeypatch.setattr(evidence, "Client", Reached)


@pytest.mark.usefixtures("_a_cluster")
def test_it_is_kept_beside_the_rest_and_says_what_is_missing(commit: Commit, tmp_path: Path) -> None:
    commit("ann")
    file = tmp_path / "guardrails" / "platform.json"
    write_configuration(file, {"rehearsal": True, "baseline": {"digest": "d1", "resources": {}}})
    asked = Asked("platform", kubeconfig=tmp_path / "config", approver="bob@x.example", output=file)
    found = keep_evidence(asked, QuietProgress(), Repository(tmp_path))
    kept = read_configuration(file)
    assert kept["rehearsal"] is True and kept["evidence"] == found.evidence
    assert (kept["evidence"]["stack"], kept["evidence"]["release"]) == ("platform", "d1")
    assert kept["evidence"]["promotion"]["approver"] == "bob@x.example"
    told = "\n".join(found.missing)
    for missing in ("this one is no EKS (other)", "no completed backup of Cluster", "restore-drill never succeeded"):
        assert missing in told
    content = {key: value for key, value in found.evidence.items() if key != "digest"}
    assert made_by_pack("evidence", content)["digest"] == found.evidence["digest"]


@pytest.mark.cluster
def test_a_real_api_server_is_read_as_it_answers(plane: Plane) -> None:
    name = f"evidence-{uuid.uuid4().hex[:6]}"
    crds = [each for each in load_crds() if each["metadata"]["name"] == "backups.postgresql.cnpg.io"]
    with Client(plane.kubeconfig) as client:
        install(client, crds, QuietProgress())
        client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        client.apply(
            {
                "apiVersion": CNPG,
                "kind": "Backup",
                "metadata": {"name": "nightly", "namespace": name},
                "spec": {"cluster": {"name": "db"}, "method": "plugin"},
            }
        )
        wanted = [declared("v1", "Namespace", name, None), declared(CNPG, "Cluster", "db", name)]
        assert shown_by(client, wanted, "peak")["backups"] == {}, "it has not ended"
        status = {"phase": "completed", "stoppedAt": "2026-11-21T04:00:00Z"}
        client.patch(CNPG, "Backup", "nightly", {"status": status}, name, subresource="status")
        found = shown_by(client, [*wanted, declared("batch/v1", "CronJob", "drill", name)], "peak")
    assert found["backups"] == {f"Cluster {name}/db": "2026-11-21T04:00:00Z"}
    assert (found["succeeded"], found["source"]["kind"]) == ({}, "other")
