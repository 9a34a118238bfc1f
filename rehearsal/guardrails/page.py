"""A verdict as a person reads it: a short table, worst first; and one rule explained."""

from typing import TYPE_CHECKING

from rehearsal.guardrails.catalogue import RuleEntry
from rehearsal.guardrails.verdict import Verdict

if TYPE_CHECKING:
    from rich.console import Console


def print_verdict(verdict: Verdict, console: "Console") -> None:
    """Violations with their fix, then what was judged."""
    from rich.markup import escape
    from rich.table import Table

    if verdict.violations:
        table = Table(show_edge=False, pad_edge=False, show_lines=True)
        for column in ("", "rule", "where", "what and how to fix it"):
            table.add_column(column, overflow="fold", no_wrap=column == "rule")
        for each in verdict.violations:
            colour = "red" if each.mandatory else "yellow"
            told = f"{escape(each.what)}\n[dim]{escape(each.fix)}[/]"
            table.add_row(f"[{colour}]{each.severity}[/]", each.rule, escape(each.where), told)
        console.print(table)
    advisory = len(verdict.violations) - verdict.mandatory
    seconds = sum(verdict.seconds.values())
    console.print(
        f"{verdict.rules:5} rules held against {verdict.resources} resources"
        f" [dim]{verdict.mandatory} broken, {advisory} to look at ({seconds:.1f} s)[/]",
        highlight=False,
    )


def print_rule(rule: RuleEntry, console: "Console") -> None:
    """One rule, in full."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    rows = {
        "says": rule.says,
        "why": rule.why,
        "fix": rule.fix,
        "scenario": rule.scenario,
        "may come with": ", ".join(rule.implies),
        "no waiver": f"it protects {rule.protects}" if rule.protects else "",
    }
    console.print(f"[bold]{rule.id}[/] {rule.area}, {rule.severity}, {rule.level}", highlight=False)
    for title, text in rows.items():
        if text:
            table.add_row(title, escape(text))
    console.print(table)
