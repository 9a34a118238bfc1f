"""A check as a summary in Markdown: what code hosts show on a run's own page."""

from collections.abc import Iterable, Iterator
from typing import Final

from rehearsal.check.stack import Checked
from rehearsal.guardrails.clashes import Clash

MOST_ROWS: Final = 200
"""Of one stack's table. GitHub takes 1 MiB for a step's summary, and people read less."""


def to_markdown(checked: Iterable[Checked], clashes: Iterable[Clash]) -> str:
    """One row for each stack, then what is wrong with each, the worst first."""
    stacks = list(checked)
    lines = [
        "## Guardrails",
        "",
        "| stack | | rules broken | to look at | errors | resources |",
        "|---|---|--:|--:|--:|--:|",
    ]
    lines += [_row(each) for each in stacks]
    lines += [f"- **{_cell(str(clash))}**" for clash in clashes]
    return "\n".join([*lines, *(line for each in stacks for line in _wrong(each)), ""])


def _row(checked: Checked) -> str:
    verdict, report = checked.verdict, checked.report
    counts = (
        verdict.mandatory,
        len(verdict.violations) - verdict.mandatory + report.warnings,
        report.errors,
        verdict.resources,
    )
    cells = " | ".join(str(count) for count in counts)
    return f"| {report.stack} | {'passes' if checked.ok else '**refused**'} | {cells} |"


def _wrong(checked: Checked) -> Iterator[str]:
    rows = [(each.rule, each.severity, each.where, each.what, each.fix) for each in checked.verdict.violations] + [
        ("object", str(each.severity), str(each.where), f"{each.path} {each.message}".strip(), each.fix)
        for each in checked.report.findings
    ]
    if rows:
        yield from ("", f"### {checked.report.stack}", "", "| rule | | where | what | fix |", "|---|---|---|---|---|")
    for row in rows[:MOST_ROWS]:
        yield f"| {' | '.join(map(_cell, row))} |"
    if len(rows) > MOST_ROWS:
        yield f"\n{len(rows) - MOST_ROWS} more: `python -m rehearsal check {checked.report.stack}` lists them."


def _cell(text: str) -> str:
    """`text` inside a table: no new row, no new column, and no markup of its own."""
    for special, shown in {"&": "&amp;", "<": "&lt;", "|": "\\|", "`": "\\`", "*": "\\*", "_": "\\_"}.items():
        text = text.replace(special, shown)
    return " ".join(text.split())
