"""The catalogue of rules, as the pack itself prints it."""

import functools
import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from rehearsal.errors import RehearsalError, UserError
from rehearsal.guardrails.process import PACK_DIR


@dataclass(frozen=True)
class RuleEntry:
    """One rule, as policies/guardrails/rule.py declares it."""

    id: str
    area: str
    severity: str
    level: str
    says: str
    why: str
    fix: str
    scenario: str
    implies: tuple[str, ...]
    protects: str | None
    judges: str


@functools.cache
def rules() -> Mapping[str, RuleEntry]:
    """Every rule by id, from the pack's own process: nothing of it is imported here."""
    done = subprocess.run([sys.executable, "-m", "guardrails"], cwd=PACK_DIR, capture_output=True, text=True)
    if done.returncode:
        last = "".join(done.stderr.strip().splitlines()[-1:])
        raise RehearsalError(f"The guardrails' catalogue can't be read: {last}")
    entries = [RuleEntry(**{**entry, "implies": tuple(entry["implies"])}) for entry in json.loads(done.stdout)]
    return {entry.id: entry for entry in entries}


def rule(rule_id: str) -> RuleEntry:
    """One rule. Raises UserError, naming those there are, for an id that is none."""
    known = rules()
    if rule_id not in known:
        raise UserError(f"There is no rule {rule_id!r}. Rules: {', '.join(known)}")
    return known[rule_id]
