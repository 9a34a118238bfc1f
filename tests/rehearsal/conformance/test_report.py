"""The table, the details, and the command."""

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path

from rich.console import Console
from typer.testing import CliRunner

from rehearsal.cli import app
from rehearsal.conformance.aws import AwsCheck
from rehearsal.conformance.report import render, to_json
from rehearsal.conformance.run import Report, run
from rehearsal.conformance.sdk import SdkCheck
from rehearsal.crds.catalogue import load_crds
from rehearsal.engine.model import Evaluation

StackOf = Callable[..., Evaluation]


def report(stack_of: StackOf) -> Report:
    bad = ("aws:kms/key:Key", {"descripton": "x", "deletionWindowInDays": 31})
    return Report(["test"], run([SdkCheck(), AwsCheck()], [stack_of(bad)]), 1.5)


def text(report: Report, *, verbose: bool = False) -> str:
    console = Console(file=StringIO(), width=100)
    render(report, console, verbose=verbose)
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def test_the_table_has_coverage_and_the_details_say_what_where_and_what_else(stack_of: StackOf) -> None:
    shown = text(report(stack_of))
    assert "SDK types" in shown
    assert "2/2" in shown
    assert "1/2" in shown
    assert "1 with limits" in shown
    assert "SDK types: aws:kms/key:Key one" in shown
    assert "descripton: an unknown property is given, allowed: description?" in shown
    assert "no member of that name" not in shown
    assert "no member of that name: aws:kms/key:Key descripton" in text(report(stack_of), verbose=True)


def test_json_has_everything(stack_of: StackOf) -> None:
    data = json.loads(to_json(report(stack_of)))
    assert data["ok"] is False
    sdk, aws = data["checks"]
    assert sdk["stacks"]["test"]["findings"][0]["property"] == "descripton"
    assert (aws["stacks"]["test"]["checked"], aws["stacks"]["test"]["total"]) == (1, 2)
    assert set(data["seconds"]) == {"evaluating", "SDK types", "AWS models"}


def test_the_command_ends_with_code_one_where_something_is_found(tmp_path: Path) -> None:
    """A CRD handed in that lacks a field the program sets: as after an upgrade of that operator."""
    (crd,) = [each for each in load_crds() if each["metadata"]["name"] == "middlewares.traefik.io"]
    del crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["rateLimit"]
    (tmp_path / "middlewares.json").write_text(json.dumps(crd))
    result = CliRunner().invoke(app, ["conform", "training", "--crds", str(tmp_path)])
    assert result.exit_code == 1
    assert "custom resources: kubernetes:traefik.io/v1alpha1:Middleware" in result.stdout
    assert "rateLimit" in result.stdout
    assert "\x1b" not in result.stdout


def test_mistakes_of_the_command_line_end_with_code_two(tmp_path: Path) -> None:
    for arguments, words in (("nope",), "no stack 'nope'"), (("dev", "--crds", str(tmp_path)), "--crds: no Custom"):
        result = CliRunner().invoke(app, ["conform", *arguments])
        assert result.exit_code == 2
        assert words in result.stderr
