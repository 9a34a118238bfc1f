"""What an `up` or a `down` did to the cluster, and what it could not do."""

from dataclasses import dataclass, field
from typing import NamedTuple

from rehearsal.errors import RehearsalError


class Remark(NamedTuple):
    """An object ("Kind namespace/name") and what there is to say about it."""

    what: str
    reason: str


@dataclass
class Changes:
    """Objects by what happened to them, each as "Kind namespace/name".

    `restored` are those whose inputs are the same as last time, but somebody had changed them in the cluster. `kept`
    are no longer the program's and were left alone, `refused` were asked for and did not happen.
    """

    created: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    kept: list[Remark] = field(default_factory=list)
    refused: list[Remark] = field(default_factory=list)

    def raise_refusals(self) -> None:
        """Raises ApplyError when anything was refused."""
        if self.refused:
            raise ApplyError(self)


class ApplyError(RehearsalError):
    """Some of the changes were refused; all the reasons at once. What succeeded is done and recorded."""

    def __init__(self, changes: Changes) -> None:
        self.changes = changes
        count = len(changes.refused)
        lines = (f"  - {what}: {reason}" for what, reason in sorted(changes.refused))
        super().__init__("\n".join([f"{count} object{'s' * (count != 1)} could not be brought about:", *lines]))
