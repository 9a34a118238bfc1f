"""The page at the end of a drill."""

from typing import TYPE_CHECKING

from rehearsal.report.page import add_row, print_pairs, table_of

if TYPE_CHECKING:
    from rich.console import Console

    from rehearsal.drills.results import ZoneLoss


def print_zone_loss(loss: "ZoneLoss", console: "Console") -> None:
    """Each workload's pods, budgets, what is pending, the verdict and the way back."""
    columns = ("namespace", "workload", "class", "needed", "before", "lowest", "after", "grew to", "")
    table = table_of(f"Ready pods, {loss.zone} lost", *columns)
    for level in loss.levels:
        grew = "-" if level.ceiling is None else f"{level.scaled_to} of {level.ceiling}"
        counts = (str(count) for count in (level.needed, level.before, level.lowest, level.after))
        fell = level in loss.fell
        add_row(
            table,
            *(level.namespace, level.workload, level.workload_class, *counts, grew),
            "fell short" if fell else "kept" if level.ok else "less",
            style="red" if fell else "",
        )
    console.print(table)
    pending = [
        (f"{each.count} x {each.namespace}/{each.workload} ({each.workload_class or 'no class'})", each.reason)
        for each in loss.pending
    ]
    print_pairs("Pending until the zone is back, and why", pending, console)
    print_pairs("Disruption budgets violated", sorted(loss.violated.items()), console, style="red")
    print_pairs("Never let go by a disruption budget", [(each, "") for each in loss.refused], console, style="red")
    verdict = "Every critical workload kept what it needs and could grow" if loss.ok else "The zone's loss is not borne"
    held = "evictions were refused" if loss.refused else f"drained in {loss.drain_seconds:.0f} s"
    budgets = "budgets were violated" if loss.violated else "no budget was violated"
    console.print(f"{verdict}; {held}, {budgets}.\n", style="green" if loss.ok else "red")
    print_pairs("Next", [(f"python -m rehearsal lose zone {loss.stack} --back", "bring the zone back")], console)
