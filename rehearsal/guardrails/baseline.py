"""The baseline of a release: every input as a hash, which the pack itself makes, so that both sides always agree."""

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import UNKNOWN, Asset, Evaluation, Secret
from rehearsal.errors import RehearsalError
from rehearsal.guardrails.configuration import CONFIGURED, configuration_file, read_configuration
from rehearsal.guardrails.process import PACK_DIR
from rehearsal.guardrails.requests import flattened
from rehearsal.paths import PROJECT_DIR
from rehearsal.progress import Progress


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


def make_baseline(evaluation: Evaluation, season: str, made: datetime) -> dict[str, Any]:
    """The baseline of `evaluation`, with the digest that shows a later change."""
    release = json.dumps(release_of(evaluation, season, made))
    command = [sys.executable, "-m", "guardrails", "baseline"]
    done = subprocess.run(command, cwd=PACK_DIR, input=release, capture_output=True, text=True)
    if done.returncode:
        last = "".join(done.stderr.strip().splitlines()[-1:])
        raise RehearsalError(f"The guardrails can't make a baseline: {last}")
    made_of: dict[str, Any] = json.loads(done.stdout)
    return made_of


def keep_baseline(
    stack: str, overrides: Mapping[str, str], output: Path | None, progress: Progress
) -> tuple[Path, int]:
    """Puts the baseline of what `stack` is now into its guardrails' configuration, whose rest stays as it is.

    Returns the file and how many resources the baseline has.
    """
    file = output or configuration_file(stack)
    kept = read_configuration(file) if file.exists() else {}
    with progress.step(f"evaluating the program for {stack}"):
        evaluation = evaluate(PROJECT_DIR, stack, preview=True, overrides=overrides)
    season = evaluation.config.get(f"{evaluation.project}:season", "normal")
    baseline = make_baseline(evaluation, season, datetime.now(UTC))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({CONFIGURED: {**kept, "baseline": baseline}}, indent=1) + "\n")
    return file, len(baseline["resources"])


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
