"""Changes of a program: what tests of rules are made of."""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from guardrails.resource import family
from rehearsal.engine.model import UNKNOWN, Evaluation, Resource
from tests.policies.shipped import CLOCK

Resources = dict[str, Resource]


@dataclass(frozen=True)
class Edit:
    """A change of a program. `apply` returns the resources as changed, or None where there is nothing to change."""

    name: str
    apply: Callable[[Resources], Resources | None]
    on: frozenset[str] | None = None
    trips: bool = True
    judged_at: datetime = CLOCK
    given: Mapping[str, Any] = field(default_factory=dict)

    def __add__(self, other: "Edit") -> "Edit":
        """Both changes."""

        def both(resources: Resources) -> Resources | None:
            first = self.apply(resources)
            return None if first is None else other.apply(first)

        return replace(self, name=f"{self.name}, {other.name}", apply=both)

    def configuration(self, evaluation: Evaluation) -> dict[str, Any]:
        """What the pack is given with it, for this evaluation of a stack."""
        return {key: value(evaluation) if callable(value) else value for key, value in self.given.items()}

    def at(self, moment: datetime) -> "Edit":
        """The same edit, judged at another time."""
        return replace(self, name=f"{self.name} at {moment:%Y-%m-%d %H:%M}", judged_at=moment)


NOTHING: Final = Edit("nothing", lambda resources: resources)


def fine(edit: Edit) -> Edit:
    """An edit under `absent` or `unknown` that the rule takes: a safe default, or skipped on purpose."""
    return replace(edit, trips=False)


def only(on: Iterable[str], edit: Edit) -> Edit:
    """An edit that trips the rule on these stacks alone."""
    return replace(edit, on=frozenset(on))


def given(edit: Edit, **configuration: Any) -> Edit:
    """The same edit, with more configuration for the pack; a value may be a function of the stack's evaluation."""
    return replace(edit, given={**edit.given, **configuration})


def put(what: str, path: str, value: Any) -> Edit:
    """Sets `path` of every resource that `what` names (see `chosen`); `value` may be a function of what is there."""

    def change(inputs: dict[str, Any]) -> bool:
        return _set(inputs, path, value)

    return Edit(f"{what} {path} = {value if not callable(value) else '...'}", _changing(what, change))


def drop(what: str, path: str) -> Edit:
    """Takes `path` away."""
    return Edit(f"{what} without {path}", _changing(what, lambda inputs: _set(inputs, path, _GONE)))


def forget(what: str, path: str) -> Edit:
    """Makes what is at `path` unknown, as an output of something not yet deployed."""
    return Edit(f"{what} {path} unknown", _changing(what, lambda inputs: _set(inputs, path, UNKNOWN)))


def delete(what: str) -> Edit:
    """Takes resources out of the program."""

    def change(resources: Resources) -> Resources | None:
        gone = set(chosen(resources, what))
        return {urn: each for urn, each in resources.items() if urn not in gone} if gone else None

    return Edit(f"no {what}", change)


def protect(what: str, protected: bool) -> Edit:
    """Sets the resource option."""

    def change(resources: Resources) -> Resources | None:
        urns = chosen(resources, what)
        changed = {urn: replace(resources[urn], protect=protected) for urn in urns}
        return {**resources, **changed} if urns else None

    return Edit(f"{what} protect={protected}", change)


def add(type_token: str, name: str, inputs: Mapping[str, Any], beside: str = "") -> Edit:
    """Adds a resource; only where `beside` is there, if given. Inputs may be a copy of another's with changes."""

    def change(resources: Resources) -> Resources | None:
        if beside and not chosen(resources, beside):
            return None
        stack = next(iter(resources)).split(":")[2]
        urn = f"urn:pulumi:{stack}::odoo-retail::{type_token}::{name}"
        return {**resources, urn: Resource(urn, type_token, name, "", True, dict(inputs), dict(inputs))}

    return Edit(f"added {type_token.rpartition(':')[2]} {name}", change)


def modify(name: str, what: str, change: Callable[[dict[str, Any]], Any]) -> Edit:
    """Any change of inputs: `change` edits its own copy in place."""

    def run(inputs: dict[str, Any]) -> bool:
        change(inputs)
        return True

    return Edit(name, _changing(what, run))


def unlink(what: str, key: str) -> Edit:
    """Takes away what an input was made from: it is written as a literal now."""

    def change(resources: Resources) -> Resources | None:
        urns = chosen(resources, what)
        changed = {
            urn: replace(
                resources[urn],
                property_dependencies={k: v for k, v in resources[urn].property_dependencies.items() if k != key},
            )
            for urn in urns
        }
        return {**resources, **changed} if urns else None

    return Edit(f"{what} {key} detached", change)


def chosen(resources: Resources, what: str) -> list[str]:
    """URNs of the resources named by a type token, with `::` and a part of the name behind it if not all are meant.

    A part that begins with `=` is the whole name of a Kubernetes object.
    """
    type_token, _, part = what.partition("::")
    wanted = family(type_token)
    found = []
    for urn, resource in resources.items():
        if family(resource.type) != wanted:
            continue
        metadata = resource.inputs.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else resource.name
        if part in resource.name or (part.startswith("=") and name == part[1:]):
            found.append(urn)
    return found


_GONE: Final = object()


def _changing(what: str, change: Callable[[dict[str, Any]], bool]) -> Callable[[Resources], Resources | None]:
    def apply(resources: Resources) -> Resources | None:
        changed = {}
        for urn in chosen(resources, what):
            inputs = copy.deepcopy(resources[urn].inputs)
            if change(inputs):
                changed[urn] = replace(resources[urn], inputs=inputs)
        return {**resources, **changed} if changed else None

    return apply


def _set(inputs: dict[str, Any], path: str, value: Any) -> bool:
    """Sets or takes away what is at a dotted path; `[0]`, `[*]` and `[name=X]` are items of lists.

    A key with dots in it stands in quotes: `metadata.labels."app.kubernetes.io/name"`. False where nothing is there to
    take away or to look into.
    """
    places: list[Any] = [inputs]
    *above, last = _keys(path)
    for key in above:
        deeper: list[Any] = []
        for place in places:
            if isinstance(place, list):
                deeper += [place[index] for index in _indexes(place, key)]
            elif isinstance(place, dict) and (key in place or value is not _GONE):
                deeper.append(place.setdefault(key, {}) if value is not _GONE else place[key])
        places = deeper
    changed = False
    for place in places:
        if isinstance(place, list):
            for index in _indexes(place, last):
                place[index] = _new(value, place[index])
                changed = True
            if value is _GONE:
                place[:] = [item for item in place if item is not _GONE]
        elif isinstance(place, dict):
            if value is _GONE:
                changed |= place.pop(last, _GONE) is not _GONE
            else:
                place[last] = _new(value, place.get(last))
                changed = True
    return changed


def _indexes(place: list[Any], key: str) -> list[int]:
    """`*` for all items, a number for one, `name=X` for those with that field."""
    name, equals, wanted = key.partition("=")
    if equals:
        return [index for index, item in enumerate(place) if isinstance(item, dict) and item.get(name) == wanted]
    return [index for index in range(len(place)) if key in ("*", str(index))]


def _new(value: Any, before: Any) -> Any:
    return value(before) if callable(value) else copy.deepcopy(value) if value is not _GONE else _GONE


def _keys(path: str) -> list[str]:
    keys: list[str] = []
    for number, part in enumerate(path.split('"')):
        if number % 2:
            keys.append(part)
        else:
            keys += [key for key in part.replace("[", ".").replace("]", "").split(".") if key]
    return keys
