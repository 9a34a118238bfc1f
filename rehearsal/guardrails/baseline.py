"""The baseline of a release: every input as a hash, which the pack itself makes, so that both sides always agree."""

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from rehearsal.engine.model import UNKNOWN, Asset, Evaluation, Secret
from rehearsal.errors import RehearsalError
from rehearsal.guardrails.process import PACK_DIR
from rehearsal.guardrails.requests import flattened


def release_of(evaluation: Evaluation, season: str, made: datetime) -> dict[str, Any]:
    """What the pack makes a baseline of. `evaluation` is in preview mode: only what the program itself says counts."""
    return {
        "stack": evaluation.stack,
        "season": season,
        "made": made.isoformat(timespec="seconds"),
        "resources": [
            {
                "urn": each.urn,
                "type": each.type,
                "protect": each.protect,
                "inputs": _marked(flattened(each.inputs)),
            }
            for each in evaluation.resources.values()
        ],
    }


def write_baseline(evaluation: Evaluation, season: str, made: datetime, file: Path) -> Mapping[str, Any]:
    """Writes the baseline of `evaluation` into `file`, and returns it."""
    release = json.dumps(release_of(evaluation, season, made))
    command = [sys.executable, "-m", "guardrails", "baseline"]
    done = subprocess.run(command, cwd=PACK_DIR, input=release, capture_output=True, text=True)
    if done.returncode:
        last = "".join(done.stderr.strip().splitlines()[-1:])
        raise RehearsalError(f"The guardrails can't make a baseline: {last}")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(done.stdout + "\n")
    written: Mapping[str, Any] = json.loads(done.stdout)
    return written


def _marked(value: Any) -> Any:
    """`value` for JSON, with marks for what is not to be kept."""
    if isinstance(value, Secret):
        return {"$secret": True}
    if value is UNKNOWN or isinstance(value, Asset):
        return {"$unknown": True}
    if isinstance(value, dict):
        return {key: _marked(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_marked(item) for item in value]
    return value
