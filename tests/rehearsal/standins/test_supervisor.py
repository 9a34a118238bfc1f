import queue
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from rehearsal.cluster.client import ApiError, Event, Listing
from rehearsal.errors import RehearsalError
from rehearsal.standins import kinds, supervisor
from rehearsal.standins.kinds import Kind
from rehearsal.standins.stand_in import Action, Apply
from rehearsal.standins.supervisor import Supervisor
from rehearsal.standins.world import World

PATIENCE = 10.0
"""Seconds until a test gives up waiting; none waits so long."""


class FakeCluster:
    """Watches that say what is put into them, and the definitions of the kinds it serves."""

    def __init__(self) -> None:
        self.events: dict[str, queue.Queue[Event | Exception]] = {
            kind: queue.Queue() for kind in ("Pod", "Node", "Cluster")
        }
        self.definitions: list[str] = []
        self.reachable = True
        self.applied: queue.Queue[dict[str, Any]] = queue.Queue()

    def say(self, kind: str, *events: Event | Exception) -> None:
        for event in events:
            self.events[kind].put(event)

    def watch(self, api_version: str, kind: str, namespace: str | None, **_: str) -> Iterator[Event]:  # noqa: ARG002
        while True:
            event = self.events[kind].get()
            if isinstance(event, Exception):
                raise event
            yield event

    def list(self, *_: str, metadata_only: bool) -> Listing:
        assert metadata_only
        return Listing([{"metadata": {"name": name}} for name in self.definitions], "1")

    def get(self, *_: str) -> dict[str, Any]:
        if not self.reachable:
            raise RehearsalError("connection refused")
        return {}

    def apply(self, manifest: dict[str, Any], **_: str) -> dict[str, Any]:
        self.applied.put(manifest)
        return {**manifest, "metadata": {**manifest["metadata"], "resourceVersion": "1"}}


SYNCED = Event("SYNCED", {})


def pod(name: str, version: int = 1) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": []}}


class Recorder:
    """A stand-in that notes the pods it sees, and may act or fail."""

    name = "recorder"
    settle_seconds = 0.0

    def __init__(self, *watches: Kind, act: Callable[[World], list[Action]] = lambda _: []) -> None:
        self.watches = watches
        self._act = act
        self.seen: queue.Queue[list[str]] = queue.Queue()

    def plan(self, world: World) -> list[Action]:
        self.seen.put([item["metadata"]["name"] for item in world.all(kinds.POD)])
        return self._act(world)

    def next(self) -> list[str]:
        return self.seen.get(timeout=PATIENCE)

    def until(self, names: list[str]) -> None:
        while self.next() != names:
            pass


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    for constant, value in (("_PING_SECONDS", 0.01), ("_CRD_SECONDS", 0.01), ("_RETRY_SECONDS", (0.01,))):
        monkeypatch.setattr(supervisor, constant, value)
    return FakeCluster()


@contextmanager
def running(cluster: FakeCluster, *stand_ins: Recorder) -> Generator[Supervisor]:
    supervised = Supervisor(cluster, stand_ins)  # type: ignore[arg-type]  # a fake
    thread = threading.Thread(target=supervised.run)
    thread.start()
    try:
        yield supervised
    finally:
        supervised.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def test_a_stand_in_looks_once_all_it_watches_is_known_and_at_every_change(cluster: FakeCluster) -> None:
    stand_in = Recorder(kinds.POD, kinds.NODE)
    with running(cluster, stand_in):
        cluster.say("Pod", Event("ADDED", pod("a")), SYNCED)
        assert stand_in.seen.empty()
        cluster.say("Node", SYNCED)
        assert stand_in.next() == ["a"]
        cluster.say("Pod", Event("ADDED", pod("b", 2)))
        stand_in.until(["a", "b"])
        cluster.say("Pod", Event("DELETED", pod("a", 3)))
        stand_in.until(["b"])


def test_a_kind_without_definition_holds_nobody_up_and_is_followed_when_it_comes(cluster: FakeCluster) -> None:
    stand_in = Recorder(kinds.POD, kinds.CLUSTER)
    with running(cluster, stand_in):
        cluster.say("Pod", Event("ADDED", pod("a")), SYNCED)
        stand_in.until(["a"])
        cluster.say("Cluster", SYNCED)
        assert not cluster.events["Cluster"].empty()
        cluster.definitions = [kinds.CLUSTER.crd]
        stand_in.until(["a"])
        assert cluster.events["Cluster"].empty()


def test_a_stand_in_that_fails_is_logged_and_tried_again(
    cluster: FakeCluster, caplog: pytest.LogCaptureFixture
) -> None:
    failures = iter([ZeroDivisionError("by nought"), RehearsalError("out of reach")])

    def act(_: World) -> list[Action]:
        for failure in failures:
            raise failure
        return [Apply(pod("made"))]

    stand_in, other = Recorder(kinds.POD, act=act), Recorder(kinds.POD)
    with running(cluster, stand_in, other):
        cluster.say("Pod", SYNCED)
        assert cluster.applied.get(timeout=PATIENCE)["metadata"]["name"] == "made"
        assert other.next() == []
    assert "by nought" in caplog.text


def test_a_watch_that_breaks_comes_back_and_forgets_what_went(cluster: FakeCluster) -> None:
    stand_in = Recorder(kinds.POD)
    with running(cluster, stand_in):
        cluster.say("Pod", Event("ADDED", pod("a")), Event("ADDED", pod("b", 2)), SYNCED)
        stand_in.until(["a", "b"])
        cluster.say("Pod", RehearsalError("gone"), ApiError("Pod", 500, "InternalError", "no"), KeyError("bug"))
        cluster.say("Pod", Event("ADDED", pod("b", 2)), SYNCED)
        stand_in.until(["b"])


def test_it_ends_when_the_cluster_is_gone_for_good(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "GONE_SECONDS", 0.05)
    cluster.reachable = False
    assert Supervisor(cluster, [Recorder(kinds.POD)]).run() is False  # type: ignore[arg-type]  # a fake


def test_it_ends_when_told(cluster: FakeCluster) -> None:
    supervised = Supervisor(cluster, [Recorder(kinds.POD)])  # type: ignore[arg-type]  # a fake
    supervised.stop()
    assert supervised.run() is True
