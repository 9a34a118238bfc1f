"""The commands as they are typed: what they answer, and how each mistake ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from rehearsal.cli import app
from rehearsal.paths import PROJECT_DIR

COMMANDS = ["up", "down", "check", "conform", "explain", "status", "picture"]
PEAK_BACKWARDS = '[{"name": "sales", "start": "2027-01-16T22:00", "end": "2027-01-06T06:00", "factor": 2}]'


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where control planes would be: nothing is up."""
    folder = tmp_path / "home"
    monkeypatch.setenv("REHEARSAL_HOME", str(folder))
    return folder


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), prog_name="rehearsal")


def mistake(*arguments: str) -> str:
    """What a command says that was asked wrongly: exit code 2, one message, nothing on stdout, no traceback."""
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert result.stderr.count("error:") == 1
    return result.stderr


def rehearsal(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """The command in a process of its own."""
    command = [sys.executable, "-m", "rehearsal", *arguments]
    return subprocess.run(
        command,
        cwd=PROJECT_DIR,
        env=os.environ | {"TERM": "xterm-256color"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert f"rehearsal {command}" in result.stdout


def test_help_lists_every_command_and_loads_nothing_heavy() -> None:
    """As loaded modules, not as seconds: a busy machine must not fail this."""
    code = (
        "import sys; from rehearsal.cli import main; sys.argv[1:] = ['--help']\n"
        "try: main()\n"
        "finally: print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    *shown, modules = done.stdout.splitlines()
    assert all(any(line.strip().startswith(command) for line in shown) for command in [*COMMANDS, "kubectl"])
    assert not {"pulumi", "yaml", "pydantic", "httpx2", "kubernetes_validate", "psutil"} & set(modules.split())


def test_no_command_shows_the_help() -> None:
    assert "Usage" in run().output


@pytest.mark.parametrize("command", ["up", "check", "explain"])
def test_unknown_stack_is_answered_with_those_there_are(command: str) -> None:
    said = mistake(command, "nope")
    assert "'nope'" in said and "dev, outlet, peak, platform, training" in said


@pytest.mark.parametrize("command", ["up", "check", "explain"])
def test_mistakes_in_configuration_come_all_at_once(command: str) -> None:
    said = mistake(
        command, "dev", "-c", "storse=3", "-c", "stores=many", "-c", "recovery-region=eu-central-1", "-c", "season=high"
    )
    assert "did you mean 'stores'" in said  # a misspelt key
    assert "'many'" in said  # a wrong type
    assert "recovery-region" in said  # a contradiction with another key
    assert "season" in said and "'high'" in said  # not among the choices


@pytest.mark.parametrize("command", ["check", "explain"])
@pytest.mark.parametrize(
    ("given", "key", "told"),
    [
        ("stores=-5", "stores", "given '-5'"),
        ("pos-terminals=1000000", "pos-terminals", "given '1000000'"),
        ("target-utilisation-percent=100", "target-utilisation-percent", "less than or equal to 90"),
        ("time-zone=Europe/Pariss", "time-zone", "Europe/Paris"),
        ("domain=", "domain", "must be set"),
        ("account=12", "account", "given '12'"),
        (f"peaks={PEAK_BACKWARDS}", "peaks", "end"),
        ("season=summer", "season", "'normal' or 'peak'"),
        ("backup-account=111122223333", "", ""),
    ],
)
def test_impossible_values_name_the_key_and_what_is_allowed(command: str, given: str, key: str, told: str) -> None:
    if not key:  # one account is enough in development
        assert run("explain", "dev", "-c", given).exit_code == 0
        return
    said = mistake(command, "dev", "-c", given)
    assert key in said
    assert told in said
    assert "1 mistake" in said


def test_missing_keys_are_named_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Pulumi.yaml").write_bytes((PROJECT_DIR / "Pulumi.yaml").read_bytes())
    (tmp_path / "Pulumi.bare.yaml").write_text("config:\n  odoo-retail:stores: 3\n")
    monkeypatch.setattr("rehearsal.explain.PROJECT_DIR", tmp_path)
    said = mistake("explain", "bare")
    for key in ("retailer", "domain", "account", "backup-account", "image"):
        assert f"- {key}: must be set" in said


@pytest.mark.parametrize("given", ["stores", "=3", ""])
def test_override_without_a_value_is_explained(given: str) -> None:
    assert "KEY=VALUE" in mistake("check", "dev", "-c", given)


def test_a_value_may_hold_equals_signs() -> None:
    assert "given 'a=b.example'" in mistake("explain", "dev", "-c", "domain=a=b.example")


def test_wrong_place_to_scale_to_is_told_before_anything_is_done(home: Path) -> None:
    assert "floor or ceiling, given 'moon'" in mistake("up", "dev", "--at", "moon")
    assert not home.exists()


def test_cluster_that_is_not_there_is_the_users_mistake(tmp_path: Path) -> None:
    """In a process of its own, as it is typed: with its progress, and with no colours on a terminal that has them."""
    nowhere = tmp_path / "nowhere.yaml"
    nowhere.write_text(
        json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
                "users": [{"name": "u", "user": {"token": "canary-token-71c2"}}],
                "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
                "current-context": "x",
            }
        )
    )
    done = rehearsal("up", "dev", "--kubeconfig", str(nowhere))
    assert done.returncode == 2, done.stderr
    assert "not reachable at https://127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr and "canary" not in done.stderr and "\x1b" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(("content", "told"), [(None, "can't be read"), ("hello", "is not a kubeconfig")])
def test_kubeconfig_that_is_none_is_the_users_mistake(tmp_path: Path, content: str | None, told: str) -> None:
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)
    result = run("up", "platform", "--kubeconfig", str(file))
    assert result.exit_code == 2
    assert told in result.stderr and str(file) in result.stderr


def test_scaling_to_the_ceiling_needs_the_stand_ins(tmp_path: Path) -> None:
    result = run("up", "platform", "--at", "ceiling", "--kubeconfig", str(tmp_path / "any"))
    assert result.exit_code == 2
    assert "--at ceiling" in result.stderr


NOW = ("--now", "2026-11-20T12:00:00Z")
"""Before the freeze of the peak stack, so that these tests say the same on any day."""


def test_check_as_json() -> None:
    result = run("check", "platform", "--json", *NOW)
    assert result.exit_code == 0, result.stderr
    report = json.loads(result.stdout)
    assert (report["stack"], report["ok"], report["findings"]) == ("platform", True, [])
    assert (report["guardrails"]["violations"], report["guardrails"]["ok"]) == ([], True)


def test_check_says_that_nothing_is_wrong_and_shows_the_tree_when_asked() -> None:
    result = run("check", "platform", "--preview", *NOW)
    assert result.exit_code == 0, result.stderr
    assert "rules held against" in result.stdout and "platform: nothing wrong" in result.stdout
    assert "platform-platform" not in result.stdout and "\x1b" not in result.stdout
    assert "platform-platform" in run("check", "platform", "--tree", *NOW).stdout


def test_what_a_rule_forbids_ends_with_code_1_and_is_told_in_four_ways(tmp_path: Path) -> None:
    forged = tmp_path / "platform.json"
    forged.write_text(json.dumps({"mandatory-resource": {"baseline": {"digest": "typed by hand"}}}))
    sarif, summary = tmp_path / "results.sarif", tmp_path / "summary.md"
    summary.write_text("of a step before\n")
    files = ("--sarif", str(sarif), "--summary", str(summary))
    result = run("check", "platform", "--guardrails", str(forged), *files, *NOW)
    assert result.exit_code == 1, result.stderr
    assert "frz-01" in result.stdout and "rules broken" in result.stdout
    told = run("check", "platform", "--guardrails", str(forged), "--json", *NOW)
    violations = json.loads(told.stdout)["guardrails"]["violations"]
    assert told.exit_code == 1 and {each["rule"] for each in violations} >= {"frz-01"}
    page = summary.read_text()
    assert page.startswith("of a step before\n") and "| platform | **refused** |" in page
    assert page.count("\n| frz-01 |") == sum(each["rule"] == "frz-01" for each in violations)
    log = json.loads(sarif.read_text())
    [one_run] = log["runs"]
    assert log["version"] == "2.1.0" and len(one_run["results"]) == len(violations)
    rules = {each["id"] for each in one_run["tool"]["driver"]["rules"]}
    for each in one_run["results"]:
        assert each["ruleId"] in rules and each["level"] == "error"
        [location] = each["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "Pulumi.platform.yaml"


def test_a_rule_explained() -> None:
    result = run("check", "--rule", "db-04")
    assert result.exit_code == 0, result.stderr
    assert "db-04" in result.stdout and "no waiver" in result.stdout
    assert json.loads(run("check", "--rule", "db-04", "--json").stdout)["severity"] == "critical"
    assert "There is no rule 'db-99'" in mistake("check", "--rule", "db-99")


@pytest.mark.parametrize("arguments", [["check"], ["check", "dev", "--all"]])
def test_check_takes_one_stack_or_all(arguments: list[str]) -> None:
    assert "a STACK, or --all" in mistake(*arguments)


def test_no_two_stacks_claim_the_same() -> None:
    result = run("check", "--all", "--json", *NOW)
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["ok"], told["clashes"]) == (True, [])
    assert len(told["stacks"]) > 1


def test_nothing_is_up() -> None:
    status = run("status", "--json")
    assert (status.exit_code, json.loads(status.stdout)) == (0, [])
    assert "no control plane is up" in run("status").stdout
    assert run("down", "dev").stdout == "dev was not up\n"
    assert run("down", "--all").stdout == "nothing was up\n"
    assert "bring a stack up first" in mistake("kubectl", "get", "pods")
    assert "dev is not up" in mistake("kubectl", "--stack", "dev", "get", "pods")


@pytest.mark.parametrize("arguments", [["nonsense"], ["explain"], ["check", "dev", "--nope"], ["up", "dev", "peak"]])
def test_what_no_command_takes_is_refused(arguments: list[str]) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert "Usage" in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize("output", [[], ["--json"]])
def test_a_reader_that_leaves_ends_the_command_quietly(output: list[str]) -> None:
    command = [sys.executable, "-m", "rehearsal", "explain", "peak", *output]
    process = subprocess.Popen(command, cwd=PROJECT_DIR, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.close()
    process.stdout = None
    assert process.communicate()[1] == ""
