"""Stands in for External Secrets Operator: stores are ready, and each ExternalSecret gets its Secret.

The values are made up (one per remote key and property, the same wherever it is asked for, never the program's own):
no store is read. Templates are rendered far enough to keep their structure: `{{ .name }}`, with the usual pipes,
becomes the value made up for it; what else stands between braces is left out. Of `dataFrom`, whose keys only the real
store knows, the Secret holds what the template asks for. It does not refresh, push, or make ClusterExternalSecrets.
"""

import base64
import json
import re
from collections.abc import Callable, Iterator

from rehearsal.standins import kinds
from rehearsal.standins.generated import Generator, secret_data
from rehearsal.standins.stand_in import Action, keep, keep_status, owned, per_object
from rehearsal.standins.world import Object, World

_EXPRESSION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_REFERENCE = re.compile(r"^\(?\s*(?:(\w+)\s+)?\.([A-Za-z_]\w*)\s*\)?$")
_INDEXED = re.compile(r'^index\s+\.\s+"([^"]+)"$')
_CONTROL = frozenset({"if", "with", "range", "else"})
_FUNCTIONS: dict[str, Callable[[str], str]] = {
    "b64enc": lambda value: base64.b64encode(value.encode()).decode(),
    "quote": json.dumps,
    "squote": lambda value: f"'{value}'",
    "toJson": json.dumps,
    "upper": str.upper,
    "lower": str.lower,
    "trim": str.strip,
}
"""The pipes that change what a made-up value looks like; any other (b64dec, toString, ...) leaves it as it is."""


class ExternalSecrets:
    """The External Secrets stand-in."""

    name = "external-secrets"
    watches = (kinds.EXTERNAL_SECRET, kinds.SECRET_STORE, kinds.CLUSTER_SECRET_STORE, kinds.SECRET)
    settle_seconds = 0.1

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def plan(self, world: World) -> Iterator[Action]:
        yield from per_object(world, kinds.SECRET_STORE, store_status)
        yield from per_object(world, kinds.CLUSTER_SECRET_STORE, store_status)
        yield from per_object(world, kinds.EXTERNAL_SECRET, self.desired)

    def desired(self, external: Object, world: World) -> Iterator[Action]:
        """The Secret, then the status of an ExternalSecret whose Secret is there."""
        secret = target(external, self._generator)
        missing = list(keep(world, [secret]))
        yield from missing
        if not missing:
            yield from keep_status(external, _synced(secret["metadata"]["name"]))


def store_status(store: Object, _: World) -> Iterator[Action]:
    message = "a stand-in; no store was asked"
    condition = {"type": "Ready", "status": "True", "reason": "StandIn", "message": message}
    yield from keep_status(store, {"conditions": [condition], "capabilities": "ReadWrite"})


def target(external: Object, generator: Generator) -> Object:
    """The Secret of an ExternalSecret, with made-up values."""
    spec = external["spec"]
    wanted = spec.get("target") or {}
    template = wanted.get("template") or {}
    values = fetched(external, generator)
    data = {} if template.get("data") and template.get("mergePolicy", "Replace") == "Replace" else dict(values)
    data |= {key: render(text, values, generator) for key, text in (template.get("data") or {}).items()}
    metadata = template.get("metadata") or {}
    secret: Object = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": wanted.get("name") or external["metadata"]["name"],
            "labels": metadata.get("labels") or {},
            "annotations": metadata.get("annotations") or {},
        },
        "type": template.get("type", "Opaque"),
        "data": secret_data(data),
    }
    if wanted.get("immutable"):
        secret["immutable"] = True
    return owned(secret, external, ExternalSecrets.name)


def fetched(external: Object, generator: Generator) -> dict[str, str]:
    """What the store would have given for `spec.data`: secret key -> value."""
    return {
        entry["secretKey"]: generator.password(
            "external-secret", entry["remoteRef"]["key"], entry["remoteRef"].get("property", "")
        )
        for entry in external["spec"].get("data") or []
    }


def render(text: str, values: dict[str, str], generator: Generator) -> str:
    """A Go template with its values filled in; a name that is not among `values` gets one of its own."""

    def replaced(expression: re.Match[str]) -> str:
        first, *pipes = (part.strip() for part in expression.group(1).split("|"))
        name, functions = _referenced(first)
        if name is None:
            return ""
        value = values.get(name) or generator.password("external-secret-template", name)
        for function in [*functions, *(pipe.split()[0] for pipe in pipes if pipe)]:
            value = _FUNCTIONS.get(function, str)(value)
        return value

    return _EXPRESSION.sub(replaced, text)


def _referenced(expression: str) -> tuple[str | None, list[str]]:
    """The name an expression like `.name`, `quote .name` or `index . "name"` stands for, and the function on it."""
    if indexed := _INDEXED.match(expression):
        return indexed.group(1), []
    reference = _REFERENCE.match(expression)
    if reference is None or reference.group(1) in _CONTROL:
        return None, []
    function, name = reference.groups()
    return name, [function] if function else []


def _synced(secret_name: str) -> Object:
    message = "a stand-in made the values up"
    return {
        "conditions": [{"type": "Ready", "status": "True", "reason": "SecretSynced", "message": message}],
        "binding": {"name": secret_name},
    }
