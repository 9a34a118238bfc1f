"""What a check finds wrong, and where."""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error keeps something from working; a warning is worth a look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, order=True)
class Where:
    """The object a finding is about. `namespace` is empty for what has none."""

    kind: str
    namespace: str
    name: str
    urn: str

    def __str__(self) -> str:
        return f"{self.kind} {f'{self.namespace}/' if self.namespace else ''}{self.name}"


@dataclass(frozen=True)
class Finding:
    """`path` is the field (empty: the whole object), `message` what is wrong with it, `fix` what to do, if known."""

    severity: Severity
    where: Where
    path: str
    message: str
    fix: str = ""
