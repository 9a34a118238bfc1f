"""SARIF 2.1.0 (OASIS): what code hosts and CI systems show as annotations."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rehearsal.check.finding import Finding, Severity
from rehearsal.check.stack import Checked
from rehearsal.guardrails.catalogue import RuleEntry
from rehearsal.guardrails.verdict import Violation

SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
OBJECT_RULE: Final = "object"
"""The rule under which findings on objects and references are told."""

_SECURITY_SEVERITY: Final = {"critical": "9.5", "high": "8.0", "medium": "5.0"}
"""As code hosts rank them: critical from 9, high from 7, medium from 4."""


def to_sarif(checked: Iterable[Checked], rules: Iterable[RuleEntry]) -> dict[str, Any]:
    """The log of one run over several stacks. A result is in the stack's file; its resource is a logical location."""
    listed = [_descriptor(rule) for rule in rules]
    listed.append({"id": OBJECT_RULE, "shortDescription": {"text": "Objects are valid and their references exist"}})
    known = {rule["id"] for rule in listed}
    results = []
    for each in checked:
        results += [_violation(violation, each.report.stack) for violation in each.verdict.violations]
        results += [_finding(finding, each.report.stack) for finding in each.report.findings]
    listed += [{"id": rule_id} for rule_id in sorted({result["ruleId"] for result in results} - known)]
    driver = {"name": "retail-guardrails", "rules": listed}
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}


def _descriptor(rule: RuleEntry) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.says},
        "fullDescription": {"text": f"{rule.why} {rule.scenario}"},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": "error" if rule.level == "mandatory" else "warning"},
        "properties": {"tags": [rule.area], "security-severity": _SECURITY_SEVERITY[rule.severity]},
    }


def _violation(violation: Violation, stack: str) -> dict[str, Any]:
    text = f"{violation.where}: {violation.what}. {violation.fix}"
    return _result(violation.rule, violation.mandatory, text, stack, violation.where, violation.urn)


def _finding(finding: Finding, stack: str) -> dict[str, Any]:
    text = ": ".join(part for part in (str(finding.where), finding.path, finding.message) if part)
    error = finding.severity is Severity.ERROR
    return _result(OBJECT_RULE, error, text, stack, str(finding.where), finding.where.urn)


def _result(rule: str, error: bool, text: str, stack: str, where: str, urn: str) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {"artifactLocation": {"uri": f"Pulumi.{stack}.yaml"}, "region": {"startLine": 1}},
        "logicalLocations": [{"name": where, "fullyQualifiedName": urn or stack, "kind": "resource"}],
    }
    return {
        "ruleId": rule,
        "level": "error" if error else "warning",
        "message": {"text": text},
        "locations": [location],
        # The same violation of the same resource is the same alert, run after run, whatever its figures say.
        "partialFingerprints": {"resource/v1": _digest((rule, stack, urn or where))},
    }


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
