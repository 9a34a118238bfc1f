"""The capacity of stacks as tables: on a terminal, as JSON, and as the page docs/capacity.md."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Final

from rich import box
from rich.console import Console
from rich.table import Table

from rehearsal.report.capacity import Capacity, Term, TierCapacity

TIERS: Final = ("tier", "pods", "proc", "memory", "path", "client", "direct", "priority", "pool")
BUDGET: Final = ("connections to PostgreSQL", "sum", "at most")

INTRODUCTION: Final = """# How much of everything

Printed by `python -m rehearsal capacity --markdown` from the resources of every shipped stack (`make docs` writes this
page, a test holds it). Pods: floor-ceiling. Processes and memory (MiB, requested-limit) are of a pod. Client
connections: what all processes at the ceiling could open to their poolers; direct ones go to PostgreSQL itself.
"""


def as_json(capacities: Iterable[Capacity]) -> str:
    return json.dumps([{**asdict(each), "total": each.total} for each in capacities], indent=2)


def show(each: Capacity, console: Console) -> None:
    if each.tiers:
        console.print(_table(f"{each.stack}: tiers", TIERS, [_tier_row(tier) for tier in each.tiers]))
    console.print(_table(f"{each.stack}: connections", BUDGET, _budget_rows(each)))


def as_markdown(capacities: Iterable[Capacity]) -> str:
    parts = [INTRODUCTION]
    for each in capacities:
        parts.append(f"## {each.stack}\n")
        if each.tiers:
            parts.append(_lines(TIERS, [_tier_row(tier) for tier in each.tiers]))
        parts.append(_lines(BUDGET, _budget_rows(each)))
    return "\n".join(parts)


def _tier_row(tier: TierCapacity) -> list[str]:
    pods = str(tier.floor) if tier.floor == tier.ceiling else f"{tier.floor}-{tier.ceiling}"
    memory = f"{tier.memory_request}-{tier.memory_limit}"
    client, direct = (str(count or "") for count in (tier.client, tier.direct))
    return [tier.tier, pods, str(tier.processes), memory, tier.path, client, direct, tier.priority, tier.pool]


def _budget_rows(each: Capacity) -> list[list[str]]:
    def row(term: Term) -> list[str]:
        return [term.what, term.formula, str(term.count)]

    return [*map(row, each.budget), ["all of them", f"of {each.limit}", str(each.total)]]


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=0, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column not in ("path", "sum"))
    for row in rows:
        table.add_row(*row)
    return table


def _lines(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
