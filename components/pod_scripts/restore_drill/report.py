"""What a drill found out."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Report:
    """failures: what was not as promised, in words; none of them means proven.

    seconds: by phase (restore, database, filestore). recovered_to: Unix time of the newest commit that came back, None
    where none was seen. size: bytes of all databases. attachments: how many were compared. started: Unix time.
    """

    source: str
    started: float
    failures: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    recovered_to: float | None = None
    databases: list[str] = field(default_factory=list)
    size: int = 0
    attachments: int = 0

    @property
    def proven(self) -> bool:
        return not self.failures

    @property
    def finished(self) -> float:
        return self.started + sum(self.seconds.values())

    def as_data(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        age = None if self.recovered_to is None else round(self.started - self.recovered_to, 1)
        return {
            "drill": "restore",
            "proven": self.proven,
            "failures": self.failures,
            "source": self.source,
            "started": self.started,
            "seconds": {phase: round(seconds, 1) for phase, seconds in self.seconds.items()},
            "data_age_seconds": age,
            "databases": self.databases,
            "bytes": self.size,
            "attachments_compared": self.attachments,
        }
