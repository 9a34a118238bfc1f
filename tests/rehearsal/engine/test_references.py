from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import UNKNOWN, Secret
from rehearsal.errors import RehearsalError, UserError

WriteProject = Callable[..., Path]

PROGRAM = """
import pulumi, pulumi_random as random

config = pulumi.Config()
pet = random.RandomPet("pet")
pulumi.export("pet", pet.id)
pulumi.export("password", random.RandomPassword("password", length=16).result)
pulumi.export("nested", {"plain": "p", "hidden": pulumi.Output.secret("h")})
for name in config.get_object("reads") or []:
    other = pulumi.StackReference(name)
    pulumi.export("their-pet", other.get_output("pet"))
    pulumi.export("their-password", other.require_output("password"))
    pulumi.export("their-nested", other.get_output("nested"))
    pulumi.export("their-absent", other.get_output("absent").apply(lambda found: found is None))
if config.get_bool("fails"):
    raise RuntimeError("no luck")
"""
SCHEMA = "reads: {type: array, items: {type: string}, default: []}\nfails: {type: boolean, default: false}"


def reading(*names: str) -> str:
    return "reads: [" + ", ".join(f"organization/demo/{name}" for name in names) + "]"


@pytest.mark.parametrize("preview", [True, False])
def test_a_referenced_stack_is_known_even_to_a_preview(write_project: WriteProject, preview: bool) -> None:
    folder = write_project(PROGRAM, schema=SCHEMA, stacks={"tenant": reading("platform"), "platform": ""})

    evaluation = evaluate(folder, "tenant", preview=preview)

    platform = evaluation.references["organization/demo/platform"]
    assert not platform.preview
    assert evaluation.outputs["their-pet"] == platform.outputs["pet"]
    assert evaluation.outputs["their-absent"] is True
    assert (evaluation.outputs["pet"] is UNKNOWN) is preview
    read = evaluation.resources["urn:pulumi:tenant::demo::pulumi:pulumi:StackReference::organization/demo/platform"]
    assert read.id == "organization/demo/platform"


def test_their_secrets_stay_secret(write_project: WriteProject) -> None:
    folder = write_project(PROGRAM, schema=SCHEMA, stacks={"tenant": reading("platform"), "platform": ""})

    evaluation = evaluate(folder, "tenant", preview=True)

    platform = evaluation.references["organization/demo/platform"]
    assert isinstance(evaluation.outputs["their-password"], Secret)
    assert evaluation.outputs["their-password"] == platform.outputs["password"]
    assert isinstance(evaluation.outputs["their-nested"], Secret)
    assert not isinstance(evaluation.outputs["their-pet"], Secret)


def test_a_stack_read_twice_is_evaluated_once(write_project: WriteProject) -> None:
    stacks = {"a": reading("b", "c"), "b": reading("c"), "c": ""}
    evaluation = evaluate(write_project(PROGRAM, schema=SCHEMA, stacks=stacks), "a", preview=False)

    direct = evaluation.references["organization/demo/c"]
    assert evaluation.references["organization/demo/b"].references["organization/demo/c"] is direct


def test_overrides_are_for_the_stack_that_was_asked_for(write_project: WriteProject) -> None:
    folder = write_project(PROGRAM, schema=SCHEMA, stacks={"tenant": "", "platform": ""})

    evaluation = evaluate(folder, "tenant", preview=False, overrides={"reads": "[organization/demo/platform]"})

    assert evaluation.references["organization/demo/platform"].config["demo:reads"] == "[]"


def test_a_circle_is_refused_with_its_path(write_project: WriteProject) -> None:
    stacks = {"a": reading("b"), "b": reading("c"), "c": reading("b")}

    with pytest.raises(UserError, match="read each other in a circle: b -> c -> b"):
        evaluate(write_project(PROGRAM, schema=SCHEMA, stacks=stacks), "a", preview=True)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("organization/demo/platfrom", "There is no stack 'platfrom'; did you mean 'platform'?"),
        ("organization/other/platform", "must be organization/demo/<stack>, a stack of this project"),
        ("platform", "must be organization/demo/<stack>, a stack of this project"),
    ],
)
def test_other_references_are_the_users_mistake(write_project: WriteProject, name: str, message: str) -> None:
    folder = write_project(PROGRAM, schema=SCHEMA, stacks={"tenant": f"reads: [{name}]", "platform": ""})

    with pytest.raises(UserError) as caught:
        evaluate(folder, "tenant", preview=True)
    assert message in str(caught.value)


def test_a_failure_there_says_where(write_project: WriteProject) -> None:
    stacks = {"tenant": reading("platform"), "platform": "fails: true"}

    with pytest.raises(RehearsalError) as caught:
        evaluate(write_project(PROGRAM, schema=SCHEMA, stacks=stacks), "tenant", preview=True)

    assert str(caught.value).startswith("In stack 'platform', which 'tenant' reads: The program failed (__main__.py:")
    assert not isinstance(caught.value, UserError)


def test_a_mistake_in_their_configuration_is_the_users(write_project: WriteProject) -> None:
    stacks = {"tenant": reading("platform"), "platform": "fails: perhaps"}

    with pytest.raises(UserError, match=r"In stack 'platform', which 'tenant' reads: [\s\S]*must be a boolean"):
        evaluate(write_project(PROGRAM, schema=SCHEMA, stacks=stacks), "tenant", preview=True)
