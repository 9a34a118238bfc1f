"""`python -m rehearsal.bench`: measures, prints, and ends with 0 whatever it measured."""

import json
import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from rehearsal.bench.figures import Figure, to_json, to_table
from rehearsal.errors import RehearsalError, UserError
from rehearsal.progress import Progress, progress_on

_UP_GOALS = {"dev": 30.0, "peak": 90.0}
GROUPS = ("evaluation", "growth", "guardrails", *_UP_GOALS)


def bench(
    only: Annotated[
        list[str] | None, typer.Option("--only", metavar="|".join(GROUPS), help="Measure this alone; may be repeated.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Pairs of processes for the ratio of evaluation.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,
) -> None:
    """Measure what evaluation, many stacks and `up` cost. Ratios hold on any machine; seconds need an idle one."""
    try:
        figures = measure(chosen(only or []), rounds, progress_on())
    except RehearsalError as error:
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from None
    load = os.getloadavg()[0]
    if as_json:
        print(json.dumps({"cpus": os.cpu_count(), "load": round(load, 2), "figures": to_json(figures)}, indent=2))
        return
    from rich.console import Console

    console = Console()
    console.print(to_table(figures))
    console.print(f"{os.cpu_count()} CPUs; load average at the end {load:.1f}", highlight=False)


def chosen(only: list[str]) -> list[str]:
    """The groups to measure, in their own order. Raises UserError naming every one that does not exist."""
    unknown = [name for name in only if name not in GROUPS]
    if unknown:
        raise UserError(f"--only: one of {', '.join(GROUPS)}, given {', '.join(unknown)}")
    return [name for name in GROUPS if not only or name in only]


def measure(groups: list[str], rounds: int, progress: Progress) -> list[Figure]:
    """Runs the measurements of these groups one after the other: each has the machine to itself."""
    from rehearsal.bench.bringing_up import measure_up
    from rehearsal.bench.evaluating import measure_evaluation, measure_growth
    from rehearsal.bench.judging import measure_judging

    measurements: dict[str, Callable[[], list[Figure]]] = {
        "evaluation": lambda: measure_evaluation(rounds),
        "growth": measure_growth,
        "guardrails": measure_judging,
    }
    figures: list[Figure] = []
    for group in groups:
        if group in _UP_GOALS:
            figures += measure_up(group, _UP_GOALS[group], progress)
        else:
            with progress.step(f"measuring {group}"):
                figures += measurements[group]()
    return figures


if __name__ == "__main__":
    typer.run(bench)
