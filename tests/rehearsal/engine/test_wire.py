import pytest
from google.protobuf.struct_pb2 import Struct

from rehearsal.engine.model import UNKNOWN, Asset, ResourceReference, Secret
from rehearsal.engine.wire import SIGNATURE_KEY, UNKNOWN_TEXT, Signature, to_dict, to_struct

EVERYTHING = {
    "null": None,
    "bool": True,
    "whole": 3,
    "half": 0.5,
    "text": "x",
    "list": [1, "a", None, {"b": False}],
    "secret": Secret({"inner": [Secret("s")]}),
    "unknown": UNKNOWN,
    "unknown_secret": Secret(UNKNOWN),
    "reference": ResourceReference("urn:pulumi:dev::demo::a:b:C::c", "c-1"),
    "asset": Asset("asset", {"text": "content"}),
    "archive": Asset("archive", {"assets": {"a.txt": Asset("asset", {"path": "a.txt"})}}),
}


def test_what_goes_over_the_wire_comes_back() -> None:
    assert to_dict(to_struct(EVERYTHING)) == EVERYTHING


def test_whole_numbers_are_integers_and_keys_are_sorted() -> None:
    struct = Struct()
    struct.update({"b": 3.0, "a": 2.5})

    assert [(key, repr(value)) for key, value in to_dict(struct).items()] == [("a", "2.5"), ("b", "3")]


def test_output_values_become_their_value() -> None:
    struct = to_struct(
        {
            "known": {SIGNATURE_KEY: Signature.OUTPUT, "value": "v", "secret": True},
            "unknown": {SIGNATURE_KEY: Signature.OUTPUT},
        }
    )

    assert to_dict(struct) == {"known": Secret("v"), "unknown": UNKNOWN}


def test_a_reference_whose_id_is_unknown_has_none() -> None:
    struct = to_struct({"r": {SIGNATURE_KEY: Signature.RESOURCE, "urn": "u", "id": UNKNOWN_TEXT}})

    assert to_dict(struct) == {"r": ResourceReference("u", "")}


def test_what_the_protocol_cannot_carry_is_refused() -> None:
    with pytest.raises(TypeError, match="can't carry a set"):
        to_struct({"set": {1}})
