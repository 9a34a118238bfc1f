"""`explain`: the plan of a stack, told by retail/ itself from the stack's configuration. No resource is evaluated."""

import json
from collections.abc import Mapping

from rehearsal.engine.project import read_project
from rehearsal.engine.stack_config import read_stack_config
from rehearsal.errors import UserError
from rehearsal.paths import PROJECT_DIR
from retail.configuration import parse_settings
from retail.plan import Plan
from retail.settings import PROJECT, SettingsError
from retail.sizing import make_plan


def plan_of(stack: str, overrides: Mapping[str, str]) -> Plan:
    """The plan the program would follow. Raises UserError with every mistake in the configuration."""
    config = read_stack_config(read_project(PROJECT_DIR), stack, overrides)
    prefix = f"{PROJECT}:"
    given = {key.removeprefix(prefix): text for key, text in config.values.items() if key.startswith(prefix)}
    try:
        plan = make_plan(parse_settings(given, stack=stack))
    except SettingsError as error:
        raise (config.refusal(str(error)) if config.mistakes else UserError(str(error))) from None
    if config.mistakes:
        raise config.refusal()
    return plan


def explain(stack: str, overrides: Mapping[str, str], *, as_json: bool) -> None:
    """Print every result of the plan with the formula and the source behind it."""
    plan = plan_of(stack, overrides)
    if as_json:
        print(json.dumps([reason._asdict() for reason in plan.reasons], indent=2))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{stack}: how its numbers follow from the business", title_justify="left")
    for column in ("what", "value", "because", "source"):
        table.add_column(column, justify="right" if column == "value" else "left")
    for reason in plan.reasons:
        table.add_row(reason.what, reason.value, reason.formula, reason.source)
    Console().print(table)
