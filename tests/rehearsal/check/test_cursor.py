from typing import Any

from rehearsal.check.cursor import Cursor, without_secrets
from rehearsal.engine.model import UNKNOWN, Secret

MANIFEST: dict[str, Any] = {"spec": {"items": [{"name": "a"}, {"name": UNKNOWN}], "labels": {"retail/tier": "x"}}}


def test_it_knows_where_it_is() -> None:
    root = Cursor(MANIFEST)
    assert [item["name"].path for item in root.down("spec", "items")] == ["spec.items[0].name", "spec.items[1].name"]
    assert [place.path for place in root.strings()] == ["spec.items[0].name", 'spec.labels["retail/tier"]']


def test_what_is_not_there_is_nothing_and_never_an_error() -> None:
    root = Cursor(MANIFEST)
    assert not root.down("spec", "nothing", "below")
    assert list(root["spec"]) == []
    assert list(root.down("spec", "items").fields()) == []
    assert root.down("spec", "items").text("default") == "default"


def test_below_what_is_unknown_all_is_unknown() -> None:
    assert Cursor(UNKNOWN).down("x", "y").value is UNKNOWN
    assert Cursor({"entries": UNKNOWN})["entries"].each("name") == {UNKNOWN}
    assert Cursor({"labels": UNKNOWN})["labels"].mapping() is UNKNOWN


def test_unknown_text_stays_unknown() -> None:
    assert Cursor(MANIFEST["spec"]["items"][1])["name"].text("default") is UNKNOWN


def test_secret_values_are_hidden_and_their_fields_kept() -> None:
    hidden = without_secrets({"data": Secret({"a": "canary", "b": [1]}), "name": "x"})
    assert hidden == {"data": {"a": UNKNOWN, "b": [UNKNOWN]}, "name": "x"}
