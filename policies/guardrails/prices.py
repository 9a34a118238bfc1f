"""Pinned prices (policies/prices.toml), by region, each with its day and its source."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from guardrails.config import Config, limit

FILE: Final = Path(__file__).parent.parent / "prices.toml"
HOME: Final = "us-east-1"
HOURS: Final = 730
"""Of a month, as AWS counts."""

UNPRICED = limit("unpriced-region-percent", 125, "Prices of a region without rows, in percent of us-east-1's.")

SIZES: Final = {"medium": 1, "large": 2, "xlarge": 4}
"""vCPUs by the size in an instance type's name; `8xlarge` has eight times those of `xlarge`."""


@dataclass(frozen=True)
class Machine:
    """One instance type, priced. usd_per_vcpu: an hour of one vCPU."""

    name: str
    vcpus: int
    gib_per_vcpu: float
    usd_per_vcpu: float

    @property
    def usd_per_month(self) -> float:
        return self.vcpus * self.usd_per_vcpu * HOURS


class Prices:
    """The prices of one region, in US dollars."""

    def __init__(self, region: str, config: Config) -> None:
        self.region, self._percent = region, config.number(UNPRICED)

    def item(self, name: str) -> float:
        """Of one hour, month or GiB, as the name says. Raises KeyError for what has no row: a mistake of ours."""
        return self._usd("item", "name", name, "usd")[1]

    def machine(self, instance_type: str) -> Machine | None:
        """None where its family has no row, or its size can't be read."""
        family, _, size = instance_type.rpartition(".")
        found = re.fullmatch(r"([0-9]*)(medium|large|xlarge)", size)
        if not found or (found[1] and found[2] != "xlarge"):
            return None
        try:
            row, usd = self._usd("compute", "family", family, "per_vcpu_hour")
        except KeyError:
            return None
        vcpus = SIZES[found[2]] * int(found[1] or 1)
        return Machine(instance_type, vcpus, float(row["gib_per_vcpu"]), usd)

    @property
    def note(self) -> str:
        """What the prices are, for messages."""
        oldest = min(row["as_of"] for rows in _book().values() for row in rows)
        where = self.region if self._own else f"us-east-1 x {self._percent:g} % for {self.region}"
        return f"prices of {where}, the oldest of {oldest:%Y-%m-%d}"

    @property
    def _own(self) -> bool:
        return self.region == HOME or any(row["region"] == self.region for rows in _book().values() for row in rows)

    def _usd(self, table: str, key: str, name: str, price: str) -> tuple[dict[str, Any], float]:
        rows = {row["region"]: row for row in _book()[table] if row[key] == name}
        if self.region in rows:
            return rows[self.region], float(rows[self.region][price])
        row = rows[HOME]
        return row, float(row[price]) * self._percent / 100


@cache
def _book() -> dict[str, list[dict[str, Any]]]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
