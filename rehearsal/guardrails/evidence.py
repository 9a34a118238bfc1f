"""The evidence of a stack: what a cluster shows of its backups, drills and images, and git of its promotion.

Nothing of it can be given but the approver's name. What a control plane of the rehearsal shows is marked as such, and
no freeze takes it for production's: there are no backups and no PostgreSQL in it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from rehearsal.cluster.client import ApiError, Client, Object
from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.kubernetes_objects import KubernetesObject, kubernetes_objects
from rehearsal.errors import UserError
from rehearsal.guardrails.configuration import configuration_file, read_configuration, write_configuration
from rehearsal.guardrails.pack import made_by_pack
from rehearsal.guardrails.repository import Repository
from rehearsal.paths import PROJECT_DIR
from rehearsal.progress import Progress
from rehearsal.standins.kinds import MODE_NAMESPACE

REHEARSAL: Final = "rehearsal"
EKS: Final = "eks"
OTHER: Final = "other"

_CNPG: Final = "postgresql.cnpg.io/v1"


@dataclass(frozen=True)
class Asked:
    """Whose evidence, of which cluster (None: the running control plane), and who approved (empty: what git says)."""

    stack: str
    kubeconfig: Path | None = None
    approver: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)
    output: Path | None = None


@dataclass(frozen=True)
class Collected:
    """What was written where, and what is missing in it, for people."""

    file: Path
    evidence: dict[str, Any]
    missing: list[str]


def keep_evidence(asked: Asked, progress: Progress, repository: Repository | None = None) -> Collected:
    """Collects the evidence and puts it into the stack's guardrails' configuration, whose rest stays as it is.

    Raises UserError for a cluster that is not the stack's, and for an approver who is an author.
    """
    file = asked.output or configuration_file(asked.stack)
    kept = read_configuration(file) if file.exists() else {}
    released = kept.get("baseline") or {}
    promotion = promotion_of(repository or Repository(), released.get("commit", ""), asked.approver)
    with progress.step(f"evaluating the program for {asked.stack}"):
        declared = kubernetes_objects(evaluate(PROJECT_DIR, asked.stack, preview=True, overrides=asked.overrides))
    kubeconfig = asked.kubeconfig or _running(asked.stack)
    with (
        progress.step(f"asking the cluster for evidence of {asked.stack}"),
        Client(kubeconfig, error=UserError) as client,
    ):
        shown = shown_by(client, declared, asked.stack)
    content = {
        "stack": asked.stack,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "release": released.get("digest", ""),
        **shown,
        **({"promotion": promotion} if promotion else {}),
    }
    evidence = made_by_pack("evidence", content)
    write_configuration(file, {**kept, "evidence": evidence})
    return Collected(file, evidence, list(_missing(evidence, declared)))


def shown_by(client: Client, declared: list[KubernetesObject], stack: str) -> dict[str, Any]:
    """What the cluster shows of what the program declares: `source`, `images`, `backups`, `succeeded`."""
    namespaces = sorted({each.name for each in declared if each.kind == "Namespace"})
    missing = [name for name in namespaces if client.get("v1", "Namespace", name) is None]
    if missing:
        raise UserError(f"That cluster does not hold {stack}: it has no namespace {', '.join(missing)}.")
    return {
        "source": _source(client),
        "images": dict(_images(client, declared)),
        "backups": dict(_backups(client, declared)),
        "succeeded": dict(_succeeded(client, declared)),
    }


def promotion_of(repository: Repository, since: str, approver: str) -> dict[str, Any] | None:
    """Commit, its authors since the last release, and who approved. None where nobody did, or there is no commit.

    Raises UserError for an approver who is one of the authors, and for one of a program that no commit holds.
    """
    commit, who = repository.commit, (approver or repository.approver()).strip().lower()
    if not commit:
        if approver:
            raise UserError("--approver: what is not committed can't be approved; commit it first.")
        return None
    if not who:
        return None
    authors = repository.authors(since)
    if who in authors:
        raise UserError(f"--approver: {who} wrote some of it; somebody else approves. Authors: {', '.join(authors)}.")
    return {
        "commit": commit,
        "authors": authors,
        "approver": who,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _running(stack: str) -> Path:
    # Imported late: the session brings the whole control plane.
    from rehearsal.controlplane.boot import attach
    from rehearsal.session import running_plane

    return attach(running_plane(stack)).kubeconfig


def _source(client: Client) -> dict[str, str]:
    """What kind of cluster answered, and which: the uid of its kube-system is its own."""
    system = client.get("v1", "Namespace", "kube-system") or {}
    if client.get("v1", "Namespace", MODE_NAMESPACE) is not None:
        kind = REHEARSAL
    else:
        kind = EKS if "-eks-" in client.version else OTHER
    return {"kind": kind, "cluster": system.get("metadata", {}).get("uid", ""), "version": client.version}


def _images(client: Client, declared: list[KubernetesObject]) -> Iterator[tuple[str, list[str]]]:
    """Of Deployments whose pods are all of one template: in the middle of a rollout nothing can be said."""
    for each in declared:
        if each.kind != "Deployment":
            continue
        live = client.get(each.api_version, each.kind, each.name, each.namespace)
        if live and _rolled_out(live):
            containers = live["spec"]["template"]["spec"]["containers"]
            yield _where(each), sorted({container["image"] for container in containers})


def _rolled_out(deployment: Object) -> bool:
    status = deployment.get("status", {})
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    return bool(seen and status.get("updatedReplicas", 0) == status.get("replicas", 0))


def _backups(client: Client, declared: list[KubernetesObject]) -> Iterator[tuple[str, str]]:
    """When the last completed Backup of each Cluster ended."""
    for each in declared:
        if (each.api_version, each.kind) != (_CNPG, "Cluster"):
            continue
        ended = [
            backup["status"]["stoppedAt"]
            for backup in _listed(client, _CNPG, "Backup", each.namespace)
            if backup.get("spec", {}).get("cluster", {}).get("name") == each.name
            and backup.get("status", {}).get("phase") == "completed"
            and backup["status"].get("stoppedAt")
        ]
        if ended:
            yield _where(each), max(ended, key=datetime.fromisoformat)


def _succeeded(client: Client, declared: list[KubernetesObject]) -> Iterator[tuple[str, str]]:
    """When each CronJob last succeeded, and when releases, the Jobs that no CronJob made, were completed."""
    for each in declared:
        if each.kind == "CronJob":
            live = client.get(each.api_version, each.kind, each.name, each.namespace) or {}
            if when := live.get("status", {}).get("lastSuccessfulTime"):
                yield _where(each), when
    for namespace in sorted({each.namespace for each in declared if each.kind == "Job" and each.namespace}):
        for job in client.list("batch/v1", "Job", namespace).items:
            when = job.get("status", {}).get("completionTime")
            if when and not job["metadata"].get("ownerReferences"):
                yield f"Job {namespace}/{job['metadata']['name']}", when


def _listed(client: Client, api_version: str, kind: str, namespace: str | None) -> list[Object]:
    try:
        return client.list(api_version, kind, namespace).items
    except ApiError as refusal:
        if refusal.status == 404:  # no such kind there: the operator is not installed
            return []
        raise


def _missing(evidence: Mapping[str, Any], declared: list[KubernetesObject]) -> Iterator[str]:
    """What a freeze would ask for and the evidence does not have."""
    if (kind := evidence["source"]["kind"]) != EKS:
        yield f"a production cluster: this one is no EKS ({kind}), and proves nothing about production"
    for each in declared:
        if (each.api_version, each.kind) == (_CNPG, "Cluster") and _where(each) not in evidence["backups"]:
            yield f"no completed backup of {_where(each)}"
        if each.kind == "CronJob" and _where(each) not in evidence["succeeded"]:
            yield f"{_where(each)} never succeeded"
        if each.kind == "Deployment" and _where(each) not in evidence["images"]:
            yield f"{_where(each)} is not there, or is being rolled out"
    if not evidence["release"]:
        yield "no baseline of a release before it (`python -m rehearsal baseline`)"
    if "promotion" not in evidence:
        yield "no promotion: nothing committed, or nobody approved it (--approver, or Approved-by in the commit)"


def _where(each: KubernetesObject) -> str:
    """What the guardrails' messages call it."""
    return f"{each.kind} {each.namespace}/{each.name}" if each.namespace else f"{each.kind} {each.name}"
