import json

from rehearsal.engine.scrubbing import Scrubber


def test_secrets_are_replaced_wherever_they_stand() -> None:
    scrub = Scrubber(["hunter2"])

    assert scrub("a hunter2b hunter2") == "a [secret]b [secret]"


def test_the_longer_of_two_is_replaced_whole() -> None:
    assert Scrubber(["pass", "password"])("my password") == "my [secret]"


def test_quoted_and_encoded_forms_are_found() -> None:
    secret = 'line one\nline "two"'

    for text in (repr(secret), json.dumps(secret)):
        assert "two" not in Scrubber([secret])(text)


def test_what_is_inside_json_is_secret_too() -> None:
    scrub = Scrubber([json.dumps({"a": ["inner-secret", 4711], "b": True})])

    assert scrub("inner-secret 4711 True") == "[secret] [secret] True"


def test_nothing_is_replaced_where_nothing_is_secret() -> None:
    assert Scrubber([""])("text") == "text"
