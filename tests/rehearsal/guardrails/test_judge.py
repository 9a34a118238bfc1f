"""The driver and the pack's process: the engine's protocol, and whatever may go wrong with a process."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import UNKNOWN, Evaluation, ResourceReference, Secret
from rehearsal.errors import RehearsalError, UserError
from rehearsal.guardrails.baseline import keep_baseline, make_baseline
from rehearsal.guardrails.catalogue import rule, rules
from rehearsal.guardrails.configuration import read_configuration
from rehearsal.guardrails.judge import judge
from rehearsal.guardrails.process import PACK_DIR, started
from rehearsal.guardrails.requests import flattened
from rehearsal.paths import PROJECT_DIR
from rehearsal.progress import QuietProgress
from tests.policies.edits import Edit, forget, put
from tests.policies.shipped import CLOCK
from tests.rehearsal.guardrails.conftest import MakePack, program

PACK = """
import os, signal, time
from pulumi_policy import *

def resource(args, report):
    {resource}

def stack(args, report):
    {stack}

PolicyPack("p", [
    ResourceValidationPolicy("mandatory-resource", "d", resource, EnforcementLevel.MANDATORY,
        PolicyConfigSchema({{"limit": {{"type": "number", "default": 7}}}})),
    StackValidationPolicy("mandatory-stack", "d", stack, EnforcementLevel.MANDATORY),
])
"""

NOW = {"now": CLOCK.isoformat()}


def pack(resource: str = "pass", stack: str = "pass") -> str:
    return PACK.format(resource=resource, stack=stack)


@pytest.fixture(scope="module")
def previewed() -> Evaluation:
    return evaluate(PROJECT_DIR, "peak", preview=True)


def edited(evaluation: Evaluation, edit: Edit) -> Evaluation:
    resources = edit.apply(evaluation.resources)
    assert resources is not None
    return Evaluation("odoo-retail", "peak", True, {}, frozenset(), resources, {}, {})


def test_a_shipped_stack_passes_in_the_real_process(previewed: Evaluation) -> None:
    verdict = judge(previewed, NOW)
    assert (verdict.violations, verdict.resources, verdict.rules) == ([], len(previewed.resources), len(rules()))
    assert verdict.ok


def test_the_preview_of_a_new_stack_is_blocked_though_its_objects_have_no_outputs(previewed: Evaluation) -> None:
    cluster = "kubernetes:postgresql.cnpg.io/v1:Cluster"
    broken = edited(previewed, put(cluster, "spec.instances", 2) + forget(cluster, "spec.switchoverDelay"))
    assert all(each.outputs == {} for each in broken.resources.values() if each.type == cluster)
    verdict = judge(broken, NOW)
    assert {"az-03", "db-05"} <= {each.rule for each in verdict.violations}
    assert not verdict.ok
    [instances] = [each for each in verdict.violations if each.rule == "az-03"]
    assert (instances.where, instances.what) == ("Cluster grand-bazar-production/grand-bazar-db", "2 instances, not 3")
    assert instances.severity == "critical" and instances.mandatory and instances.urn in broken.resources


def test_the_engine_s_order_and_defaults(pack_of: MakePack) -> None:
    told = pack(
        'report(f"az-01 r: {args.name} {args.get_config()}. Fix: f")',
        'report(f"az-02 s: {len(args.resources)}. Fix: f")',
    )
    verdict = judge(program("one", "two"), pack=pack_of(told))
    assert [each.what for each in verdict.violations] == ["one {'limit': 7.0}", "two {'limit': 7.0}", "2"]


def test_a_configuration_against_the_schema_is_the_user_s_mistake(pack_of: MakePack) -> None:
    with pytest.raises(UserError, match=r"\$\.limit: 'x' is not of type 'number'"):
        judge(program("one"), {"limit": "x"}, pack=pack_of(pack()))


def test_a_message_in_no_known_form_is_mandatory_and_not_lost(pack_of: MakePack) -> None:
    [violation] = judge(program("one"), pack=pack_of(pack('report("whatever")'))).violations
    assert (violation.rule, violation.mandatory, violation.what) == ("config", True, "whatever")


def test_an_unknown_that_a_rule_touches_without_care_is_no_pass(pack_of: MakePack) -> None:
    evaluation = program("one")
    next(iter(evaluation.resources.values())).inputs["data"] = UNKNOWN
    verdict = judge(evaluation, pack=pack_of(pack('args.props["data"]')))
    assert not verdict.ok and "can't run policy" in verdict.violations[0].what


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (pack("os.kill(os.getpid(), signal.SIGKILL)"), r"process ended \(exit code -9\) while judging urn:.*one"),
        (pack(stack="os._exit(3)"), r"process ended \(exit code 3\) while judging stack test"),
        (pack("time.sleep(60)"), "gave no answer for 1 s while judging urn"),
        (pack(stack="time.sleep(60)"), "gave no answer for 1 s while judging stack test"),
        (pack('int("canary")'), "failed while judging urn.*: UNKNOWN"),
        ("import nowhere", "don't start.*No module named 'nowhere'"),
        ("raise SystemExit(5)", r"don't start \(exit code 5\)"),
        ("print('hello', flush=True)", "something else than their port"),
    ],
)
def test_a_pack_that_dies_hangs_or_fails_is_an_error_and_leaves_no_process(
    pack_of: MakePack, body: str, told: str
) -> None:
    with pytest.raises(RehearsalError, match=told) as error:
        judge(program("one"), pack=pack_of(body), patience=1)
    assert error.value.exit_code == 1
    assert "canary" not in str(error.value)
    assert not [each for each in psutil.Process().children() if "pulumi.policy" in " ".join(each.cmdline())]


def test_the_real_pack_killed_in_the_middle_of_a_check(previewed: Evaluation) -> None:
    def kill() -> None:
        for _ in range(600):
            time.sleep(0.05)
            for child in psutil.Process().children():
                if "pulumi.policy" in " ".join(child.cmdline()) and child.cpu_times().user > 0.6:
                    os.kill(child.pid, signal.SIGKILL)
                    return

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(RehearsalError, match=r"process ended|don't start"):
        judge(previewed, NOW)
    killer.join()


def test_the_pack_starts_fast() -> None:
    """The goal is a second on an idle machine; processor time holds on a busy one as well."""
    with started(PACK_DIR) as process:
        used = psutil.Process(process.pid).cpu_times()
    assert used.user + used.system < 2


def test_nothing_of_our_environment_configures_the_pack(pack_of: MakePack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"odoo-retail:smtp-password": "canary"}))
    body = pack("report(f\"az-01 r: {os.environ.get('PULUMI_CONFIG')}. Fix: f\")")
    assert [each.what for each in judge(program("one"), pack=pack_of(body)).violations] == ["None"]


def test_resources_as_values_arrive_as_ids() -> None:
    urn = "urn:pulumi:s::p::retail:a:B::c"
    assert flattened({"a": [ResourceReference(urn, "id-1")], "s": Secret(ResourceReference(urn, "x"))}) == {
        "a": ["id-1"],
        "s": Secret("x"),
    }
    assert flattened(ResourceReference(urn)) == urn
    assert flattened(ResourceReference("urn:pulumi:s::p::aws:s3/bucket:Bucket::c")) is UNKNOWN


def test_a_rule_that_is_none() -> None:
    with pytest.raises(UserError, match=r"There is no rule 'az-99'\. Rules: az-01, az-02"):
        rule("az-99")


def test_the_pack_imports_nothing_of_the_program() -> None:
    """`pulumi policy publish` ships its folder alone."""
    code = "import sys; import guardrails.pack; print([n for n in sys.modules if n.partition('.')[0] in %r])"
    ours = ("retail", "components", "rehearsal", "pydantic", "pulumi_aws", "pulumi_kubernetes")
    done = subprocess.run([sys.executable, "-c", code % (ours,)], cwd=PACK_DIR, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_its_requirements_are_the_project_s() -> None:
    project = set((PROJECT_DIR / "requirements.txt").read_text().splitlines())
    own = [line for line in (PACK_DIR / "requirements.txt").read_text().splitlines() if "==" in line]
    assert own and set(own) <= project


def test_a_baseline_that_was_changed_by_hand_is_noticed(previewed: Evaluation) -> None:
    baseline = make_baseline(previewed, "normal", CLOCK)
    assert judge(previewed, {**NOW, "baseline": baseline}).violations == []
    told = [each.what for each in judge(previewed, {**NOW, "baseline": {**baseline, "season": "peak"}}).violations]
    assert told and all("was changed after it was written" in each for each in told)


def test_a_baseline_holds_no_value(previewed: Evaluation) -> None:
    assert "grand_bazar_production" not in json.dumps(make_baseline(previewed, "normal", CLOCK))


def test_a_baseline_leaves_the_rest_of_the_configuration_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "platform.json"
    file.write_text(json.dumps({"mandatory-resource": {"rehearsal": True}}))
    assert keep_baseline("platform", {}, file, QuietProgress()).file == file
    kept = read_configuration(file)
    assert kept["rehearsal"] is True and kept["baseline"]["season"] == "normal"


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"mandatory-stack": {}}', '{"mandatory-resource": 1}'])
def test_a_configuration_file_that_cannot_be_used_is_the_user_s_mistake(tmp_path: Path, content: str) -> None:
    file = tmp_path / "c.json"
    file.write_text(content)
    with pytest.raises(UserError, match=r"c\.json"):
        read_configuration(file)
