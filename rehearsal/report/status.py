"""`status`: the control planes that are up, what lives on them and what they use."""

import json
from typing import Any

from rehearsal.controlplane import boot
from rehearsal.paths import plane_dir
from rehearsal.session import stacks_on

MIB = 1024 * 1024


def status_data() -> list[dict[str, Any]]:
    """One entry a control plane: its stacks, its kubeconfig, and each process with its id and resident bytes."""
    return [
        {
            "plane": name,
            "running": boot.running(name),
            "stacks": stacks_on(name),
            "kubeconfig": str(plane_dir(name) / "kubeconfig"),
            "processes": {
                process: {"pid": each.pid, "resident": each.resident} for process, each in boot.status(name).items()
            },
        }
        for name in boot.planes()
    ]


def show_status(*, as_json: bool) -> None:
    """Print it: a table, or JSON."""
    planes = status_data()
    if as_json:
        print(json.dumps(planes, indent=2))
        return
    if not planes:
        print("no control plane is up; `python -m rehearsal up dev` brings one up")
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(title="control planes", title_justify="left")
    for column in ("plane", "stacks", "process", "pid", "MiB"):
        table.add_column(column, justify="right" if column in ("pid", "MiB") else "left")
    for plane in planes:
        processes = plane["processes"].items()
        for index, (process, each) in enumerate(processes):
            first = index == 0
            table.add_row(
                plane["plane"] if first else "",
                ", ".join(plane["stacks"]) if first else "",
                process,
                str(each["pid"] or "not running"),
                str(each["resident"] // MIB),
            )
        total = sum(each["resident"] for _, each in processes)
        table.add_row("", "", "together", "", str(total // MIB), end_section=True)
    Console().print(table)
