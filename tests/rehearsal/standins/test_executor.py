import logging
from itertools import pairwise
from typing import Any

import pytest

from rehearsal.cluster.client import ApiError
from rehearsal.standins import kinds
from rehearsal.standins.executor import Executor, slim
from rehearsal.standins.stand_in import Apply, Delete, Evict, Patch
from rehearsal.standins.world import View

KEY = ("v1", "Secret", "shop", "s")
SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "shop"},
    "data": {"k": "dmFsdWU="},
}


class FakeClient:
    """Answers as an API server would, or refuses."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.refusal: ApiError | None = None

    def _answer(self, call: str, what: Any) -> dict[str, Any]:
        self.calls.append((call, what))
        if self.refusal:
            raise self.refusal
        metadata = {"name": "s", "namespace": "shop", "resourceVersion": "7", "managedFields": []}
        return {**SECRET, "metadata": metadata}

    def apply(self, manifest: Any, **options: Any) -> dict[str, Any]:
        return self._answer("apply", (manifest["kind"], options))

    def patch(self, *names: Any, subresource: str) -> dict[str, Any]:
        return self._answer("patch", (*names, subresource))

    def delete(self, *names: Any, uid: str) -> bool:
        return bool(self._answer("delete", (*names, uid)))

    def evict(self, *names: Any) -> bool:
        return bool(self._answer("evict", names))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr("rehearsal.standins.executor.time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def client() -> FakeClient:
    return FakeClient()


@pytest.fixture
def hands(client: FakeClient, clock: list[float]) -> Executor:  # noqa: ARG001 - stops the clock
    return Executor(client, View())  # type: ignore[arg-type]  # a fake


def test_each_step_is_sent_as_what_it_is(hands: Executor, client: FakeClient) -> None:
    hands.perform(Apply(SECRET))
    hands.perform(Apply(SECRET, subresource="status"))
    hands.perform(Patch(("apps/v1", "Deployment", "shop", "web"), {"spec": {"replicas": 3}}, "scale"))
    hands.perform(Delete(("v1", "Node", "", "n"), "uid"))
    hands.perform(Evict(("v1", "Pod", "shop", "p")))
    assert client.calls == [
        ("apply", ("Secret", {"field_manager": "retail-stand-in", "subresource": ""})),
        ("apply", ("Secret", {"field_manager": "retail-stand-in", "subresource": "status"})),
        ("patch", ("apps/v1", "Deployment", "web", {"spec": {"replicas": 3}}, "shop", "scale")),
        ("delete", ("v1", "Node", "n", None, "uid")),
        ("evict", ("p", "shop")),
    ]


def test_what_was_written_shows_at_once(client: FakeClient) -> None:
    view = View()
    Executor(client, view).perform(Apply(SECRET))  # type: ignore[arg-type]  # a fake
    assert view.snapshot([kinds.SECRET], {}).get(kinds.SECRET, "s", "shop")


def test_a_step_without_success_is_tried_again_ever_more_seldom(
    hands: Executor, client: FakeClient, clock: list[float]
) -> None:
    client.refusal = ApiError("Secret s", 422, "Invalid", "no")
    tries = []
    for _ in range(400):
        before = len(client.calls)
        hands.perform(Apply(SECRET))
        if len(client.calls) > before:
            tries.append(clock[0])
        clock[0] += 0.05
    gaps = [later - sooner for sooner, later in pairwise(tries)]
    assert gaps == sorted(gaps)
    assert 0.2 < gaps[0] < 0.4
    assert max(gaps) < 5.2


def test_it_says_when_a_put_off_step_is_due(hands: Executor, client: FakeClient) -> None:
    assert hands.next_try() is None
    client.refusal = ApiError("Secret s", 422, "Invalid", "no")
    hands.perform(Apply(SECRET))
    assert hands.next_try() == pytest.approx(0.25)


def test_refusals_are_kept_and_logged_once_until_it_works(
    hands: Executor, client: FakeClient, clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    client.refusal = ApiError("Secret shop/s", 403, "Forbidden", "violates PodSecurity")
    for _ in range(3):
        hands.perform(Apply(SECRET))
        clock[0] += 10
    assert hands.refusals == {KEY: "violates PodSecurity"}
    assert caplog.text.count("violates PodSecurity") == 1
    client.refusal = None
    hands.perform(Apply(SECRET))
    assert hands.refusals == {}
    assert "dmFsdWU=" not in caplog.text


@pytest.mark.parametrize(
    "refusal",
    [
        ApiError("x", 404, "NotFound", "gone"),
        ApiError("x", 403, "Forbidden", "unable to create new content because it is being terminated"),
    ],
)
def test_what_goes_anyway_is_no_refusal(hands: Executor, client: FakeClient, refusal: ApiError) -> None:
    client.refusal = refusal
    hands.perform(Apply(SECRET))
    assert hands.refusals == {}


def test_nothing_of_a_secret_is_remembered_in_plain(hands: Executor) -> None:
    hands.perform(Apply(SECRET))
    assert "dmFsdWU=" not in str(vars(hands))


def test_what_nobody_reads_is_dropped() -> None:
    container = {"name": "c", "env": [{"name": "A"}], "resources": {"requests": {"cpu": "1"}}, "image": "i"}
    pod = slim(
        {
            "kind": "Pod",
            "metadata": {"name": "p", "managedFields": [1]},
            "spec": {"containers": [container]},
            "status": {},
        }
    )
    assert pod["metadata"] == {"name": "p"}
    assert pod["spec"]["containers"] == [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]
