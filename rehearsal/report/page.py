"""The page at the end of an `up`: what stands where, what does not and why, what changed, where to go from here."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_SHOWN_CHANGES: Final = 12
_LONGEST_OUTPUT: Final = 100  # characters; a kubeconfig would fill the screen, and --json has it whole


def print_page(page: Mapping[str, Any], console: "Console") -> None:
    """Shows what `summarize` gathered; colours and width are the console's affair (NO_COLOR included)."""
    zones = sorted({zone for row in [*page["nodes"], *page["pods"]] for zone in row["zones"]})
    _print_nodes(page["nodes"], zones, console)
    _print_pods(page["pods"], zones, console)
    _print_troubles(page, console)
    if stood_in_for := page.get("stood_in_for"):
        console.print(
            f"Stood in for here: {', '.join(stood_in_for)}; of AWS there are only made-up ids.\n", style="dim"
        )
    _print_changes(page["changes"], console)
    print_pairs("Addresses", [(entry["service"], entry["address"]) for entry in page["addresses"]], console)
    print_pairs("Outputs", [(name, _inline(value)) for name, value in page["outputs"].items()], console)
    print_pairs("Next", [(entry["command"], entry["purpose"]) for entry in page["next"]], console)


def _print_nodes(rows: Iterable[Mapping[str, Any]], zones: Sequence[str], console: "Console") -> None:
    table = table_of(f"Nodes{_of_region(zones)}", "pool", "type", *_short(zones), "ready", "CPU asked", "memory asked")
    for row in rows:
        add_row(
            table,
            row["pool"] or "-",
            ", ".join(row["instance_types"]),
            *(_count(row["zones"].get(zone, 0)) for zone in zones),
            f"{row['ready']}/{row['count']}",
            f"{_percent(row['cpu_requested'], row['cpu'])} of {row['cpu'] / 1000:.0f}",
            f"{_percent(row['memory_requested'], row['memory'])} of {row['memory'] / 1024:.0f} GiB",
        )
    console.print(table)


def _print_pods(rows: Iterable[Mapping[str, Any]], zones: Sequence[str], console: "Console") -> None:
    table = table_of(f"Pods{_of_region(zones)}", "namespace", "workload", "class", "pool", *_short(zones), "ready")
    for row in rows:
        add_row(
            table,
            row["namespace"],
            row["workload"] or "-",
            row["class"] or "-",
            row["pool"] or "-",
            *(_count(row["zones"].get(zone, 0)) for zone in zones),
            f"{row['ready']}/{row['count']}",
        )
    console.print(table)


def _print_troubles(page: Mapping[str, Any], console: "Console") -> None:
    if page["complete"]:
        console.print("Everything is placed and ready.\n", style="green")
        return
    pending = [
        (f"{entry['count']} x {entry['namespace']}/{entry['workload']}", entry["reason"]) for entry in page["pending"]
    ]
    print_pairs("Pending pods, and why", pending, console, style="red")
    print_pairs("Not ready", [(entry["what"], entry["reason"]) for entry in page["waiting"]], console, style="red")


def _print_changes(changes: Mapping[str, Sequence[Any]], console: "Console") -> None:
    rows: list[tuple[str, str]] = []
    for happened in ("created", "changed", "restored", "replaced", "deleted"):
        if names := changes[happened]:
            more = f" and {len(names) - _SHOWN_CHANGES} more" if len(names) > _SHOWN_CHANGES else ""
            listed = "" if happened == "created" else f": {', '.join(names[:_SHOWN_CHANGES])}{more}"
            rows.append((happened, f"{len(names)}{listed}"))
    rows.append(("unchanged", str(len(changes["unchanged"]))))
    rows += [(f"{said}: {entry['what']}", entry["reason"]) for said in ("kept", "refused") for entry in changes[said]]
    print_pairs("Changes", rows, console)


def print_pairs(title: str, rows: Sequence[tuple[str, str]], console: "Console", style: str = "") -> None:
    if not rows:
        return
    table = table_of(title, "", "", header=False)
    for left, right in rows:
        add_row(table, left, right, style=style)
    console.print(table)


def table_of(title: str, *columns: str, header: bool = True) -> "Table":
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(
        title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD, show_header=header, pad_edge=False
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def add_row(table: "Table", *cells: str, style: str = "") -> None:
    """A row of plain text: as markup, "[secret]" would be an unknown style and vanish."""
    from rich.text import Text

    table.add_row(*(Text(cell) for cell in cells), style=style)


def _inline(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_inline(item) for item in value)
    if isinstance(value, dict):
        return "\n".join(f"{key}: {_inline(item)}" for key, item in value.items())
    text = str(value)
    return text if len(text) <= _LONGEST_OUTPUT else f"{text[:_LONGEST_OUTPUT]}... ({len(text)} characters)"


def _short(zones: Sequence[str]) -> list[str]:
    """Zones of one region by their letter alone: four tables of full names would not fit a terminal."""
    return [zone[-1] for zone in zones] if _of_region(zones) else list(zones)


def _of_region(zones: Sequence[str]) -> str:
    regions = {zone[:-1] for zone in zones}
    return f", by zone of {regions.pop()}" if len(regions) == 1 else ""


def _count(number: int) -> str:
    return str(number) if number else "·"


def _percent(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "-"
