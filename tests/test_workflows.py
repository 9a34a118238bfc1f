"""The users' workflows: valid, of fixed versions, and with no right that they don't need."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal.controlplane.toolchain import find_go
from rehearsal.paths import PROJECT_DIR
from rehearsal.progress import QuietProgress

WORKFLOWS = sorted((PROJECT_DIR / ".github" / "workflows").glob("*.yml"))
GUARDRAILS = (PROJECT_DIR / ".github" / "workflows" / "guardrails.yml").read_text()


@pytest.mark.cluster
def test_actionlint_finds_nothing() -> None:
    """Built by the Go that builds the control plane: no package index has it in a wheel for every machine."""
    (actionlint,) = re.findall(
        r"go run (\S+actionlint@v[0-9.]+)$", (PROJECT_DIR / "Makefile").read_text(), re.MULTILINE
    )
    go = find_go((1, 24, 0), QuietProgress())
    done = subprocess.run(
        [go.command, "run", actionlint, "-no-color", *WORKFLOWS],
        cwd=PROJECT_DIR,
        env=go.environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_commits_and_say_which_release(workflow: Path) -> None:
    used = re.findall(r"uses: (.+)$", workflow.read_text(), re.MULTILINE)
    assert used
    for action in used:
        assert re.fullmatch(r"[a-z-]+/[a-z-]+(/[a-z-]+)?@[0-9a-f]{40} # v[0-9.]+", action), action


def test_the_guardrails_need_no_credentials_and_no_more_rights_than_to_annotate() -> None:
    workflow: Any = yaml.safe_load(GUARDRAILS)
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["jobs"]["check"]["permissions"] == {"contents": "read", "security-events": "write"}
    assert "secrets." not in GUARDRAILS
    for step in workflow["jobs"]["check"]["steps"]:
        assert "continue-on-error" not in step, "a check that fails fails the run"


def test_the_guardrails_judge_every_stack_on_every_pull_request() -> None:
    workflow: Any = yaml.safe_load(GUARDRAILS)
    # YAML 1.1 reads the key `on` as true.
    assert workflow[True]["pull_request"] is None, "no path is left out"
    runs = [step["run"] for step in workflow["jobs"]["check"]["steps"] if "run" in step]
    assert any("rehearsal check --all" in run and "--sarif" in run and "--summary" in run for run in runs)
