"""Edits that change nothing about safety: names, tags, labels, descriptions, sizes within bounds. None trips a rule.

Each is made on every resource of a stack at once: violations only add up, so none can hide another.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from tests.policies.mutations.lab import Change, Lab

Inputs = dict[str, Any]


def _tagged(inputs: Inputs) -> Inputs:
    if isinstance(inputs.get("tags"), dict):
        inputs = {**inputs, "tags": {**inputs["tags"], "note": "looked at in November"}}
    return inputs


def _labelled(inputs: Inputs) -> Inputs:
    metadata = inputs.get("metadata")
    if not isinstance(metadata, dict):
        return inputs
    more = {key: {**(metadata.get(key) or {}), "example.com/note": "november"} for key in ("labels", "annotations")}
    return {**inputs, "metadata": {**metadata, **more}}


def _described(inputs: Inputs) -> Inputs:
    return {key: f"{value}, as in November" if key == "description" else value for key, value in inputs.items()}


def _named(inputs: Inputs) -> Inputs:
    """The name that people see; nothing refers to it."""
    tags = inputs.get("tags")
    if isinstance(tags, dict) and isinstance(tags.get("Name"), str):
        inputs = {**inputs, "tags": {**tags, "Name": f"{tags['Name']}-2"}}
    return inputs


def _renamed(inputs: Inputs) -> Inputs:
    metadata = inputs["metadata"]
    return {**inputs, "metadata": {**metadata, "name": f"{metadata['name']}-2"}}


NOT_REFERRED_TO: Final = ("PodDisruptionBudget", "PodMonitor", "PrometheusRule", "ScheduledBackup")
"""Kinds of objects that nothing knows by name."""

_QUANTITY: Final = re.compile(r"([0-9]+)(Mi|Gi|m)")


def _limits_grown(value: Any, under: tuple[str, ...] = ()) -> Any:
    """A twentieth more of every memory limit, and of every volume's size."""
    if isinstance(value, dict):
        return {key: _limits_grown(item, (*under, key)) for key, item in value.items()}
    if isinstance(value, list):
        return [_limits_grown(item, under) for item in value]
    grows = under[-2:] in (("limits", "memory"), ("storage", "size"), ("walStorage", "size"))
    if grows and isinstance(value, str) and (found := _QUANTITY.fullmatch(value)):
        return f"{int(found[1]) + max(1, int(found[1]) // 20)}{found[2]}"
    return value


def _histories_kept(value: Any) -> Any:
    keys = ("revisionHistoryLimit", "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    if isinstance(value, dict):
        return {key: item + 1 if key in keys else _histories_kept(item) for key, item in value.items()}
    return [_histories_kept(item) for item in value] if isinstance(value, list) else value


EDITS: Final[dict[str, Callable[[str, Inputs], Inputs]]] = {
    "tags": lambda _, inputs: _tagged(inputs),
    "labels and annotations": lambda _, inputs: _labelled(inputs),
    "descriptions": lambda _, inputs: _described(inputs),
    "the names that people see": lambda _, inputs: _named(inputs),
    "names that nothing refers to": lambda kind, inputs: _renamed(inputs) if kind in NOT_REFERRED_TO else inputs,
    "memory limits and volumes a little larger": lambda kind, inputs: (
        inputs if kind in ("NodePool", "ResourceQuota") else _limits_grown(inputs)
    ),
    "longer histories": lambda _, inputs: _histories_kept(inputs),
}


def change(lab: Lab, edit: Callable[[str, Inputs], Inputs]) -> Change:
    """The edit on every resource of a stack."""
    return Change(
        {
            urn: replace(each, inputs=edit(each.type.rpartition(":")[2], each.inputs))
            for urn, each in lab.declared.items()
        }
    )
