import copy
import pickle

from rehearsal.engine.model import UNKNOWN, Secret, contains, reveal, secret_texts


def test_a_secret_never_shows_its_value() -> None:
    secret = Secret({"password": "hunter2"})

    assert "hunter2" not in f"{secret!r} {secret} {[secret]} { ({'key': secret}) }"


def test_unknown_is_one_whatever_is_done_to_it() -> None:
    assert copy.deepcopy({"id": UNKNOWN})["id"] is UNKNOWN
    assert pickle.loads(pickle.dumps(UNKNOWN)) is UNKNOWN  # noqa: S301 - our own bytes


def test_reveal_unwraps_at_any_depth() -> None:
    assert reveal({"a": [Secret({"b": Secret(1)})], "c": UNKNOWN}) == {"a": [{"b": 1}], "c": UNKNOWN}


def test_contains_looks_inside_secrets() -> None:
    assert contains({"a": [Secret([UNKNOWN])]}, lambda item: item is UNKNOWN)
    assert not contains({"a": ["b"]}, lambda item: item is UNKNOWN)


def test_secret_texts_are_those_inside_wrappers_only() -> None:
    value = {"plain": "a", "wrapped": Secret({"b": ["c", 1]}), "list": [Secret("d")]}

    assert sorted(secret_texts(value)) == ["c", "d"]
