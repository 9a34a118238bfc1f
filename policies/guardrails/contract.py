"""What the retailer was promised, as inputs of the program's own component: what a pack can't see from resources."""

from collections.abc import Iterable
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from guardrails.reading import Unjudged
from guardrails.resource import Resource
from guardrails.windows import Window, window

TYPES: Final = ("retail:platform:Retailer", "retail:platform:Foundation")
"""Who may carry the contract: the retailer, or on a shared platform, which hosts none itself, its foundation."""


class Contract:
    """The contract of a stack; every property is Unjudged where the program did not give it."""

    def __init__(self, given: Resource) -> None:
        self.given = given

    @property
    def retailer(self) -> str:
        return self.given.text("retailer")

    @property
    def hosting(self) -> str:
        """platform, shared, segmented or dedicated."""
        return self.given.text("hosting")

    @property
    def owns_cluster(self) -> bool:
        return self.hosting in ("platform", "dedicated")

    @property
    def owns_database(self) -> bool:
        """Whether PostgreSQL, its nodes and the edge are this stack's own."""
        return self.hosting != "shared"

    @property
    def serves_retailer(self) -> bool:
        """Whether Odoo runs here; a platform hosts no retailer itself."""
        return self.hosting != "platform"

    @property
    def production(self) -> bool:
        return self.given.text("environment") == "production"

    @property
    def objective_class(self) -> str:
        """gold, silver or bronze."""
        return self.given.text("objectiveClass")

    @property
    def redundant(self) -> bool:
        """Whether the loss of a zone must not stop it; bronze gives that up."""
        return self.objective_class != "bronze"

    @property
    def season(self) -> str:
        """normal or peak."""
        return self.given.text("season")

    @property
    def avoided_zone(self) -> str:
        """A zone in trouble, which stateless nodes keep out of; empty on other days."""
        return self.given.text("avoidZone", "")

    @property
    def sleeps(self) -> bool:
        """Whether its tiers are down outside working hours; production never is, whatever it says."""
        return not self.production and self.given.text("workingHours", "") != ""

    def seconds(self, key: str) -> int | float:
        """An objective in seconds: rpoSeconds, rtoSeconds, regionRpoSeconds, regionRtoSeconds."""
        return self.given.number(key)

    def count(self, key: str) -> int | float:
        """Another number of the contract, by its key there (components/contract.py of the program has them all)."""
        return self.given.number(key)

    def need(self, tier: str) -> int | float | None:
        """Pods of a tier that carry the season's load; None where the contract knows no such tier."""
        return self.given.number(f"needs.{tier}", None)

    def needs_at_peaks(self, tier: str) -> dict[str, int | float]:
        """Pods of a scaled tier that carry the load of each peak of the calendar, by its name; none for other tiers."""
        return {name: node.number() for name, node in self.given.entries(f"needsAtPeaks.{tier}").items()}

    @cached_property
    def zone(self) -> ZoneInfo:
        """The retailer's time zone."""
        node = self.given.at("timeZone")
        try:
            return ZoneInfo(node.text())
        except (ZoneInfoNotFoundError, ValueError):
            raise node.unjudged("must be a time zone, as Europe/Paris") from None

    @cached_property
    def peaks(self) -> list[Window]:
        return [window(node, self.zone) for node in self.given.items("peaks")]

    @cached_property
    def freezes(self) -> list[Window]:
        return [window(node, self.zone) for node in self.given.items("freezes")]


def find(resources: Iterable[Resource]) -> Contract:
    """The contract among `resources`. Unjudged where there is none, or more than one."""
    by_type: dict[str, list[Resource]] = {}
    for resource in resources:
        by_type.setdefault(resource.type, []).append(resource)
    carriers = next((by_type[each] for each in TYPES if each in by_type), [])
    if len(carriers) != 1:
        problem = "no component carries the contract" if not carriers else "several components carry a contract"
        raise Unjudged(None, "", f"{problem}: it is the inputs of one {TYPES[0]}")
    return Contract(carriers[0])
