"""The report of the checks: a short table, then the findings; on demand, what the coverage leaves out."""

import json
from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from rehearsal.conformance.model import Mismatch
from rehearsal.conformance.run import Report, Row

if TYPE_CHECKING:
    from rich.console import Console

_SHOWN_REASONS: Final = 40


def as_data(report: Report) -> dict[str, Any]:
    """The report for JSON."""
    return {
        "ok": report.findings == 0,
        "stacks": report.stacks,
        "checks": [_row_data(row) for row in report.rows],
        "seconds": {"evaluating": round(report.evaluating, 2)}
        | {row.check: round(row.seconds, 2) for row in report.rows},
    }


def to_json(report: Report) -> str:
    """The report as one JSON document."""
    return json.dumps(as_data(report), indent=2)


def _row_data(row: Row) -> dict[str, Any]:
    return {
        "check": row.check,
        "stacks": {
            stack: {
                "unit": outcome.unit,
                "checked": outcome.checked,
                "total": outcome.total,
                "limited": outcome.limited,
                "unchecked": dict(outcome.unchecked.most_common()),
                "findings": [asdict(finding) for finding in outcome.findings],
            }
            for stack, outcome in row.outcomes.items()
        },
    }


def render(report: Report, console: "Console", *, verbose: bool = False) -> None:
    """Coverage by check as checked/total over all stacks (by stack: JSON), the findings below it."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("check", no_wrap=True)
    for heading in ("checked/total", "", "findings", "seconds"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for row in report.rows:
        outcomes = row.outcomes.values()
        found = sum(len(outcome.findings) for outcome in outcomes)
        table.add_row(
            row.check,
            f"{sum(outcome.checked for outcome in outcomes)}/{sum(outcome.total for outcome in outcomes)}",
            _unit(row),
            f"[red]{found}[/]" if found else "0",
            f"{row.seconds:.1f}",
        )
    console.print(table)
    for row in report.rows:
        _render_findings(row, console)
    if verbose:
        _render_unchecked(report, console)
    summary = f"{report.findings} findings" if report.findings else "nothing that would be refused"
    colour = "red" if report.findings else "green"
    console.print(f"[bold {colour}]{', '.join(report.stacks)}: {summary}[/]", soft_wrap=True)
    aside = "" if verbose else "; --verbose lists what is not checked"
    console.print(f"[dim]evaluating the program took {report.evaluating:.1f} s{aside}[/]", highlight=False)


def _unit(row: Row) -> str:
    unit = next((outcome.unit for outcome in row.outcomes.values()), "")
    limited = sum(outcome.limited for outcome in row.outcomes.values())
    return f"{unit}, {limited} with limits" if limited else unit


def _render_findings(row: Row, console: "Console") -> None:
    """A finding that several stacks have is printed once, with their names."""
    from rich.markup import escape

    stacks: dict[Mismatch, list[str]] = {}
    for stack, outcome in row.outcomes.items():
        for finding in outcome.findings:
            same = Mismatch(finding.resource, finding.property, finding.given, finding.allowed)
            stacks.setdefault(same, []).append(stack)
    last = ""
    for finding, where in sorted(stacks.items()):
        if finding.resource != last:
            console.print(f"\n[bold]{escape(row.check)}: {escape(finding.resource)}[/]", soft_wrap=True)
            last = finding.resource
        found_in = ", ".join(dict.fromkeys(where))
        console.print(f"  [red]{escape(str(finding))}[/] [dim]({escape(found_in)})[/]", soft_wrap=True)
    if stacks:
        console.print()


def _render_unchecked(report: Report, console: "Console") -> None:
    from rich.markup import escape

    for row in report.rows:
        reasons: Counter[str] = Counter()
        for outcome in row.outcomes.values():
            reasons += outcome.unchecked
        if reasons:
            console.print(f"\n[bold]{escape(row.check)}: not checked[/]")
        for reason, count in reasons.most_common(_SHOWN_REASONS):
            console.print(f"  {count:5} {escape(reason)}", soft_wrap=True, highlight=False)
        if len(reasons) > _SHOWN_REASONS:
            console.print(f"  ... {len(reasons) - _SHOWN_REASONS} more reasons (--json has all)")
    console.print()
