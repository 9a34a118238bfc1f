"""One stack through the pack, in the engine's order: Remediate and Analyze each resource, then AnalyzeStack."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import analyzer_pb2

from rehearsal.engine.model import Evaluation
from rehearsal.engine.project import ORGANIZATION
from rehearsal.guardrails.catalogue import rules
from rehearsal.guardrails.configuration import reconciled
from rehearsal.guardrails.process import CALL_SECONDS, PACK_DIR, PackProcess, started
from rehearsal.guardrails.requests import analyze_request, stack_request
from rehearsal.guardrails.verdict import Verdict, violation


def judge(
    evaluation: Evaluation,
    configuration: Mapping[str, Any] | None = None,
    *,
    pack: Path = PACK_DIR,
    patience: float = CALL_SECONDS,
) -> Verdict:
    """What the guardrails say of `evaluation`. `configuration` is the pack's, by key (`now`, `waivers`, ...).

    Raises RehearsalError if the pack ends, hangs (no answer for `patience` seconds) or fails, UserError for mistakes in
    the configuration.
    """
    verdict = Verdict(evaluation.stack, rules=len(rules()), resources=len(evaluation.resources))
    clock = _Stopwatch(verdict)
    with started(pack, patience) as process:
        clock.lap("start")
        _introduce(process, evaluation, configuration or {})
        for resource in evaluation.resources.values():
            request = analyze_request(resource, evaluation)
            # No rule remediates; the engine asks every pack, so its cost belongs to the check.
            process.call("Remediate", request, resource.urn)
            _take(process.call("Analyze", request, resource.urn), verdict)
        clock.lap("resources")
        _take(process.call("AnalyzeStack", stack_request(evaluation), f"stack {evaluation.stack}"), verdict)
        clock.lap("stack")
    verdict.violations = sorted(set(verdict.violations), key=lambda each: each.rank)
    return verdict


def _introduce(process: PackProcess, evaluation: Evaluation, configuration: Mapping[str, Any]) -> None:
    """What comes before the first resource."""
    process.offer("Handshake", analyzer_pb2.AnalyzerHandshakeRequest(engine_address="127.0.0.1:0"))
    process.offer(
        "ConfigureStack",
        analyzer_pb2.AnalyzerStackConfigureRequest(
            stack=evaluation.stack,
            project=evaluation.project,
            organization=ORGANIZATION,
            dry_run=evaluation.preview,
        ),
    )
    info = process.call("GetAnalyzerInfo", Empty(), "what it holds")
    process.call("Configure", reconciled(info, configuration), "its configuration")


def _take(answer: Any, verdict: Verdict) -> None:
    known = dict(rules())
    for diagnostic in answer.diagnostics:
        mandatory = diagnostic.enforcementLevel == analyzer_pb2.MANDATORY
        verdict.violations.append(violation(diagnostic.message, diagnostic.urn, mandatory, known))


class _Stopwatch:
    def __init__(self, verdict: Verdict) -> None:
        self._verdict, self._last = verdict, time.monotonic()

    def lap(self, name: str) -> None:
        now = time.monotonic()
        self._verdict.seconds[name] = now - self._last
        self._last = now
