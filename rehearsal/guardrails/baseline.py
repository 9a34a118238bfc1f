"""The baseline of a release: every input as a hash, which the pack itself makes, so that both sides always agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.model import UNKNOWN, Asset, Evaluation, Secret
from rehearsal.errors import RehearsalError, UserError
from rehearsal.guardrails.configuration import configuration_file, read_configuration, write_configuration
from rehearsal.guardrails.judge import judge
from rehearsal.guardrails.pack import made_by_pack
from rehearsal.guardrails.repository import Repository
from rehearsal.guardrails.requests import flattened
from rehearsal.paths import PROJECT_DIR
from rehearsal.progress import Progress


def release_of(evaluation: Evaluation, season: str, made: datetime, commit: str = "") -> dict[str, Any]:
    """What the pack makes a baseline of. `evaluation` is in preview mode: only what the program itself says counts."""
    return {
        "stack": evaluation.stack,
        "season": season,
        "made": made.isoformat(timespec="seconds"),
        "commit": commit,
        "resources": [
            {
                "urn": each.urn,
                "type": each.type,
                "protect": each.protect,
                "provider": each.provider,
                "inputs": _marked(flattened(each.inputs)),
            }
            for each in evaluation.resources.values()
        ],
    }


def make_baseline(
    evaluation: Evaluation,
    season: str,
    made: datetime,
    *,
    commit: str = "",
    emergencies: Sequence[Mapping[str, Any]] = (),
    previous: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The baseline of `evaluation`, with the digest that shows a later change.

    commit: what it is, empty where no commit holds it. emergencies: those that it closes. previous: the baseline before
    it, which tells since when versions are there.
    """
    release = {**release_of(evaluation, season, made, commit), "emergencies": list(emergencies)}
    return made_by_pack("baseline", {"release": release, "previous": previous})


@dataclass(frozen=True)
class Kept:
    """Where a baseline was written, of how many resources, and of which commit (empty: of none)."""

    file: Path
    resources: int
    commit: str


def keep_baseline(
    stack: str,
    overrides: Mapping[str, str],
    output: Path | None,
    progress: Progress,
    *,
    closes: str = "",
    repository: Repository | None = None,
) -> Kept:
    """Puts the baseline of what `stack` is now into its guardrails' configuration, whose rest stays as it is.

    `closes` is the ticket of an emergency change: it goes from the configuration into the baseline, if the guardrails
    have nothing against what it changed. Raises UserError for a ticket that there is none of, RehearsalError for a
    change that the emergency does not cover, and in a freeze where none is closed.
    """
    file = output or configuration_file(stack)
    kept = read_configuration(file) if file.exists() else {}
    closed, rest = _closing(closes, kept)
    with progress.step(f"evaluating the program for {stack}"):
        evaluation = evaluate(PROJECT_DIR, stack, preview=True, overrides=overrides)
    if closes:
        with progress.step(f"holding {stack} against the guardrails"):
            verdict = judge(evaluation, kept)
        if not verdict.ok:
            raise RehearsalError(f"{closes} can't be closed:\n{verdict.broken}")
    previous, now = kept.get("baseline") or {}, datetime.now(UTC)
    baseline = make_baseline(
        evaluation,
        evaluation.config.get(f"{evaluation.project}:season", "normal"),
        now,
        commit=(repository or Repository()).commit,
        emergencies=[*previous.get("emergencies", []), *closed] if closes else [],
        previous=previous,
    )
    if not closes and (freeze := freeze_at(baseline, now) or freeze_at(previous, now)):
        raise RehearsalError(
            f"{stack} is in a freeze ({freeze}): nothing is released, and what was before it stays what it is held"
            " against. After an emergency change: --close TICKET."
        )
    write_configuration(file, {**kept, **rest, "baseline": baseline})
    return Kept(file, len(baseline["resources"]), baseline["commit"])


def freeze_at(baseline: Mapping[str, Any], now: datetime) -> str:
    """Name and end of the freeze in a baseline's calendar that `now` is in; empty if it is in none."""
    calendar = baseline.get("calendar") or {}
    for each in calendar.get("freezes") or []:
        zone = ZoneInfo(calendar["timeZone"])
        start, end = (datetime.fromisoformat(each[key]).replace(tzinfo=zone) for key in ("start", "end"))
        if start <= now < end:
            return f"{each['name']}, until {end:%Y-%m-%d %H:%M}"
    return ""


def _closing(ticket: str, kept: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """The emergency of that ticket, and the configuration's key without it."""
    if not ticket:
        return [], {}
    given = kept.get("emergencies") or []
    closed = [each for each in given if each.get("ticket") == ticket]
    if not closed:
        known = ", ".join(str(each.get("ticket")) for each in given) or "none"
        raise UserError(f"--close: there is no emergency change {ticket!r}; open are: {known}.")
    return closed, {"emergencies": [each for each in given if each not in closed]}


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
