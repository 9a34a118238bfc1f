from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.engine.project import read_project
from rehearsal.errors import UserError

WriteProject = Callable[..., Path]


def test_the_schema_is_read_with_full_keys_types_and_defaults(write_project: WriteProject) -> None:
    folder = write_project(
        schema="""
        stores: {type: integer, default: 3.0, description: how many}
        zones: {type: array, items: {type: string}, default: [a, b]}
        profile: {type: object, default: {b: 1, a: true}}
        open: {type: boolean, default: true}
        key: {type: string, secret: true}
        short: x
        aws:region: eu-central-1
        demo:full: {type: string, default: f}
        """
    )

    schema = read_project(folder).schema

    assert {key: declaration.default for key, declaration in schema.items()} == {
        "demo:stores": "3",
        "demo:zones": '["a","b"]',
        "demo:profile": '{"a":true,"b":1}',
        "demo:open": "true",
        "demo:key": None,
        "demo:short": "x",
        "aws:region": "eu-central-1",
        "demo:full": "f",
    }
    assert schema["demo:key"].secret
    assert str(schema["demo:zones"].type) == "array of string"
    assert schema["demo:stores"].description == "how many"


def test_every_mistake_of_the_schema_is_shown_with_its_line(write_project: WriteProject) -> None:
    folder = write_project(
        schema="""
        stores: {type: integer, default: many}
        zones: {type: array}
        factor: {type: number}
        password: {type: string, secret: true, default: hunter2}
        version: {type: string, default: 19}
        aws:region: {type: string}
        """
    )

    with pytest.raises(UserError) as caught:
        read_project(folder)

    message = str(caught.value)
    assert "Pulumi.yaml:4: stores: the default must be an integer" in message
    assert "Pulumi.yaml:5: zones: an array must give the type of its 'items'" in message
    assert "Pulumi.yaml:6: factor: 'type' must be one of string, integer, boolean, array, object" in message
    assert "Pulumi.yaml:7: password: a secret can't have a default in plain text" in message
    assert "Pulumi.yaml:8: version: the default must be a string" in message
    assert "Pulumi.yaml:9: aws:region: a key of another namespace takes a 'value'" in message
    assert "hunter2" not in message


def test_a_folder_without_a_project_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"There is no Pulumi\.yaml in"):
        read_project(tmp_path)


def test_a_project_needs_a_name(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("runtime: python\n")

    with pytest.raises(UserError, match="'name' is missing"):
        read_project(tmp_path)


@pytest.mark.parametrize("stack", ["prod", "../dev", ""])
def test_an_unknown_stack_is_answered_with_those_there_are(write_project: WriteProject, stack: str) -> None:
    project = read_project(write_project(stacks={"dev": "", "peak": ""}))

    with pytest.raises(UserError, match=r"Stacks of demo: dev, peak\."):
        project.stack_file(stack)


def test_a_misspelt_stack_is_answered_with_the_nearest(write_project: WriteProject) -> None:
    project = read_project(write_project(stacks={"training": ""}))

    with pytest.raises(UserError, match="did you mean 'training'"):
        project.stack_file("trainig")
