"""The whole check of a stack: its objects and references, and the guardrails before and after a first deployment."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.check.run import Report, check, render, to_data
from rehearsal.check.schemas import Schemas
from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import Evaluation
from rehearsal.guardrails.judge import judge
from rehearsal.guardrails.page import print_verdict
from rehearsal.guardrails.verdict import Verdict, joined
from rehearsal.paths import PROJECT_DIR
from rehearsal.progress import Progress

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Checked:
    """One stack, checked. `evaluation` is what its objects were taken from, `deployed` the one in up mode."""

    evaluation: Evaluation
    deployed: Evaluation
    report: Report
    verdict: Verdict

    @property
    def ok(self) -> bool:
        return self.report.ok and self.verdict.ok

    def as_data(self) -> dict[str, Any]:
        """Plain data, for JSON."""
        return {**to_data(self.report), "ok": self.ok, "guardrails": self.verdict.as_data()}


def check_stack(
    stack: str,
    progress: Progress,
    *,
    overrides: Mapping[str, str],
    preview: bool,
    configuration: Mapping[str, Any],
    schemas: Schemas | None = None,
) -> Checked:
    """Checks `stack`. Objects are checked as deployed, or with `preview` as before; the guardrails judge both.

    `configuration` is the guardrails'. Raises RehearsalError, UserError where there is no verdict.
    """
    with progress.step(f"evaluating the program for {stack}"):
        both = [evaluate(PROJECT_DIR, stack, preview=mode, overrides=overrides) for mode in (True, False)]
    before, after = both
    # Two packs at once: their work is in processes of their own.
    with progress.step(f"holding {stack} against the guardrails"), ThreadPoolExecutor() as threads:
        verdicts = list(threads.map(lambda each: judge(each, configuration), both))
    evaluation = before if preview else after
    return Checked(evaluation, after, check(evaluation, progress, schemas), joined(*verdicts))


def print_checked(checked: Checked, console: "Console") -> None:
    """What is wrong first, then what was checked, then the verdict on one line."""
    print_verdict(checked.verdict, console)
    render(checked.report, console)
    counts = {
        "rules broken": checked.verdict.mandatory,
        "errors": checked.report.errors,
        "to look at": len(checked.verdict.violations) - checked.verdict.mandatory + checked.report.warnings,
    }
    told = ", ".join(f"{count} {words}" for words, count in counts.items() if count) or "nothing wrong"
    console.print(f"[bold {'green' if checked.ok else 'red'}]{checked.report.stack}: {told}[/]", highlight=False)
