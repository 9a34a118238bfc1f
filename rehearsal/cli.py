"""The commands. Everything heavy is imported by the command that needs it, so that `--help` answers at once.

Exit codes: 0 done, 1 something failed, 2 something was asked wrongly, 130 interrupted.
"""

import functools
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, ParamSpec

import typer

from rehearsal.controlplane.interrupts import end_like_ctrl_c
from rehearsal.errors import RehearsalError, UserError

P = ParamSpec("P")

app = typer.Typer(
    name="rehearsal",
    help="Bring the real program up on an embedded Kubernetes, on this machine, before it touches AWS.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

lose = typer.Typer(
    help="Drills: take something away from a stack that is up, and judge what it bears.", no_args_is_help=True
)
app.add_typer(lose, name="lose")

Stack = Annotated[str, typer.Argument(help="A stack of the project: Pulumi.STACK.yaml.", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--config", "-c", metavar="KEY=VALUE", help="Override a configuration key, as `pulumi up -c` does."),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


def main() -> None:
    """The entry point of `python -m rehearsal`."""
    end_like_ctrl_c()
    app()


def reported(command: Callable[P, int | None]) -> Callable[P, None]:
    """A command whose errors are one message on stderr and an exit code, never a traceback."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs) or 0
        except RehearsalError as error:
            print(f"error: {error}", file=sys.stderr)
            code = error.exit_code
        except KeyboardInterrupt:
            print("interrupted; the same command goes on from here", file=sys.stderr)
            code = 130
        except BrokenPipeError:
            # The reader of our output left (`| head`); Python would complain again while closing stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        raise typer.Exit(code)

    return run


@app.command()
@reported
def up(
    stack: Stack = "dev",
    config: Overrides = None,
    at: Annotated[
        str, typer.Option("--at", metavar="floor|ceiling", help="Where scaled tiers are: floor or ceiling.")
    ] = "floor",
    kubeconfig: Annotated[
        Path | None, typer.Option("--kubeconfig", help="Use this cluster as it is; never creates nodes.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Bring a stack up; run again, it applies only what changed and prunes what left the program."""
    if at not in ("floor", "ceiling"):
        raise UserError(f"--at: floor or ceiling, given {at!r}")
    from rich.console import Console

    from rehearsal.progress import progress_on
    from rehearsal.report.page import print_page
    from rehearsal.session import Request, page_of
    from rehearsal.session import up as bring_up

    outcome = bring_up(Request(stack, _pairs(config), at, kubeconfig), progress_on())
    page = page_of(outcome)
    if as_json:
        print(json.dumps(page, indent=2))
    else:
        print_page(page, Console())
    return 0 if outcome.placement.complete else 1


@app.command()
@reported
def down(
    stack: Annotated[str, typer.Argument(help="A stack that is up.")] = "dev",
    everything: Annotated[bool, typer.Option("--all", help="End every control plane.")] = False,
) -> None:
    """Take a stack down: no process, port or file of it stays. A platform takes its hosted stacks with it."""
    from rehearsal.controlplane.boot import planes
    from rehearsal.progress import progress_on
    from rehearsal.session import down as take_down

    gone = [each for name in (planes() if everything else [stack]) for each in take_down(name, progress_on())]
    print(f"down: {', '.join(gone)}" if gone else f"{'nothing was' if everything else f'{stack} was not'} up")


@app.command()
@reported
def check(
    stack: Annotated[str, typer.Argument(help="A stack of the project: Pulumi.STACK.yaml.", show_default=False)] = "",
    config: Overrides = None,
    every: Annotated[bool, typer.Option("--all", help="Every stack, and what must be unique across them.")] = False,
    rule: Annotated[str, typer.Option("--rule", metavar="ID", help="Explain one rule; checks nothing.")] = "",
    preview: Annotated[bool, typer.Option(help="Check objects as before a first deployment.")] = False,
    now: Annotated[str, typer.Option("--now", metavar="TIME", help="Judge as of this moment (ISO 8601).")] = "",
    guardrails: Annotated[
        Path | None, typer.Option("--guardrails", help="Their configuration; guardrails/STACK.json when left out.")
    ] = None,
    sarif: Annotated[Path | None, typer.Option("--sarif", help="Write the results there, as SARIF 2.1.0.")] = None,
    summary: Annotated[Path | None, typer.Option("--summary", help="Append a summary there, in Markdown.")] = None,
    tree: Annotated[bool, typer.Option(help="List the resources as a tree.")] = False,
    as_json: Json = False,
) -> int:
    """Hold a stack against the guardrails, and prove its objects and references; needs no server."""
    from rich.console import Console

    from rehearsal.guardrails.catalogue import rule as find_rule
    from rehearsal.guardrails.page import print_rule

    if rule:
        found = find_rule(rule)
        if as_json:
            print(json.dumps(asdict(found), indent=2))
        else:
            print_rule(found, Console())
        return 0
    if bool(stack) is every:
        raise UserError("check takes a STACK, or --all")
    from rehearsal.check.command import Asked, check_stacks, keep, show

    asked = Asked(stack, _pairs(config), preview, guardrails, now)
    result = check_stacks(asked)
    keep(result, sarif=sarif, summary=summary)
    show(result, Console(), as_json=as_json, tree=tree)
    return 0 if result.ok else 1


@app.command()
@reported
def conform(
    stacks: Annotated[
        list[str] | None, typer.Argument(metavar="[STACK]...", help="Stacks of the project; all when left out.")
    ] = None,
    config: Overrides = None,
    crds: Annotated[
        Path | None,
        typer.Option("--crds", exists=True, file_okay=False, help="A folder of CRDs that come before our own."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="List what is not checked, and why.")] = False,
    as_json: Json = False,
) -> int:
    """Hold every resource against what the SDK, AWS, IAM, the operators' CRDs and the Helm charts accept."""
    from rich.console import Console

    from rehearsal.conformance.report import render, to_json
    from rehearsal.conformance.run import conform as conform_stacks
    from rehearsal.conformance.run import shipped_stacks
    from rehearsal.progress import progress_on

    report = conform_stacks(list(dict.fromkeys(stacks or shipped_stacks())), _pairs(config), crds, progress_on())
    if as_json:
        print(to_json(report))
    else:
        render(report, Console(), verbose=verbose)
    return 1 if report.findings else 0


@app.command()
@reported
def baseline(
    stack: Stack,
    config: Overrides = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; guardrails/STACK.json if none.")
    ] = None,
    closes: Annotated[
        str, typer.Option("--close", metavar="TICKET", help="Close this emergency change: what it changed is released.")
    ] = "",
) -> None:
    """Write what a stack is now as the baseline of a release, into its guardrails' configuration."""
    from rehearsal.guardrails.baseline import keep_baseline
    from rehearsal.progress import progress_on

    kept = keep_baseline(stack, _pairs(config), output, progress_on(), closes=closes)
    print(f"{kept.file}: the baseline of {stack}, {kept.resources} resources of {_commit(kept.commit)}")


@app.command()
@reported
def evidence(
    stack: Stack,
    config: Overrides = None,
    kubeconfig: Annotated[
        Path | None, typer.Option("--kubeconfig", help="The stack's cluster; a running rehearsal where left out.")
    ] = None,
    approver: Annotated[
        str, typer.Option("--approver", metavar="MAIL", help="Who approved what is committed; none of its authors.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file; guardrails/STACK.json if none.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Collect what a cluster and git prove of a stack (backups, drills, images, promotion) for the guardrails."""
    from rehearsal.guardrails.evidence import Asked, keep_evidence
    from rehearsal.progress import progress_on

    found = keep_evidence(Asked(stack, kubeconfig, approver, _pairs(config), output), progress_on())
    if as_json:
        print(json.dumps({"file": str(found.file), "evidence": found.evidence, "missing": found.missing}, indent=2))
        return
    source = found.evidence["source"]
    print(
        f"{found.file}: evidence of {stack}, from cluster {source['cluster']} ({source['kind']}, {source['version']})"
    )
    for missing in found.missing:
        print(f"  missing: {missing}")


@app.command()
@reported
def explain(stack: Stack, config: Overrides = None, as_json: Json = False) -> None:
    """Show how the stack's numbers follow from the business: each result, its formula and its source."""
    from rehearsal.explain import explain as explain_plan

    explain_plan(stack, _pairs(config), as_json=as_json)


@app.command()
@reported
def capacity(
    stacks: Annotated[list[str] | None, typer.Argument(help="Stacks; all shipped ones when left out.")] = None,
    markdown: Annotated[bool, typer.Option(help="As the page docs/capacity.md.")] = False,
    as_json: Json = False,
) -> None:
    """Show tiers and connections of stacks, read from their resources: pods, processes, memory, the whole budget."""
    from rich.console import Console

    from rehearsal.engine.evaluate import evaluate
    from rehearsal.engine.project import read_project
    from rehearsal.explain import plan_of
    from rehearsal.paths import PROJECT_DIR
    from rehearsal.report import capacity_tables
    from rehearsal.report.capacity import capacity as capacity_of

    chosen = stacks or read_project(PROJECT_DIR).stacks()
    found = [capacity_of(evaluate(PROJECT_DIR, stack, preview=False), plan_of(stack, {})) for stack in chosen]
    if as_json:
        print(capacity_tables.as_json(found))
    elif markdown:
        print(capacity_tables.as_markdown(found), end="")
    else:
        for each in found:
            capacity_tables.show(each, Console())


@lose.command("zone")
@reported
def lose_zone(
    stack: Annotated[str, typer.Argument(help="A stack that is up and owns its cluster.", show_default=False)],
    zone: Annotated[str, typer.Option("--zone", help="Its name or letter [default: the database's].")] = "",
    config: Overrides = None,
    back: Annotated[bool, typer.Option("--back", help="Bring the lost zone back.")] = False,
    as_json: Json = False,
) -> int:
    """Shift away from a zone and drain it: who keeps what it needs, who can still grow, what is pending and why."""
    from rich.console import Console

    from rehearsal.drills import zone_loss
    from rehearsal.progress import progress_on
    from rehearsal.report.drill import print_zone_loss
    from rehearsal.session import Request

    request = Request(stack, _pairs(config))
    if back:
        returned = zone_loss.bring_back(request, progress_on())
        print(json.dumps({"back": returned}) if as_json else f"back: {returned or 'no zone was lost'}")
        return 0
    loss = zone_loss.lose_zone(request, zone, progress_on())
    if as_json:
        print(json.dumps(loss.data(), indent=2))
    else:
        print_zone_loss(loss, Console())
    return 0 if loss.ok else 1


@app.command()
@reported
def status(as_json: Json = False) -> None:
    """Show the control planes that are up, their stacks, processes and memory."""
    from rehearsal.report.status import show_status

    show_status(as_json=as_json)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
@reported
def kubectl(context: typer.Context) -> int:
    """Run kubectl against a control plane: kubectl [--stack STACK] ARGUMENTS..."""
    from rehearsal.controlplane.boot import attach
    from rehearsal.controlplane.kubectl import kubectl as run_kubectl
    from rehearsal.session import running_plane

    arguments = list(context.args)
    stack = None
    if arguments[:1] == ["--stack"] and len(arguments) > 1:
        stack, arguments = arguments[1], arguments[2:]
    return run_kubectl(attach(running_plane(stack)), arguments)


@app.command()
@reported
def picture(
    stack: Stack = "peak",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The SVG file; stdout when left out.")] = None,
) -> None:
    """Draw a stack's architecture as SVG, from its resources."""
    from rehearsal.engine.evaluate import evaluate
    from rehearsal.paths import PROJECT_DIR
    from rehearsal.report.picture import draw

    svg = draw(evaluate(PROJECT_DIR, stack, preview=False))
    if output:
        output.write_text(svg)
    else:
        print(svg)


def _commit(commit: str) -> str:
    return f"commit {commit[:12]}" if commit else "no commit: commit the program, or nothing tells what to go back to"


def _pairs(given: list[str] | None) -> dict[str, str]:
    """KEY=VALUE options as a mapping; the last of several wins. A value may hold further equals signs."""
    pairs = [pair.partition("=") for pair in given or []]
    if broken := [key for key, separator, _ in pairs if not (key and separator)]:
        raise UserError.of("--config takes KEY=VALUE", (f"given {key!r}, with no value" for key in broken))
    return {key: value for key, _, value in pairs}
