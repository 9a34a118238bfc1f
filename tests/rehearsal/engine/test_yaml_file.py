from pathlib import Path

import pytest

from rehearsal.engine import yaml_file
from rehearsal.errors import UserError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10:30", "10:30"),
        ("on", "on"),
        ("no", "no"),
        ("true", True),
        ("'true'", "true"),
        ("~", None),
        ("180", 180),
        ("1_000", 1000),
        ("0x1f", 31),
        ("0o17", 15),
        ("017", 15),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("!!str 5", "5"),
        ("2026-11-20", "2026-11-20 00:00:00 +0000 UTC"),
        ("2026-1-2", "2026-01-02 00:00:00 +0000 UTC"),
        ("2026-11-26 18:00:00", "2026-11-26 18:00:00 +0000 UTC"),
        ("2026-11-26T18:00:00Z", "2026-11-26 18:00:00 +0000 UTC"),
        ("2026-11-26T18:00:00.50Z", "2026-11-26 18:00:00.5 +0000 UTC"),
        ("2026-11-26T18:00:00+01:00", "2026-11-26 18:00:00 +0100 +0100"),
        ("2026-11-26T18:00:00", "2026-11-26T18:00:00"),
        ("2026-11-26T18:00", "2026-11-26T18:00"),
        ("'2026-11-20'", "2026-11-20"),
        ("2026-13-45", "2026-13-45"),
        ("[1, {a: b}]", [1, {"a": "b"}]),
    ],
)
def test_values_are_read_as_the_cli_reads_them(text: str, expected: object) -> None:
    node = yaml_file.parse(text, "file")

    assert node is not None
    assert yaml_file.value(node, "file") == expected


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Pulumi.dev.yaml is empty."),
        (b"# only a comment\n", "Pulumi.dev.yaml is empty."),
        (b"config:\n  a: 1\n b: 2\n", "Pulumi.dev.yaml:3: not valid YAML"),
        (b"a: '\xff'\n", "Pulumi.dev.yaml is not UTF-8 text"),
        (b"a: \x01\n", "holds a character that YAML does not allow"),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_bytes(content)

    with pytest.raises(UserError, match=message.replace(".", r"\.")):
        yaml_file.read(file)


def test_a_syntax_error_does_not_quote_the_file(tmp_path: Path) -> None:
    file = tmp_path / "Pulumi.dev.yaml"
    file.write_text("config:\n  password: hunter2: x\n")

    with pytest.raises(UserError) as caught:
        yaml_file.read(file)
    assert "hunter2" not in str(caught.value)


def test_keys_given_twice_are_refused_all_at_once() -> None:
    node = yaml_file.parse("a: 1\nb: 2\na: 3\nb: 4\n", "file")
    assert node is not None

    with pytest.raises(UserError, match=r"file:3: 'a' is given twice\n.*file:4: 'b' is given twice"):
        yaml_file.entries(node, "file")


def test_tags_of_other_tools_are_refused() -> None:
    node = yaml_file.parse("!vault x", "file")
    assert node is not None

    with pytest.raises(UserError, match="file:1: the YAML tag !vault"):
        yaml_file.value(node, "file")
