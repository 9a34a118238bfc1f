"""Our CloudNativePG schemas against the operator's full ones: `python -m rehearsal.crds.compare DIR`.

Ours are a part of the real ones. Whatever ours allow, the real ones must allow, and refuse what they refuse, so every
field of ours must be there with the same type, rules and default. Fields that only the full ones have don't matter.
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rehearsal.crds.catalogue import own_crds
from rehearsal.crds.yaml_documents import crds_in

_RULES: Final = (
    *("type", "format", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"),
    *("default", "nullable", "x-kubernetes-int-or-string", "x-kubernetes-embedded-resource"),
    *("x-kubernetes-list-type", "x-kubernetes-list-map-keys", "x-kubernetes-map-type"),
)
# What Kubernetes assumes where a schema is silent, so that silence and the words for it are the same.
_ASSUMED: Final = {"x-kubernetes-list-type": "atomic", "x-kubernetes-map-type": "granular"}
_OPEN: Final = "x-kubernetes-preserve-unknown-fields"


def main(directory: str) -> int:
    """Print the differences. Exit code 0 when there are none, 1 when there are, 2 when `directory` holds no CRDs."""
    folder = Path(directory)
    full = [crd for file in sorted(folder.glob("*.y*ml")) for crd in crds_in(file)] if folder.is_dir() else []
    if not full:
        print(f"{directory}: no folder with CustomResourceDefinitions (*.yaml)", file=sys.stderr)
        return 2
    found = differences(own_crds(), full)
    for difference in found:
        print(difference)
    print(f"{len(own_crds())} CRDs compared, {len(found)} differences")
    return 1 if found else 0


def differences(ours: list[dict[str, Any]], full: list[dict[str, Any]]) -> list[str]:
    """One line per difference, beginning with kind and field."""
    by_name = {crd["metadata"]["name"]: crd["spec"] for crd in full}
    found: list[str] = []
    for crd in ours:
        kind, real = crd["spec"]["names"]["kind"], by_name.get(crd["metadata"]["name"])
        found += [f"{kind}: not among the full ones"] if real is None else _definition(crd["spec"], real, kind)
    return found


def _definition(ours: Mapping[str, Any], real: Mapping[str, Any], kind: str) -> Iterator[str]:
    for key in ("group", "scope", "names"):
        if ours[key] != real[key]:
            yield f"{kind}: {key} is {ours[key]}, really {real[key]}"
    versions = {version["name"]: version for version in real["versions"]}
    for version in ours["versions"]:
        theirs = versions.get(version["name"])
        if theirs is None:
            yield f"{kind}: version {version['name']} does not exist"
            continue
        for key in ("served", "storage", "subresources"):
            if version.get(key) != theirs.get(key):
                yield f"{kind}: {key} is {version.get(key)}, really {theirs.get(key)}"
        if _columns(version) != _columns(theirs):
            yield f"{kind}: the printer columns are others"
        yield from _field(version["schema"]["openAPIV3Schema"], theirs["schema"]["openAPIV3Schema"], kind)


def _columns(version: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    return [(c["name"], c["type"], c["jsonPath"]) for c in version.get("additionalPrinterColumns", ())]


def _field(ours: Mapping[str, Any], real: Mapping[str, Any], path: str) -> Iterator[str]:
    for rule in _RULES:
        mine, theirs = (side.get(rule, _ASSUMED.get(rule)) for side in (ours, real))
        if rule == "enum" and mine and theirs:
            mine, theirs = sorted(mine), sorted(theirs)
        if mine != theirs:
            yield f"{path}: {rule} is {_shown(mine)}, really {_shown(theirs)}"
    if ours.get(_OPEN):
        return  # where the real one spells out a whole Kubernetes type, `check` uses Kubernetes' own schema of it
    if real.get(_OPEN):
        yield f"{path}: closed, really any field is allowed"
    required, really = set(ours.get("required", ())), set(real.get("required", ()))
    for name in sorted(required - really):
        yield f"{path}.{name}: required, really optional"
    for name in sorted(really - required):
        yield f"{path}.{name}: optional or missing, really required"
    rules = [
        {"".join(rule["rule"].split()) for rule in side.get("x-kubernetes-validations", ())} for side in (ours, real)
    ]
    for rule in sorted(rules[0] ^ rules[1]):
        yield f"{path}: {'has a rule that is not really there' if rule in rules[0] else 'lacks a rule'}: {rule}"
    for name, field in ours.get("properties", {}).items():
        if name in real.get("properties", {}):
            yield from _field(field, real["properties"][name], f"{path}.{name}")
        else:
            yield f"{path}.{name}: does not exist"
    for key, mark in (("items", "[]"), ("additionalProperties", ".*")):
        mine, theirs = ours.get(key), real.get(key)
        if isinstance(mine, Mapping) and isinstance(theirs, Mapping):
            yield from _field(mine, theirs, path + mark)
        elif bool(mine) != bool(theirs):
            yield f"{path}: {key} is {_shown(mine)}, really {_shown(theirs)}"


def _shown(value: Any) -> str:
    return "not set" if value is None else str(value)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: python -m rehearsal.crds.compare DIR", file=sys.stderr)
        sys.exit(2)
    sys.exit(main(sys.argv[1]))
