"""That what was committed is on disks, and the disks stay."""

from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.graph import Graph
from guardrails.postgres import parameter
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, stack_rule

OFF: Final = ("off", "false", "no", "0")


@stack_rule(
    "bk-17",
    of=kinds.POSTGRES_CLUSTER,
    severity=Severity.CRITICAL,
    says="PostgreSQL writes to disk what it answers for, with checksums, on volumes of the stack's own classes that "
    "stay, grow, and are made beside their pod.",
    why="With fsync off a node's end may leave a database that no longer starts; with synchronous_commit off its last "
    "orders are gone though their customers were told. A volume of class Delete goes with its claim; one that is made "
    "at once lies in a zone where the pod may not run.",
    fix="no fsync, full_page_writes or synchronous_commit off; dataChecksums true; StorageClasses with the stack's "
    "key, reclaimPolicy Retain, WaitForFirstConsumer, allowVolumeExpansion true",
    scenario="A namespace is deleted by mistake in December; the volumes are still there, with the last order on them.",
    implies=("az-06", "bk-12", "db-06", "db-10", "ops-02", "sec-06"),
    protects=Protects.DATA,
)
def stays_on_disk(cluster: Resource, graph: Graph) -> Iterable[Violation]:
    for name in ("fsync", "full_page_writes", "synchronous_commit"):
        value = parameter(cluster, name).text("", "on").strip().lower()
        if value in OFF or value == "local":
            yield Violation(cluster, f"{name} is {value}: what was answered may be gone")
    if cluster.has("spec.bootstrap.initdb") and not cluster.flag("spec.bootstrap.initdb.dataChecksums", False):
        yield Violation(cluster, "dataChecksums is off: a bad disk is found when somebody reads what it lost")
    for key in ("storage", "walStorage"):
        if not cluster.has(f"spec.{key}"):
            continue  # db-06 says so of WAL
        name = cluster.text(f"spec.{key}.storageClass", "")
        found = [each for each in graph.all(kinds.STORAGE_CLASS) if each.object_name == name]
        if not found:
            yield Violation(cluster, f"its {key} is of class {name or 'nobody said'}, which is none of this stack's")
        for each in found:
            yield from (Violation(each, what) for what in _unsafe(each, production=graph.contract.production))


def _unsafe(volumes: Resource, *, production: bool) -> Iterator[str]:
    if production and (policy := volumes.text("reclaimPolicy", "Delete")) != "Retain":
        yield f"reclaimPolicy is {policy}: volumes of a database go with their claims"
    if (mode := volumes.text("volumeBindingMode", "Immediate")) != "WaitForFirstConsumer":
        yield f"volumeBindingMode is {mode}: a volume may lie in a zone where its pod can't run"
    if not volumes.flag("allowVolumeExpansion", False):
        yield "allowVolumeExpansion is off: a database that is full can't be helped"
    if not volumes.flag("parameters.encrypted", False) or not volumes.has("parameters.kmsKeyId"):
        yield "volumes of a database are not encrypted with the stack's key"
