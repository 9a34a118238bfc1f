"""The five checks over stacks, and what they cost."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.conformance.aws import AwsCheck
from rehearsal.conformance.custom_resources import CelRuleCount, CustomResourceCheck, Definitions
from rehearsal.conformance.helm import HelmCheck
from rehearsal.conformance.iam import IamCheck
from rehearsal.conformance.model import Check, Outcome
from rehearsal.conformance.sdk import SdkCheck
from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import Evaluation
from rehearsal.paths import PROJECT_DIR
from rehearsal.progress import Progress, QuietProgress


@dataclass
class Row:
    """One check over all stacks: its outcome by stack, and the seconds it took (loading its source included)."""

    check: str
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass
class Report:
    """All checks. `evaluating` are the seconds that the program itself took."""

    stacks: list[str]
    rows: list[Row]
    evaluating: float = 0.0

    @property
    def findings(self) -> int:
        """How many there are in all."""
        return sum(len(outcome.findings) for row in self.rows for outcome in row.outcomes.values())


def checks(crds: Path | None = None, progress: Progress | None = None) -> list[Check]:
    """The checks, ready for any number of stacks; `crds` is a folder of CRDs that come before the catalogue's."""
    definitions = Definitions(crds, progress)
    return [
        SdkCheck(),
        AwsCheck(),
        IamCheck(),
        CustomResourceCheck(definitions),
        CelRuleCount(definitions),
        HelmCheck(),
    ]


def conform(
    stacks: list[str],
    overrides: Mapping[str, str] | None = None,
    crds: Path | None = None,
    progress: Progress | None = None,
) -> Report:
    """Evaluate the stacks as after an `up` (so that IAM documents hold names and not unknowns), and check them.

    `overrides` are configuration by key, for all of them. Raises UserError for a stack or a folder that is not there.
    """
    progress = progress or QuietProgress()
    ready = checks(crds, progress)
    evaluations = []
    began = time.monotonic()
    with progress.step("evaluating the program") as step:
        for number, stack in enumerate(stacks):
            step.show(stack, done=number, total=len(stacks))
            evaluations.append(evaluate(PROJECT_DIR, stack, preview=False, overrides=overrides))
    evaluating = time.monotonic() - began
    return Report(stacks, run(ready, evaluations), evaluating)


def run(all_checks: Iterable[Check], evaluations: Iterable[Evaluation]) -> list[Row]:
    """Each check over each stack."""
    evaluated = list(evaluations)
    rows = []
    for check in all_checks:
        began = time.monotonic()
        row = Row(check.name, {each.stack: check.run(each) for each in evaluated})
        row.seconds = time.monotonic() - began
        rows.append(row)
    return rows


def shipped_stacks(project: Path = PROJECT_DIR) -> list[str]:
    """The stacks that have a stack file in the project."""
    return sorted(file.name.split(".")[1] for file in project.glob("Pulumi.*.yaml"))
