"""Whole runs: how they end, and that one leaves nothing to the next."""

import contextvars
import gc
import os
import re
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from pulumi.runtime.settings import SETTINGS

from rehearsal.engine import isolation
from rehearsal.engine.evaluate import evaluate
from rehearsal.errors import RehearsalError, UserError

WriteProject = Callable[..., Path]

SECRET_SCHEMA = "key: {type: string, secret: true}"
FAILING_APPLY = """
import pulumi, pulumi_random as random
def refuse(name):
    raise KeyError(name)
random.RandomPet("a", prefix=random.RandomPet("b").id.apply(refuse))
"""


def refusal(folder: Path) -> RehearsalError:
    overrides = {"key": "hunter2"} if "key" in (folder / "Pulumi.yaml").read_text() else {}
    with pytest.raises(RehearsalError) as caught:
        evaluate(folder, "dev", preview=False, overrides=overrides)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize(
    "program",
    [
        "import pulumi\nraise pulumi.RunError('stores must be positive')",
        "import pulumi\nraise pulumi.InputPropertiesError('stores must be positive')",
        "import pulumi\nclass SettingsError(pulumi.RunError): pass\nraise SettingsError('stores must be positive')",
        "class Mistake(ValueError):\n    exit_code = 2\nraise Mistake('stores must be positive')",
    ],
)
def test_mistakes_of_the_user_are_shown_as_they_are(write_project: WriteProject, program: str) -> None:
    error = refusal(write_project(program))

    assert isinstance(error, UserError)
    assert str(error) == "stores must be positive"


def test_a_missing_value_is_the_users_mistake(write_project: WriteProject) -> None:
    error = refusal(write_project("import pulumi\npulumi.Config().require('stores')\n"))

    assert isinstance(error, UserError)
    assert "demo:stores" in str(error)


def test_any_other_error_is_one_line_with_its_place(write_project: WriteProject) -> None:
    folder = write_project(
        "import helper\nhelper.fail()\n", files={"helper.py": "def fail():\n    return {}['absent']\n"}
    )

    error = refusal(folder)

    assert not isinstance(error, UserError)
    assert str(error) == "The program failed (helper.py:2): KeyError: 'absent'"


def test_an_error_inside_an_apply_has_its_place(write_project: WriteProject) -> None:
    # The line of the apply, or of the resource that wanted its value: asyncio keeps the first for one of two readers.
    assert re.match(r"The program failed \(__main__\.py:[45]\): KeyError: ", str(refusal(write_project(FAILING_APPLY))))
    alone = "import pulumi\npulumi.Output.from_input({}).apply(lambda found: found['absent'])\n"
    assert str(refusal(write_project(alone))) == "The program failed (__main__.py:2): KeyError: 'absent'"


@pytest.mark.parametrize(
    ("program", "message"),
    [
        ("x = (\n", "(__main__.py:1): SyntaxError"),
        ("import absent_module\n", "(__main__.py:1): ModuleNotFoundError: No module named 'absent_module'"),
        ("import sys\nsys.exit(3)\n", "The program ended itself: sys.exit(3) (__main__.py:2)."),
        (
            "import pulumi\nname = pulumi.Output.from_input('a')\npulumi.export('x', f'{name}')\n",
            "Calling __str__ on an Output[T] is not supported",
        ),
    ],
)
def test_programs_that_cannot_run_say_why(write_project: WriteProject, program: str, message: str) -> None:
    assert message in str(refusal(write_project(program)))


def test_a_folder_without_a_program_is_named(write_project: WriteProject) -> None:
    folder = write_project()
    (folder / "__main__.py").unlink()

    with pytest.raises(UserError, match=r"There is no __main__\.py in"):
        evaluate(folder, "dev", preview=True)


@pytest.mark.parametrize(
    "program",
    [
        "import pulumi\nraise RuntimeError('key is ' + pulumi.Config().require('key'))",
        "import pulumi\nraise pulumi.RunError('key is ' + pulumi.Config().require('key'))",
        "import pulumi\npulumi.Config().require_int('key')",
        "import pulumi\nraise RuntimeError([pulumi.Config().require('key') + chr(10)])",
        "import pulumi, sys\nsys.exit(pulumi.Config().require('key'))",
        "import pulumi_random as r, pulumi\nr.RandomPet(pulumi.Config().require('key'))\n"
        "r.RandomPet(pulumi.Config().require('key'))",
    ],
)
def test_no_message_holds_a_secret_of_the_configuration(write_project: WriteProject, program: str) -> None:
    message = str(refusal(write_project(program, schema=SECRET_SCHEMA)))

    assert "hunter2" not in message
    assert "[secret]" in message


def test_no_message_holds_a_generated_password(write_project: WriteProject) -> None:
    program = """
    import pulumi, pulumi_random as random
    def refuse(text):
        raise RuntimeError("it is " + text + " indeed")
    random.RandomPet("a", prefix=random.RandomPassword("b", length=20).result.apply(refuse))
    """

    assert "it is [secret] indeed" in str(refusal(write_project(program)))


def test_the_program_finds_its_configuration_everywhere(write_project: WriteProject) -> None:
    program = """
    import os, pulumi
    from pulumi.runtime.config import get_config_env
    config = pulumi.Config()
    pulumi.export("stores", config.require_int("stores"))
    pulumi.export("zones", config.require_object("zones"))
    pulumi.export("keys", sorted(get_config_env()))
    pulumi.export("secret", config.require_secret("key"))
    pulumi.export("marked", pulumi.runtime.config.is_config_secret("demo:key"))
    pulumi.export("where", [pulumi.get_organization(), pulumi.get_project(), pulumi.get_stack(), os.getcwd()])
    pulumi.export("dry", pulumi.runtime.is_dry_run())
    """
    folder = write_project(
        program, schema=SECRET_SCHEMA + "\nstores: {type: integer, default: 3}\nzones: {type: object, default: {a: 1}}"
    )

    outputs = evaluate(folder, "dev", preview=True, overrides={"key": "hunter2"}).outputs

    assert outputs["stores"] == 3
    assert outputs["zones"] == {"a": 1}
    assert outputs["keys"] == ["demo:key", "demo:stores", "demo:zones"]
    assert repr(outputs["secret"]) == "[secret]"
    assert outputs["marked"] is True
    assert outputs["where"] == ["organization", "demo", "dev", str(folder)]
    assert outputs["dry"] is True


def test_two_runs_are_equal(write_project: WriteProject) -> None:
    program = """
    import pulumi, pulumi_random as random
    pets = [random.RandomPet(f"p{n}") for n in range(20)]
    ids = random.RandomId("id", byte_length=4, keepers={"all": pulumi.Output.all(*[p.id for p in pets]).apply("".join)})
    pulumi.export("id", ids.hex)
    """
    folder = write_project(program)

    first, second = (evaluate(folder, "dev", preview=False) for _ in range(2))

    assert repr(first) == repr(second)


def test_a_run_leaves_the_process_as_it_was(write_project: WriteProject) -> None:
    folder = write_project("import helper, pulumi\npulumi.export('x', helper.X)\n", files={"helper.py": "X = 1\n"})
    before = (Path.cwd(), list(sys.path), dict(os.environ), set(sys.modules), gc.isenabled(), threading.active_count())
    evaluate(folder, "dev", preview=False)  # the SDK's own modules stay imported
    before = (*before[:3], set(sys.modules), *before[4:])

    evaluate(folder, "dev", preview=False)
    refusal(write_project(FAILING_APPLY, folder="failing"))

    after = (Path.cwd(), list(sys.path), dict(os.environ), set(sys.modules), gc.isenabled(), threading.active_count())
    assert after == before


def test_a_failure_does_not_spoil_the_next_run(write_project: WriteProject, capsys: pytest.CaptureFixture[str]) -> None:
    failing = write_project(FAILING_APPLY)
    good = write_project("import pulumi\npulumi.export('x', 1)\n", folder="good")

    refusal(failing)
    gc.collect()

    assert evaluate(good, "dev", preview=False).outputs == {"x": 1}
    assert capsys.readouterr() == ("", "")


def test_projects_do_not_see_each_others_modules(write_project: WriteProject) -> None:
    program = "import pulumi, helper\npulumi.export('from', helper.NAME)\n"
    first = write_project(program, files={"helper.py": "NAME = 'first'\n"}, folder="first")
    second = write_project(program, files={"helper/__init__.py": "NAME = 'second'\n"}, folder="second")
    third = write_project(program, folder="third")

    assert evaluate(first, "dev", preview=True).outputs == {"from": "first"}
    assert evaluate(second, "dev", preview=True).outputs == {"from": "second"}
    assert evaluate(first, "dev", preview=True).outputs == {"from": "first"}
    assert "No module named 'helper'" in str(refusal(third))
    assert "helper" not in sys.modules


def test_our_own_project_keeps_its_modules(write_project: WriteProject, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "import pulumi, counted\ncounted.RUNS.append(1)\npulumi.export('runs', len(counted.RUNS))\n"
    ours = write_project(program, files={"counted.py": "RUNS = []\n"}, folder="ours").resolve()
    other = write_project("import pulumi\npulumi.export('x', 1)\n", folder="other")
    monkeypatch.setattr(isolation, "PROJECT_DIR", ours)
    try:
        runs = [evaluate(ours, "dev", preview=True).outputs["runs"]]
        evaluate(other, "dev", preview=True)
        runs.append(evaluate(ours, "dev", preview=True).outputs["runs"])
    finally:
        sys.modules.pop("counted", None)

    assert runs == [1, 2]


def test_many_runs_do_not_grow(write_project: WriteProject) -> None:
    program = """
    import pulumi, pulumi_random as random
    class Group(pulumi.ComponentResource):
        def __init__(self, name):
            super().__init__("retail:x:Group", name)
            self.pets = [random.RandomPet(f"{name}-{n}", opts=pulumi.ResourceOptions(parent=self)) for n in range(5)]
            self.register_outputs({})
    groups = [Group(f"g{n}") for n in range(3)]
    pulumi.export("pets", [pet.id for group in groups for pet in group.pets])
    """
    folder = write_project(program)

    def kept() -> Counter[str]:
        gc.collect()
        names = ("Task", "Output", "Future", "RandomPet", "Group", "Context", "InlineLoop", "coroutine")
        return Counter(type(found).__name__ for found in gc.get_objects() if type(found).__name__ in names)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate(folder, "dev", preview=False)
        before = kept()
        for preview in (True, False) * 10:
            evaluate(folder, "dev", preview=preview)

    assert kept() == before


def test_interrupting_passes_through(write_project: WriteProject) -> None:
    folder = write_project("raise KeyboardInterrupt\n")

    with pytest.raises(KeyboardInterrupt):
        evaluate(folder, "dev", preview=False)
    assert evaluate(write_project("", folder="next"), "dev", preview=False).outputs == {}


def test_the_sdks_settings_are_as_before(write_project: WriteProject) -> None:
    evaluate(write_project(""), "dev", preview=True)

    settings = contextvars.Context().run(
        lambda: [SETTINGS.monitor, SETTINGS.engine, SETTINGS.dry_run, SETTINGS.outputs]
    )
    assert settings == [None, None, None, set()]
