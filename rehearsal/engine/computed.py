"""What a provider would answer to the creation of a resource."""

from dataclasses import dataclass
from typing import Any


class NotCoveredError(LookupError):
    """There is no rule for the outputs of a resource type."""


@dataclass(frozen=True)
class Computed:
    """`outputs` are what the provider adds to the inputs or changes in them; `settled` names those already known in a
    preview."""

    id: str
    outputs: dict[str, Any]
    settled: frozenset[str] = frozenset()
