"""Runs the real program of a stack, in this process, against the local engine."""

import contextvars
import json
import runpy
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.engine.isolation import (
    causes,
    collector_paused,
    discard_leftovers,
    environment,
    project_environment,
    run_in_fresh_loop,
    settled,
)
from rehearsal.engine.model import Evaluation, Resource, secret_texts
from rehearsal.engine.project import ORGANIZATION, Project, read_project
from rehearsal.engine.references import References
from rehearsal.engine.scrubbing import SHORTEST_SECRET, Scrubber
from rehearsal.engine.stack_config import StackConfig, read_stack_config
from rehearsal.errors import RehearsalError, UserError

PROGRAM = "__main__.py"


def evaluate(
    project_dir: Path,
    stack: str,
    *,
    preview: bool,
    overrides: Mapping[str, str] | None = None,
    previous_outputs: Mapping[str, Mapping[str, Any]] | None = None,
) -> Evaluation:
    """Evaluates the program in `project_dir` for `stack`: what it would ask of the engine, and what it would get.

    With `preview`, ids and computed outputs are unknown, as before a first deployment; without, they are made up as AWS
    would shape them. `overrides` are configuration by key, as after `pulumi up -c`. `previous_outputs` are the outputs
    of the last run by URN: generated passwords found there are kept.

    Raises UserError for mistakes in configuration, and for those that the program reports as such; RehearsalError for
    anything else that goes wrong in it. Messages hold no secret of the configuration. Not safe for use by several
    threads at once: working folder and environment are the process's.
    """
    project = read_project(project_dir)
    if not (project.folder / PROGRAM).is_file():
        raise UserError(f"There is no {PROGRAM} in {project.folder}.")
    previous = previous_outputs or {}

    def evaluate_referenced(name: str, references: References) -> Evaluation:
        return _evaluate_stack(project, name, False, {}, previous, references)

    references = References(project, evaluate_referenced, (stack,))
    with project_environment(project.folder), collector_paused():
        return _evaluate_stack(project, stack, preview, overrides or {}, previous, references)


def _evaluate_stack(
    project: Project,
    stack: str,
    preview: bool,
    overrides: Mapping[str, str],
    previous: Mapping[str, Mapping[str, Any]],
    references: References,
) -> Evaluation:
    # Imported late: the SDK takes half a second, and commands like --help need none of it.
    from rehearsal.engine.monitor import Engine, Monitor

    config = read_stack_config(project, stack, overrides)
    scrub = Scrubber(config.values[key] for key in config.secret_keys if key in config.values)
    monitor = Monitor(
        project.name, stack, project.folder, config, preview=preview, previous=previous, read_stack=references.read
    )
    engine = Engine()
    failure: RehearsalError | None = None
    try:
        contextvars.copy_context().run(_run, project, stack, config, preview, monitor, engine)
    except (Exception, SystemExit) as error:
        _learn_secrets(scrub, monitor.resources)
        failure = _reported(error, project.folder, scrub)
        discard_leftovers(error)
    except KeyboardInterrupt as error:
        discard_leftovers(error)
        raise
    if monitor.problems:
        # They come before what the program raised, which may only follow from them.
        lines = "".join(f"\n  - {scrub(problem)}" for problem in dict.fromkeys(monitor.problems))
        failure = RehearsalError(f"The program of stack '{stack}' can't be evaluated:{lines}")
    if config.mistakes:
        raise config.refusal(str(failure) if isinstance(failure, UserError) else "")
    if failure:
        raise failure
    if engine.warnings:
        _learn_secrets(scrub, monitor.resources)
    return Evaluation(
        project=project.name,
        stack=stack,
        preview=preview,
        config=config.values,
        secret_keys=config.secret_keys,
        resources=monitor.resources,
        outputs=monitor.outputs,
        references=references.read_by_name,
        warnings=[scrub(message) for message in engine.warnings],
    )


def _run(project: Project, stack: str, config: StackConfig, preview: bool, monitor: Any, engine: Any) -> None:
    """Runs the program to its end, in a context of its own: the SDK keeps its settings in context variables."""
    import pulumi.runtime
    from pulumi.runtime.settings import ROOT

    from rehearsal.engine.stack_traces import program_frames_only

    ROOT.set(None)
    secret_keys = sorted(config.secret_keys)
    pulumi.runtime.set_all_config(config.values, secret_keys)
    pulumi.runtime.configure(
        pulumi.runtime.Settings(
            project=project.name,
            stack=stack,
            monitor=monitor,
            engine=engine,
            dry_run=preview,
            organization=ORGANIZATION,
            root_directory=str(project.folder),
        )
    )

    async def program() -> None:
        runpy.run_path(str(project.folder / PROGRAM), run_name="__main__")
        await settled()

    # The CLI tells the program its configuration by these two, and get_config_env reads them.
    variables = {"PULUMI_CONFIG": json.dumps(config.values), "PULUMI_CONFIG_SECRET_KEYS": json.dumps(secret_keys)}
    try:
        with environment(variables), program_frames_only(project.folder):
            run_in_fresh_loop(lambda: pulumi.runtime.run_in_stack(program))
    finally:
        # The SDK makes what is set first in a context the default of all others: the monitor, preview or not, and so
        # on. Settings made in an empty context put its own defaults back.
        contextvars.Context().run(pulumi.runtime.Settings, "project", "stack")


def _learn_secrets(scrub: Scrubber, resources: Mapping[str, Resource]) -> None:
    """What became secret while the program ran, generated passwords above all."""
    for resource in resources.values():
        for text in secret_texts([resource.inputs, resource.outputs]):
            if len(text) >= SHORTEST_SECRET:
                scrub.add(text)


def _reported(error: BaseException, folder: Path, scrub: Scrubber) -> RehearsalError:
    """`error` as one clear message: without a traceback, and without secrets."""
    if isinstance(error, RehearsalError):
        return type(error)(scrub(str(error)))
    if _is_users_mistake(error):
        return UserError(scrub(str(error)))
    place = _place(error, folder)
    where = f" ({place})" if place else ""
    if isinstance(error, SystemExit):
        return RehearsalError(scrub(f"The program ended itself: sys.exit({error.code!r}){where}."))
    return RehearsalError(scrub(f"The program failed{where}: {type(error).__name__}: {error}"))


def _is_users_mistake(error: BaseException) -> bool:
    """What the pulumi CLI shows without a traceback, and what says of itself that the exit code is 2."""
    import pulumi

    return isinstance(error, pulumi.RunError | pulumi.InputPropertiesError) or getattr(error, "exit_code", None) == 2


def _place(error: BaseException, folder: Path) -> str:
    """`file:line` of the innermost line of the program in `error` or in what caused it.

    An error inside an apply loses its traceback where two futures share it (Python 3.11, asyncio); then it is the line
    that declared the resource for which the value was wanted, as the SDK noted it.
    """
    from rehearsal.engine.requests import place

    if isinstance(error, SyntaxError) and error.filename:
        return f"{Path(error.filename).name}:{error.lineno}"
    declared = ""
    for cause in causes(error):
        for frame, line in reversed(list(traceback.walk_tb(cause.__traceback__))):
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(folder) and not {"site-packages", "rehearsal"} & set(path.relative_to(folder).parts):
                return f"{path.relative_to(folder)}:{line}"
            if frame.f_code.co_name == "do_register" and not declared:
                declared = place(frame.f_locals["stack_trace"], folder)
    return declared
