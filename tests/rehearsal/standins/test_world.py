import threading
from typing import Any

from rehearsal.standins import kinds
from rehearsal.standins.world import View, World, key_of


def pod(name: str, version: int) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "shop", "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


def names(view: View) -> dict[str, str]:
    world = view.snapshot([kinds.POD], {})
    return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in world.all(kinds.POD)}


def test_the_watch_is_followed() -> None:
    view = View()
    view.tell(pod("a", 1))
    view.tell(pod("b", 2))
    view.tell(pod("a", 3))
    view.tell(pod("b", 4), deleted=True)
    assert names(view) == {"a": "3"}


def test_our_own_writes_show_before_the_watch_tells_them() -> None:
    view = View()
    view.tell(pod("a", 1))
    view.wrote(pod("a", 5))
    assert names(view) == {"a": "5"}
    view.tell(pod("a", 4))  # what the watch still had to tell from before
    assert names(view) == {"a": "5"}
    view.tell(pod("a", 6))
    assert names(view) == {"a": "6"}


def test_the_answer_to_a_write_never_brings_back_what_is_deleted_since() -> None:
    view = View()
    view.tell(pod("a", 2))
    view.tell(pod("a", 4), deleted=True)
    view.wrote(pod("a", 3))
    assert names(view) == {}


def test_after_a_gap_only_what_exists_stays() -> None:
    view = View()
    view.tell(pod("a", 1))
    view.tell(pod("b", 2))
    view.only(kinds.POD, {key_of(pod("b", 2))})
    assert names(view) == {"b": "2"}


def test_subscribers_hear_of_their_kinds() -> None:
    view = View()
    changed, other = view.subscribe([kinds.POD]), view.subscribe([kinds.NODE])
    view.tell(pod("a", 1))
    assert changed.is_set()
    assert not other.is_set()


def test_a_snapshot_does_not_change() -> None:
    view = View()
    view.tell(pod("a", 1))
    before = view.snapshot([kinds.POD], {})
    view.tell(pod("b", 2))
    assert len(before.all(kinds.POD)) == 1


def test_lookups() -> None:
    world = World.of([pod("b", 1), pod("a", 1)])
    assert [item["metadata"]["name"] for item in world.all(kinds.POD)] == ["a", "b"]
    found = world.get(kinds.POD, "a", "shop")
    assert found is not None
    assert world.find(key_of(found)) is found
    assert world.get(kinds.POD, "a") is None
    assert world.all(kinds.NODE) == []


def test_many_threads_may_tell_at_once() -> None:
    view = View()

    def tell(first: int) -> None:
        for number in range(200):
            view.tell(pod(f"{first}-{number}", number + 1))
            view.snapshot([kinds.POD], {})

    threads = [threading.Thread(target=tell, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(view)) == 800
