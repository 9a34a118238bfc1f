"""Who scales which workload, and between which numbers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from guardrails.kinds import HORIZONTAL_POD_AUTOSCALER, SCALED_OBJECT
from guardrails.kubernetes.cron import read_cron
from guardrails.reading import Node
from guardrails.resource import Resource, family

if TYPE_CHECKING:
    from guardrails.graph import Graph


_MONDAY: Final = datetime(2026, 1, 5, tzinfo=UTC)
_WEEK: Final = timedelta(days=7)


@dataclass(frozen=True)
class Hours:
    """A cron trigger: so many pods while it is open. share: of a week's hours; None where it is no week's."""

    trigger: Node
    pods: int | float
    zone: str
    share: float | None


class Scaler:
    """A KEDA ScaledObject or a HorizontalPodAutoscaler."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self._keda = resource.family == family(SCALED_OBJECT)

    @property
    def floor(self) -> int | float:
        """KEDA's own default is 0, the HPA's 1."""
        key, default = ("minReplicaCount", 0) if self._keda else ("minReplicas", 1)
        return self.resource.number(f"spec.{key}", default)

    @property
    def ceiling(self) -> int | float:
        """KEDA's own default is 100; an HPA has none."""
        return (
            self.resource.number("spec.maxReplicaCount", 100)
            if self._keda
            else self.resource.number("spec.maxReplicas")
        )

    @property
    def triggers(self) -> list[Node]:
        return self.resource.items("spec.triggers")

    @cached_property
    def hours(self) -> list[Hours]:
        """KEDA's cron triggers."""
        crons = [each for each in self.triggers if each.text("type", "") == "cron"] if self._keda else []
        return [
            Hours(each, each.number("metadata.desiredReplicas"), each.text("metadata.timezone"), _share(each))
            for each in crons
        ]

    def standing(self) -> list[tuple[int | float, float]]:
        """Pods and the share of a week's hours that they are there for at least, floor first.

        Hours that overlap count twice, which is on the safe side of a bill.
        """
        pods = [(min(each.pods, self.ceiling), each.share) for each in self.hours]
        weekly = [(count - self.floor, share) for count, share in pods if share is not None]
        return [(self.floor, 1.0), *((more, share) for more, share in weekly if more > 0)]

    @property
    def awake(self) -> int | float:
        """Its floor; of what sleeps, the pods of its working hours."""
        return self.floor or max(pods for pods, _ in self.standing())

    @property
    def at_most_by_calendar(self) -> int | float:
        """Pods that the calendar asks for at its busiest: what a peak has at least."""
        return max([self.floor, *(min(each.pods, self.ceiling) for each in self.hours)])


class Scalers:
    """All of a stack, by what they scale."""

    def __init__(self, graph: "Graph") -> None:
        self._by_target: dict[tuple[str, str, str], Scaler] = {}
        for resource in graph.all(SCALED_OBJECT, HORIZONTAL_POD_AUTOSCALER):
            target = resource.at("spec.scaleTargetRef")
            key = (resource.namespace, target.text("kind", "Deployment"), target.text("name", ""))
            self._by_target[key] = Scaler(resource)

    def of(self, workload: Resource) -> Scaler | None:
        """Who scales this workload, by namespace, kind and name; None if its replicas are its own."""
        return self._by_target.get((workload.namespace, workload.kind.removesuffix("Patch"), workload.object_name))

    def __iter__(self) -> Iterator[Scaler]:
        return iter(self._by_target.values())


def _share(trigger: Node) -> float | None:
    """Of a week's hours, those in which a cron trigger is open, as KEDA reads it: from each start to the next end."""
    start, end = (read_cron(trigger.at(f"metadata.{key}")) for key in ("start", "end"))
    if not (start.weekly and end.weekly):
        return None
    utc = ZoneInfo("UTC")  # a week without a clock change
    span = _MONDAY, _MONDAY + 2 * _WEEK
    ends = list(end.fires(*span, utc))
    opened, until = timedelta(), _MONDAY
    for begins in start.fires(*span, utc):
        closes = next((each for each in ends if each > begins), span[1])
        if begins < until:
            continue  # it is open already
        until = closes
        if begins >= _MONDAY + _WEEK:
            break
        opened += min(closes, begins + _WEEK) - begins
    return min(opened / _WEEK, 1.0)
