"""Helm values against the keys that the charts document, at the versions that are pinned.

`charts/<chart>-<version>.txt` has the keys, one to a line with its type: `boolean`, `number`, `text`, `list`, `map` (of
texts, keys free), `any` (not looked into), or a type of Kubernetes' API, which the value below is held against. Helm
drops what it doesn't know without a word, so a key is a finding until somebody looked it up in the chart and listed it.
"""

import difflib
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rehearsal.conformance.model import Outcome, custom_resources, shown
from rehearsal.crds.kubernetes_definitions import reference, registry
from rehearsal.crds.strict_schema import StrictSchema
from rehearsal.engine.kubernetes_outputs import RELEASE
from rehearsal.engine.model import UNKNOWN, Evaluation, Resource, Secret, reveal

CHARTS_DIR: Final = Path(__file__).resolve().parent / "charts"
_PLAIN: Final[Mapping[str, tuple[type, ...]]] = {
    "boolean": (bool,), "number": (int, float), "text": (str,), "list": (list,), "map": (dict,),
}  # fmt: skip
_CORE: Final = "io.k8s.api.core.v1."
_LIST_MARK: Final = "[]"


class HelmCheck:
    """Every value of every Helm release."""

    name = "Helm values"

    def run(self, evaluation: Evaluation) -> Outcome:
        outcome = Outcome("values")
        for resource in custom_resources(evaluation, "kubernetes"):
            if resource.type == RELEASE:
                _Walk(resource, outcome).release()
        return outcome


def chart_keys(chart: str, version: str, folder: Path = CHARTS_DIR) -> Mapping[str, str] | None:
    """The known keys of a chart by path, with their types; None where this version was not looked up."""
    file = folder / f"{chart}-{version}.txt"
    return _read(file) if file.is_file() else None


@functools.cache
def _read(file: Path) -> Mapping[str, str]:
    keys = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            key, kind = line.split()
            keys[key] = kind
    return keys


class _Walk:
    def __init__(self, resource: Resource, outcome: Outcome) -> None:
        self._resource = resource
        self._outcome = outcome
        self._keys: Mapping[str, str] = {}

    def release(self) -> None:
        chart = str(reveal(self._resource.inputs["chart"])).rpartition("/")[2]
        version = str(reveal(self._resource.inputs.get("version")))
        values = self._resource.inputs.get("values") or {}
        keys = chart_keys(chart, version)
        if keys is None:
            known = sorted(file.stem.removeprefix(f"{chart}-") for file in CHARTS_DIR.glob(f"{chart}-[0-9v]*.txt"))
            allowed = ", ".join(known) or "a chart with a list of keys"
            self._outcome.skipped(f"no keys of {chart} {version}", len(list(_leaves(values))))
            self._wrong("version", f"{chart} {version}", f"{allowed} (rehearsal/conformance/charts)")
            return
        self._keys = keys
        self._values(values, "")

    def _values(self, values: Any, path: str) -> None:
        held = values.value if isinstance(values, Secret) else values
        for name, value in held.items():
            place = f"{path}.{name}" if path else name
            plain = value.value if isinstance(value, Secret) else value
            if place in self._keys:
                self._known(value, place, self._keys[place])
            elif isinstance(plain, dict) and plain and place in self._places():
                self._values(value, place)
            else:
                self._outcome.saw(len(list(_leaves(value))))
                near = difflib.get_close_matches(place, sorted(self._places()), n=1)
                self._wrong(place, "a key nobody looked up", f"{near[0]}?" if near else "the keys listed for the chart")

    def _known(self, value: Any, place: str, kind: str) -> None:
        plain = reveal(value)
        leaves = len(list(_leaves(value)))
        if kind == "any":
            self._outcome.skipped("handed on by the chart as they are", leaves)
            return
        self._outcome.saw(leaves)
        if plain is UNKNOWN:
            return
        if kind in _PLAIN:
            fits = isinstance(plain, _PLAIN[kind]) and (kind == "boolean" or not isinstance(plain, bool))
            if not fits:
                self._wrong(place, shown(value), f"a {kind}")
            elif kind == "map":
                for key, item in plain.items():
                    if not isinstance(item, str):
                        self._wrong(f"{place}.{key}", shown(item), "a text")
            return
        for problem in _schema(kind).problems(value):
            self._wrong(f"{place}{'' if problem.path.startswith('[') else '.'}{problem.path}", problem.message, kind)

    def _places(self) -> set[str]:
        """The keys, and the sections they are in."""
        parts = [key.split(".") for key in self._keys]
        return {".".join(key[:length]) for key in parts for length in range(1, len(key) + 1)}

    def _wrong(self, path: str, given: str, allowed: str) -> None:
        inside = path if path == "version" else f"values.{path}"
        self._outcome.wrong(self._resource, inside.rstrip("."), given, allowed)


@functools.cache
def _schema(kind: str) -> StrictSchema:
    schema: dict[str, Any] = reference(_CORE + kind.removesuffix(_LIST_MARK))
    if kind.endswith(_LIST_MARK):
        schema = {"type": "array", "items": schema}
    return StrictSchema(schema, registry())


def _leaves(value: Any) -> Iterator[Any]:
    plain = value.value if isinstance(value, Secret) else value
    if isinstance(plain, dict) and plain:
        for item in plain.values():
            yield from _leaves(item)
    elif isinstance(plain, list) and plain:
        for item in plain:
            yield from _leaves(item)
    else:
        yield plain
