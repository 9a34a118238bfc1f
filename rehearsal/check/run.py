"""The whole check of one evaluation: schemas, references, and a report of both."""

from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rehearsal.check.finding import Finding, Severity, Where
from rehearsal.check.inventory import Declared, declared, with_references
from rehearsal.check.references import Proof, prove
from rehearsal.check.schemas import Schemas, UnknownKindError
from rehearsal.crds.catalogue import load_crds
from rehearsal.crds.validate import CustomResources
from rehearsal.engine.kubernetes_objects import KubernetesObject, kubernetes_objects
from rehearsal.engine.model import Evaluation
from rehearsal.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN_KINDS: Final = 12


@dataclass
class Report:
    """What was found and what was checked. `builtin` and `custom` count objects by kind."""

    stack: str
    findings: list[Finding] = field(default_factory=list)
    builtin: Counter[str] = field(default_factory=Counter)
    custom: Counter[str] = field(default_factory=Counter)
    references_proven: int = 0
    references_trusted: int = 0
    references_unknown: int = 0

    @property
    def errors(self) -> int:
        return sum(finding.severity is Severity.ERROR for finding in self.findings)

    @property
    def warnings(self) -> int:
        return len(self.findings) - self.errors

    @property
    def ok(self) -> bool:
        """No errors; warnings are allowed."""
        return self.errors == 0


def catalogue_schemas(progress: Progress | None = None) -> Schemas:
    """The kinds of the pinned Kubernetes and of the operators' CRDs, which are fetched if this is their first use."""
    return Schemas(CustomResources(load_crds(progress)))


def check(evaluation: Evaluation, progress: Progress | None = None, schemas: Schemas | None = None) -> Report:
    """Check all Kubernetes objects of `evaluation`; those of the stacks it references may be referred to.

    `schemas` are those of the catalogue when left out. They keep what they compiled: hand them in for several stacks.
    """
    report = Report(evaluation.stack)
    schemas = schemas or catalogue_schemas(progress)
    own: list[Declared] = []
    others: list[Declared] = []
    for stack in with_references(evaluation):
        for item in kubernetes_objects(stack):
            if stack is evaluation:
                _check_object(item, schemas, report)
            seen = declared(item, schemas.cluster_scoped(item.api_version, item.kind))
            (own if stack is evaluation else others).append(seen)
    _add(report, prove(evaluation, own, others))
    return report


def _check_object(item: KubernetesObject, schemas: Schemas, report: Report) -> None:
    where = Where(item.kind, item.namespace or "", item.name, item.urn)
    counts = report.custom if schemas.is_custom(item.api_version, item.kind) else report.builtin
    counts[item.kind] += 1
    try:
        problems = schemas.problems(item.manifest)
    except UnknownKindError as unknown:
        fix = "for a kind of an operator, name its CRDs in rehearsal/crds/modules.py"
        report.findings.append(Finding(Severity.ERROR, where, "apiVersion", str(unknown), fix))
        return
    report.findings += [Finding(Severity.ERROR, where, problem.path, problem.message) for problem in problems]


def _add(report: Report, proof: Proof) -> None:
    report.findings += proof.findings
    report.findings.sort(key=lambda finding: (finding.severity, finding.where, finding.path, finding.message))
    report.references_proven = proof.proven
    report.references_trusted = proof.trusted
    report.references_unknown = proof.unknown


def to_data(report: Report) -> dict[str, Any]:
    """The report as plain data, for JSON."""
    return {
        "stack": report.stack,
        "ok": report.ok,
        "findings": [asdict(finding) for finding in report.findings],
        "builtin": dict(report.builtin),
        "custom": dict(report.custom),
        "references": {
            "proven": report.references_proven,
            "trusted": report.references_trusted,
            "unknown": report.references_unknown,
        },
    }


def render(report: Report, console: "Console") -> None:
    """Findings by object, then what was checked."""
    from rich.markup import escape

    last: Where | None = None
    for finding in report.findings:
        if finding.where != last:
            console.print(f"\n[bold]{escape(str(finding.where))}[/]")
            last = finding.where
        colour = "red" if finding.severity is Severity.ERROR else "yellow"
        path = f"{finding.path}: " if finding.path else ""
        console.print(f"  [{colour}]{finding.severity}[/] {escape(path + finding.message)}", soft_wrap=True)
        if finding.fix:
            console.print(f"        [dim]{escape(finding.fix)}[/]", soft_wrap=True)
    if report.findings:
        console.print()
    for title, counts in (("built-in objects", report.builtin), ("custom resources", report.custom)):
        console.print(f"{counts.total():5} {title:17} [dim]{escape(_kinds(counts))}[/]", highlight=False)
    asides = [
        (report.references_trusted, "left to Helm charts and add-ons"),
        (report.references_unknown, "unknown yet"),
    ]
    told = ", ".join(f"{count} {words}" for count, words in asides if count)
    console.print(
        f"{report.references_proven:5} references proven {f'[dim]{told}[/]' if told else ''}", highlight=False
    )


def _kinds(counts: Counter[str]) -> str:
    words = [f"{count} {kind}" for kind, count in counts.most_common(_SHOWN_KINDS)]
    return ", ".join(words) + (", ..." if len(counts) > _SHOWN_KINDS else "")
