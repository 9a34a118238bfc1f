"""`check`: one stack or all of them, shown as a page, as JSON, as SARIF and as a summary."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.check.run import catalogue_schemas
from rehearsal.check.stack import Checked, check_stack, print_checked
from rehearsal.engine.project import read_project
from rehearsal.guardrails.clashes import Clash, clashes
from rehearsal.guardrails.configuration import configuration_file, read_configuration
from rehearsal.paths import PROJECT_DIR
from rehearsal.progress import Progress, progress_on

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class Asked:
    """What is to be checked: `stack`, or every stack where that is empty.

    guardrails: the file of their configuration, each stack's own where left out. now: the moment they judge at, the
    clock's where empty.
    """

    stack: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    preview: bool = False
    guardrails: Path | None = None
    now: str = ""

    def configuration(self, stack: str) -> dict[str, Any]:
        """The guardrails' for one stack."""
        file = self.guardrails or configuration_file(stack)
        given = read_configuration(file) if self.guardrails or file.exists() else {}
        return {**given, "now": self.now} if self.now else given


@dataclass(frozen=True)
class Result:
    """Every stack that was checked, and what several of them claim. `whole`: all stacks were asked for."""

    checked: list[Checked]
    clashes: list[Clash]
    whole: bool

    @property
    def ok(self) -> bool:
        return not self.clashes and all(each.ok for each in self.checked)


def check_stacks(asked: Asked, progress: Progress | None = None) -> Result:
    """Checks what was asked for, one stack after the other."""
    told = progress or progress_on()
    names = [asked.stack] if asked.stack else read_project(PROJECT_DIR).stacks()
    schemas = catalogue_schemas(told)
    checked = [
        check_stack(
            name,
            told,
            overrides=asked.overrides,
            preview=asked.preview,
            configuration=asked.configuration(name),
            schemas=schemas,
        )
        for name in names
    ]
    found = [] if asked.stack else clashes(each.deployed for each in checked)
    return Result(checked, found, whole=not asked.stack)


def keep(result: Result, *, sarif: Path | None, summary: Path | None) -> None:
    """SARIF into its file, and the summary behind what its file holds already."""
    if sarif:
        from rehearsal.guardrails.catalogue import rules
        from rehearsal.guardrails.sarif import to_sarif

        sarif.write_text(json.dumps(to_sarif(result.checked, rules().values()), indent=2) + "\n")
    if summary:
        from rehearsal.guardrails.markdown import to_markdown

        with summary.open("a") as file:
            file.write(to_markdown(result.checked, result.clashes))


def show(result: Result, console: "Console", *, as_json: bool, tree: bool) -> None:
    """The page or JSON on stdout."""
    if as_json:
        stacks = [each.as_data() for each in result.checked]
        whole = {"ok": result.ok, "stacks": stacks, "clashes": [asdict(each) for each in result.clashes]}
        print(json.dumps(whole if result.whole else stacks[0], indent=2))
        return
    for each in result.checked:
        if tree:
            from rehearsal.check.tree import render_tree, resource_tree

            console.print(render_tree(resource_tree(each.evaluation)))
        print_checked(each, console)
    for clash in result.clashes:
        console.print(f"[red]{clash}[/]", highlight=False)
    if result.whole:
        told = f"{len(result.clashes)} names claimed twice" if result.clashes else "nothing is claimed twice"
        console.print(f"[bold {'red' if result.clashes else 'green'}]all stacks: {told}[/]", highlight=False)
