import string
from typing import Any

import pytest

from rehearsal.engine.computed import NotCoveredError
from rehearsal.engine.model import Resource, Secret
from rehearsal.engine.random_outputs import covered_types, random_outputs


def outputs(kind: str, inputs: dict[str, Any], previous: dict[str, Any] | None = None, name: str = "r") -> Any:
    token = f"random:index/random{kind}:Random{kind}"
    urn = f"urn:pulumi:dev::demo::{token}::{name}"
    return random_outputs(Resource(urn, token, name, "", True, inputs, {}), previous).outputs


def test_a_password_has_its_length_and_its_classes() -> None:
    result = outputs(
        "Password",
        {"length": 24, "special": True, "overrideSpecial": "!", "upper": False, "minSpecial": 3, "minNumeric": 4},
    )["result"]

    assert len(result) == 24
    assert not set(result) & set(string.ascii_uppercase)
    assert sum(letter == "!" for letter in result) >= 3
    assert sum(letter in string.digits for letter in result) >= 4


def test_a_password_is_drawn_anew_unless_the_last_one_is_at_hand() -> None:
    first = outputs("Password", {"length": 20})["result"]

    assert outputs("Password", {"length": 20})["result"] != first
    previous = {"length": 20, "result": Secret(first)}
    assert outputs("Password", {"length": 20}, previous)["result"] == first
    assert outputs("Password", {"length": 21}, previous)["result"] != first
    assert outputs("Password", {"length": 20, "keepers": {"v": "2"}}, previous)["result"] != first


def test_bytes_are_kept_like_passwords() -> None:
    first = outputs("Bytes", {"length": 16})

    assert len(first["hex"]) == 32
    assert outputs("Bytes", {"length": 16}, {"length": 16, **first}) == first
    assert outputs("Bytes", {"length": 16}) != first


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("Id", {"byteLength": 4, "prefix": "p-"}),
        ("Integer", {"min": 3, "max": 9}),
        ("Pet", {"length": 3}),
        ("Shuffle", {"inputs": ["a", "b", "c", "d", "e"], "resultCount": 3}),
        ("String", {"length": 12}),
        ("Uuid", {}),
    ],
)
def test_what_is_no_secret_is_the_same_every_time(kind: str, inputs: dict[str, Any]) -> None:
    assert outputs(kind, inputs) == outputs(kind, inputs)


def test_shapes() -> None:
    assert outputs("Id", {"byteLength": 4, "prefix": "p-"})["hex"].startswith("p-")
    assert len(outputs("Id", {"byteLength": 40})["hex"]) == 80
    assert 3 <= outputs("Integer", {"min": 3, "max": 9})["result"] <= 9
    assert len(outputs("Shuffle", {"inputs": ["a", "b", "c"], "resultCount": 2})["results"]) == 2
    assert outputs("String", {"length": 12}, name="a") != outputs("String", {"length": 12}, name="b")


def test_tokens_are_the_sdks() -> None:
    import pulumi_random

    for token in covered_types():
        assert getattr(pulumi_random, token.rpartition(":")[2]).pulumi_type == token


def test_an_unknown_type_is_refused() -> None:
    with pytest.raises(NotCoveredError):
        outputs("Dice", {})
