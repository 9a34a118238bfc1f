from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime import resource

from rehearsal.engine import stack_traces
from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.monitor import Monitor
from rehearsal.errors import RehearsalError

WriteProject = Callable[..., Path]

PROGRAM = """
import pulumi, pulumi_random as random

class Pair(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("demo:index:Pair", name)
        random.RandomPet("same")

Pair("one")
Pair("one")
"""


def refusal(folder: Path) -> str:
    with pytest.raises(RehearsalError) as caught:
        evaluate(folder, "dev", preview=True)
    return str(caught.value)


def test_only_frames_of_the_program_are_told(write_project: WriteProject, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[list[tuple[str, int]]] = []
    register = Monitor.RegisterResource

    def spy(self: Monitor, request: Any) -> Any:
        told.append([(Path(frame.pc.uri).name, frame.pc.line) for frame in request.stackTrace.frames])
        return register(self, request)

    monkeypatch.setattr(Monitor, "RegisterResource", spy)
    refusal(write_project(PROGRAM))

    assert [("__main__.py", 9)] in told
    assert [("__main__.py", 7), ("__main__.py", 9)] in told
    assert {file for frames in told for file, _ in frames} == {"__main__.py"}


def test_places_are_those_that_the_sdk_would_tell(write_project: WriteProject, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_project(PROGRAM)
    ours = refusal(folder)
    monkeypatch.setattr(stack_traces, "_HOOK", "a function that this SDK does not have")

    assert ours == refusal(folder)
    assert "__main__.py:7: two resources" in ours
    assert "__main__.py:10: two resources" in ours


def test_the_sdk_is_as_before_afterwards(write_project: WriteProject) -> None:
    before = vars(resource)["_get_stack_trace"]
    refusal(write_project(PROGRAM))

    assert vars(resource)["_get_stack_trace"] is before
