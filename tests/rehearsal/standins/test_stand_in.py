from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.standins import kinds
from rehearsal.standins.stand_in import Action, Apply, Delete, keep, keep_status, owned, per_object, prune
from rehearsal.standins.world import Object, World

OWNER = {
    "apiVersion": "postgresql.cnpg.io/v1",
    "kind": "Cluster",
    "metadata": {"name": "pg", "namespace": "shop", "uid": "u"},
}


def service(name: str = "pg-rw", **spec: Any) -> Object:
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "labels": {"a": "b"}}, "spec": spec}
    return owned(manifest, OWNER, "cnpg")


def test_what_is_owned_says_by_whom_and_that_it_is_a_stand_ins() -> None:
    metadata = service()["metadata"]
    assert metadata["namespace"] == "shop"
    assert metadata["labels"] == {"a": "b", "retail/stand-in": "cnpg"}
    assert metadata["ownerReferences"][0]["kind"] == "Cluster"


def test_only_what_is_missing_or_changed_is_written() -> None:
    (made,) = keep(World.of([]), [service()])
    assert isinstance(made, Apply)
    # The server adds defaults and a status; somebody adds a label.
    there = {**made.manifest, "spec": {"clusterIP": "10.0.0.1"}, "status": {}}
    there["metadata"] = {**there["metadata"], "labels": {"x": "y"}}
    assert list(keep(World.of([there]), [service()])) == []
    assert len(list(keep(World.of([there]), [service(type="ClusterIP")]))) == 1


def test_pruning_takes_only_ours_of_that_owner() -> None:
    def there(name: str, **metadata: Any) -> Object:
        item = service(name)
        item["metadata"] |= {"uid": name, **metadata}
        return item

    stranger = there("stranger", ownerReferences=[{"uid": "other"}])
    program = there("program", labels={})
    world = World.of([there("pg-rw"), there("pg-old"), stranger, program])
    actions = list(prune(world, [kinds.SERVICE], OWNER, "cnpg", [service("pg-rw")]))
    assert actions == [Delete(("v1", "Service", "shop", "pg-old"), "pg-old")]


def status(item: Object, **said: Any) -> list[Object]:
    return [action.manifest["status"] for action in keep_status(item, said) if isinstance(action, Apply)]


def test_a_status_is_written_when_it_says_something_new() -> None:
    item = {**OWNER, "status": {"phase": "ok", "more": 1, "list": [{"a": 1, "b": 2}]}}
    assert status(item, phase="ok", list=[{"a": 1}]) == []
    assert status(item, phase="bad") == [{"phase": "bad"}]
    assert status(item, list=[{"a": 1}, {"a": 2}]) == [{"list": [{"a": 1}, {"a": 2}]}]


def test_a_condition_keeps_its_time_until_it_turns() -> None:
    ready = {"type": "Ready", "status": "True", "reason": "r", "message": "m"}
    before = {**ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    item = {**OWNER, "status": {"conditions": [before]}}
    assert status(item, conditions=[ready]) == []
    (reworded,) = status(item, conditions=[{**ready, "message": "other"}])
    assert reworded["conditions"][0]["lastTransitionTime"] == "2026-01-01T00:00:00Z"
    (turned,) = status(item, conditions=[{**ready, "status": "False"}])
    assert turned["conditions"][0]["lastTransitionTime"] != "2026-01-01T00:00:00Z"


def test_an_object_that_can_not_be_followed_is_named_and_skipped(caplog: pytest.LogCaptureFixture) -> None:
    good, wrong, going = (service(name) for name in ("a-good", "b-wrong", "c-going"))
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    def desired(item: Object, _: World) -> Iterator[Action]:
        if item["metadata"]["name"] == "b-wrong":
            raise KeyError("secretName")
        yield Apply(item)

    actions = list(per_object(World.of([wrong, going, good]), kinds.SERVICE, desired))
    assert actions == [Apply(good)]
    assert "Service/shop/b-wrong" in caplog.text
