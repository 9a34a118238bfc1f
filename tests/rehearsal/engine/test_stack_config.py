from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.engine.project import read_project
from rehearsal.engine.stack_config import StackConfig, read_stack_config

WriteProject = Callable[..., Path]

SCHEMA = """
stores: {type: integer, default: 1}
open: {type: boolean, default: false}
name: {type: string, default: shop}
zones: {type: array, items: {type: string}, default: []}
counts: {type: array, items: {type: integer}, default: []}
profile: {type: object, default: {}}
"""


def config(folder: Path, overrides: dict[str, str] | None = None) -> StackConfig:
    return read_stack_config(read_project(folder), "dev", overrides or {})


def refusal(folder: Path, overrides: dict[str, str] | None = None) -> str:
    """What is said of the mistakes; "" where there is none."""
    read = config(folder, overrides)
    return str(read.refusal()) if read.mistakes else ""


@pytest.mark.parametrize(
    ("line", "key", "text"),
    [
        ("stores: 180", "demo:stores", "180"),
        ("stores: '180'", "demo:stores", "180"),
        ("stores: 180.0", "demo:stores", "180"),
        ("demo:stores: -3", "demo:stores", "-3"),
        ("open: true", "demo:open", "true"),
        ("open: 'True'", "demo:open", "true"),
        ("name: 10:30", "demo:name", "10:30"),
        ("name: 42", "demo:name", "42"),
        ("name: no", "demo:name", "no"),
        ("zones: [a, b]", "demo:zones", '["a","b"]'),
        ("counts: [1, 2.0, '3']", "demo:counts", '[1,2,"3"]'),
        ("profile: {b: [1, true], a: é}", "demo:profile", '{"a":"é","b":[1,true]}'),
        ("aws:region: eu-west-1", "aws:region", "eu-west-1"),
        ("aws:tags: {a: b}", "aws:tags", '{"a":"b"}'),
    ],
)
def test_values_become_the_text_the_cli_makes(write_project: WriteProject, line: str, key: str, text: str) -> None:
    assert config(write_project(schema=SCHEMA, stacks={"dev": line})).values[key] == text


def test_the_stack_wins_over_the_default_and_an_override_over_both(write_project: WriteProject) -> None:
    folder = write_project(schema=SCHEMA, stacks={"dev": "stores: 2"})

    assert config(folder).values["demo:stores"] == "2"
    assert config(folder, {"stores": "3"}).values["demo:stores"] == "3"
    assert config(folder, {"demo:stores": "4", "aws:region": "eu-west-1"}).values["demo:stores"] == "4"
    assert config(folder).values["demo:name"] == "shop"


@pytest.mark.parametrize(
    ("key", "given", "text"),
    [
        ("zones", '["a", "b"]', '["a","b"]'),
        ("zones", "[a, b]", '["a","b"]'),
        ("profile", "{a: {b: 1}}", '{"a":{"b":1}}'),
        ("name", "[not, parsed]", "[not, parsed]"),
        ("stores", "7", "7"),
    ],
)
def test_overrides_are_parsed_by_their_type(write_project: WriteProject, key: str, given: str, text: str) -> None:
    assert config(write_project(schema=SCHEMA), {key: given}).values[f"demo:{key}"] == text


def test_all_mistakes_come_at_once_with_their_place(write_project: WriteProject) -> None:
    folder = write_project(
        schema=SCHEMA + "retailer: {type: string, description: Short name}\n",
        stacks={"dev": "stores: many\nopen: maybe\nstors: 3\nzones: a\ncounts: [1, x]\nprofile: [1]\nname: {a: b}"},
    )

    message = refusal(folder, {"open": "perhaps", "nam": "x", "zones": "[a"})

    assert message.startswith("The configuration of stack 'dev' can't be used:")
    for mistake in (
        "Pulumi.dev.yaml:2: 'stores' must be an integer, not 'many'",
        "-c open: 'open' must be a boolean, not 'perhaps'",
        "Pulumi.dev.yaml:4: unknown key 'stors'; did you mean 'stores'?",
        "-c zones:1: not valid YAML",
        "Pulumi.dev.yaml:6: 'counts' [1] must be an integer",
        "Pulumi.dev.yaml:7: 'profile' must be an object",
        "Pulumi.dev.yaml:8: 'name' must be a string",
        "-c nam: unknown key 'nam'; did you mean 'name'?",
        "Pulumi.dev.yaml: 'retailer' (string) is missing: Short name",
    ):
        assert mistake in message


def test_a_key_given_twice_under_both_names_is_refused(write_project: WriteProject) -> None:
    folder = write_project(schema=SCHEMA, stacks={"dev": "stores: 1\ndemo:stores: 2"})

    assert "Pulumi.dev.yaml:3: 'stores' is given twice" in refusal(folder)


def test_an_empty_configuration_is_enough_where_everything_has_a_default(write_project: WriteProject) -> None:
    folder = write_project(schema=SCHEMA)
    (folder / "Pulumi.dev.yaml").write_text("config:\n")

    assert config(folder).values["demo:stores"] == "1"


def test_environments_are_refused(write_project: WriteProject) -> None:
    folder = write_project(schema=SCHEMA)
    (folder / "Pulumi.dev.yaml").write_text("environment: [base]\n")

    assert "Pulumi.dev.yaml:1: ESC environments can't be opened here" in refusal(folder)


SECRETS = "key: {type: string, secret: true}\nsmtp-password: {type: string, default: ''}\n"


def test_encrypted_values_are_to_be_passed(write_project: WriteProject) -> None:
    folder = write_project(
        schema=SECRETS + "profile: {type: object, default: {}}",
        stacks={"dev": "key: {secure: AAAB}\nprofile: {a: {secure: CCCD}}\naws:secretKey: {secure: EEEF}"},
    )

    message = refusal(folder)

    assert "Pulumi.dev.yaml:2: 'key' is encrypted (secure:) and can't be decrypted here; pass it with -c" in message
    assert "Pulumi.dev.yaml:3: 'profile' is encrypted" in message
    assert "Pulumi.dev.yaml:4: 'aws:secretKey' is encrypted" in message
    passed = config(folder, {"key": "a", "profile": '{"a": "b"}', "aws:secretKey": "c"})
    assert passed.values["demo:key"] == "a"
    assert passed.secret_keys == {"demo:key", "demo:profile", "demo:smtp-password", "aws:secretKey"}


def test_a_secret_does_not_stand_in_plain_text_and_is_never_quoted(write_project: WriteProject) -> None:
    folder = write_project(
        schema="key: {type: integer, secret: true}\nsmtp-password: {type: integer, default: 0}",
        stacks={"dev": "key: hunter2\nsmtp-password: hunter2"},
    )

    message = refusal(folder)

    assert "'key' is secret, not to be given in plain text" in message
    assert "'smtp-password' must be an integer" in message
    assert "hunter2" not in message
    assert "hunter2" not in refusal(folder, {"key": "hunter2"})


def test_a_configuration_does_not_show_its_values(write_project: WriteProject) -> None:
    assert "hunter2" not in repr(config(write_project(schema=SECRETS), {"key": "hunter2"}))
