"""The state file: what it keeps, what it never shows, and that one command at a time writes it."""

import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.cluster.state import Entry, State, open_state, previous_outputs
from rehearsal.engine.model import Evaluation, Resource, Secret
from rehearsal.errors import RehearsalError
from rehearsal.paths import PROJECT_DIR
from rehearsal.progress import QuietProgress

CANARY = "canary-4f1a9c"
ENTRY = Entry(
    type="kubernetes:core/v1:ConfigMap", name="settings", api_version="v1", kind="ConfigMap", namespace="shop"
)


def reopened(folder: Path, stack: str = "dev") -> State:
    with open_state(folder, stack, QuietProgress()) as state:
        return state


@pytest.fixture
def password(resource: Callable[..., Resource]) -> Resource:
    return resource(
        "random:index/randomPassword:RandomPassword",
        "admin",
        outputs={"result": Secret(CANARY), "length": 14, "nested": {"list": [Secret(CANARY), None]}},
    )


def test_what_is_recorded_is_there_the_next_time(tmp_path: Path, state: State) -> None:
    state.record({"urn:a": ENTRY, "urn:b": Entry(type="aws:s3/bucket:Bucket", name="b", protect=True)})
    state.forget("urn:b")
    assert reopened(tmp_path).entries == {"urn:a": ENTRY}


def test_stacks_do_not_share_entries(tmp_path: Path, state: State) -> None:
    state.record({"urn:a": ENTRY})
    assert reopened(tmp_path, "peak").entries == {}


def test_random_values_come_back_as_they_were_with_their_secrets_wrapped(
    tmp_path: Path, state: State, password: Resource, program: Callable[..., Evaluation]
) -> None:
    state.keep_values(program(password))
    assert reopened(tmp_path).previous_outputs() == {password.urn: password.outputs}


def test_values_of_all_stacks_of_a_control_plane_can_be_read_without_a_lock(
    tmp_path: Path, state: State, password: Resource, program: Callable[..., Evaluation]
) -> None:
    assert previous_outputs(tmp_path / "nothing") == {}
    state.keep_values(program(password))
    with open_state(tmp_path, "platform", QuietProgress()) as other:
        urn = password.urn.replace("dev", "platform")
        other.keep_values(program(replace(password, urn=urn), stack="platform"))
        assert previous_outputs(tmp_path) == {password.urn: password.outputs, urn: password.outputs}


def test_values_of_other_resources_are_not_kept(
    state: State, resource: Callable[..., Resource], program: Callable[..., Evaluation]
) -> None:
    state.keep_values(
        program(resource("aws:secretsmanager/secretVersion:SecretVersion", "v", outputs={"s": Secret("x")}))
    )
    assert state.previous_outputs() == {}


def test_values_that_left_the_program_are_dropped(
    state: State, password: Resource, program: Callable[..., Evaluation]
) -> None:
    state.keep_values(program(password))
    state.keep_values(program())
    assert state.previous_outputs() == {}


def test_no_file_shows_a_secret_or_lets_others_read(
    tmp_path: Path, state: State, password: Resource, program: Callable[..., Evaluation]
) -> None:
    state.keep_values(program(password))
    state.record({"urn:a": Entry(type="t", name="n", kind="Secret", hash=state.digest({"data": CANARY}))})
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert {file.name for file in files} >= {"dev.json", "key"}
    for file in files:
        assert CANARY.encode() not in file.read_bytes()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


def test_a_hash_is_stable_depends_on_the_content_and_is_worthless_without_the_key(tmp_path: Path, state: State) -> None:
    assert state.digest({"a": 1, "b": 2}) == reopened(tmp_path).digest({"b": 2, "a": 1})
    assert state.digest({"a": 1}) != state.digest({"a": 2})
    assert state.digest({"a": 1}) != reopened(tmp_path / "other").digest({"a": 1})


def test_a_renamed_resource_keeps_its_entry_and_its_values(
    state: State, password: Resource, program: Callable[..., Evaluation]
) -> None:
    state.keep_values(program(password))
    state.record({password.urn: ENTRY})
    state.rename({password.urn: "urn:new", "urn:unknown": "urn:other"})
    assert state.entries == {"urn:new": ENTRY}
    assert state.previous_outputs() == {"urn:new": password.outputs}


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": 99}', '{"format": 1, "resources": {"a": {}}, "values": {}}']
)
def test_a_damaged_file_is_one_clear_message(tmp_path: Path, content: str) -> None:
    reopened(tmp_path)
    (tmp_path / "state" / "dev.json").write_text(content)
    with pytest.raises(RehearsalError, match=r"state file .*dev\.json can't be used"):
        State(tmp_path / "state", "dev")


def test_values_under_another_key_are_one_clear_message(
    tmp_path: Path, state: State, password: Resource, program: Callable[..., Evaluation]
) -> None:
    state.keep_values(program(password))
    (tmp_path / "state" / "key").unlink()
    with pytest.raises(RehearsalError, match="don't fit the key"):
        State(tmp_path / "state", "dev").previous_outputs()


def test_erasing_leaves_no_file_of_the_stack(tmp_path: Path, state: State) -> None:
    state.record({"urn:a": ENTRY})
    state.erase()
    assert not (tmp_path / "state" / "dev.json").exists()
    assert state.entries == {}


class Announcing(QuietProgress):
    """Tells a waiting test when a step begins."""

    def __init__(self) -> None:
        self.waiting = threading.Event()
        self.title = ""

    @contextmanager
    def step(self, title: str) -> Iterator[QuietProgress]:
        self.title = title
        self.waiting.set()
        yield self


def test_a_second_command_on_the_stack_waits_and_goes_on_from_what_the_first_left(tmp_path: Path) -> None:
    holder = """
import sys
from pathlib import Path
from rehearsal.cluster.state import Entry, open_state
from rehearsal.progress import QuietProgress
with open_state(Path(sys.argv[1]), "dev", QuietProgress()) as state:
    print("held", flush=True)
    sys.stdin.readline()
    state.record({"urn:first": Entry(type="t", name="n")})
"""
    with subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=PROJECT_DIR,
    ) as first:
        assert first.stdin and first.stdout
        assert first.stdout.readline() == "held\n"
        progress, found = Announcing(), list[str]()

        def second() -> None:
            with open_state(tmp_path, "dev", progress) as state:
                found.extend(state.entries)

        thread = threading.Thread(target=second)
        thread.start()
        assert progress.waiting.wait(20)
        assert "stack dev" in progress.title
        assert found == []
        first.stdin.write("\n")
        first.stdin.flush()
        thread.join(20)
    assert found == ["urn:first"]
