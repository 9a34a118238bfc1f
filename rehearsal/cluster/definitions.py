"""CustomResourceDefinitions: installed where the operators' charts would have brought them, and waited for."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rehearsal.cluster.client import Client, Kind, Object
from rehearsal.cluster.work import Crew, Refused
from rehearsal.errors import RehearsalError
from rehearsal.progress import Progress

_DEFINITION: Final = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_DIGEST: Final = "retail/digest"
_SERVED_SECONDS: Final = 60.0


def install(client: Client, definitions: Sequence[Mapping[str, Any]], progress: Progress) -> int:
    """Applies the definitions that are missing or differ; returns how many, once the API server serves all of them.

    Those that are as they should be are known by a digest: they are megabytes, and seconds of the API server's work.
    Raises RehearsalError with all refusals at once.
    """
    present = {
        item["metadata"]["name"]: item["metadata"].get("annotations", {}).get(_DIGEST)
        for item in client.list(*_DEFINITION, metadata_only=True).items
    }
    wanted: list[Object] = []
    for definition in definitions:
        digest = hashlib.sha256(json.dumps(definition, sort_keys=True, default=str).encode()).hexdigest()[:16]
        metadata = definition["metadata"]
        annotations = {**metadata.get("annotations", {}), _DIGEST: digest}
        if present.get(metadata["name"]) != digest:
            # Without the status that generated files carry: it is the API server's to write.
            wanted.append(
                {
                    "apiVersion": definition["apiVersion"],
                    "kind": definition["kind"],
                    "metadata": {**metadata, "annotations": annotations, "creationTimestamp": None},
                    "spec": definition["spec"],
                }
            )
    refused: list[str] = []
    with progress.step("resource definitions of the operators") as step, Crew() as crew:
        for done, (definition, outcome) in enumerate(crew.each(client.apply, wanted), start=1):
            step.show("definitions", done=done, total=len(wanted))
            if isinstance(outcome, Refused):
                refused.append(f"  - {definition['metadata']['name']}: {outcome}")
    if refused:
        raise RehearsalError("\n".join(["the cluster refused resource definitions:", *sorted(refused)]))
    wait_until_served(client, wanted)
    return len(wanted)


def wait_until_served(client: Client, definitions: Iterable[Mapping[str, Any]]) -> None:
    """Returns when the API server answers for every served version; a request a moment earlier would be a 404."""
    waiting = [
        Kind(
            api_version=f"{spec['group']}/{version['name']}",
            kind=spec["names"]["kind"],
            plural=spec["names"]["plural"],
            namespaced=spec["scope"] == "Namespaced",
        )
        for spec in (definition["spec"] for definition in definitions)
        for version in spec["versions"]
        if version["served"]
    ]
    deadline = time.monotonic() + _SERVED_SECONDS
    while waiting := [kind for kind in waiting if not client.learn(kind)]:
        if time.monotonic() > deadline:
            late = ", ".join(f"{kind.kind} of {kind.api_version}" for kind in waiting)
            raise RehearsalError(f"still not served {_SERVED_SECONDS:.0f} s after its definition was applied: {late}")
        time.sleep(0.05)
