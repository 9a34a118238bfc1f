"""What a drill of losing a zone came to, and whether that is good enough."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from retail.objectives import WorkloadClass


@dataclass(frozen=True)
class Level:
    """Ready pods of a workload: what it needs, what it had, the fewest at any moment, what it has with the zone gone.

    ceiling and scaled_to: how far it was asked to grow then, and how far it did, outside that zone; None where nothing
    scales it.
    """

    namespace: str
    workload: str
    workload_class: str
    needed: int
    before: int
    lowest: int
    after: int
    ceiling: int | None
    scaled_to: int | None

    @property
    def ok(self) -> bool:
        """Never below its need, and able to grow."""
        return min(self.lowest, self.after) >= self.needed and self.scaled_to == self.ceiling


@dataclass(frozen=True)
class Pending:
    """Pods of a workload that found no place, and why not, in the scheduler's words."""

    namespace: str
    workload: str
    workload_class: str
    count: int
    reason: str


@dataclass(frozen=True)
class ZoneLoss:
    """drain_seconds: how long evictions took. refused: pods that budgets still held when the drain's time was up.

    violated: disruption budgets that had fewer healthy pods than they ask for, at any moment.
    """

    stack: str
    zone: str
    levels: tuple[Level, ...]
    drain_seconds: float
    refused: tuple[str, ...]
    violated: Mapping[str, str]
    pending: tuple[Pending, ...]

    @property
    def fell(self) -> tuple[Level, ...]:
        """Critical workloads that did not hold."""
        return tuple(each for each in self.levels if each.workload_class == WorkloadClass.CRITICAL and not each.ok)

    @property
    def ok(self) -> bool:
        return not (self.fell or self.refused or self.violated)

    def data(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {"ok": self.ok, **asdict(self), "fell": [level.workload for level in self.fell]}
